// A receiver of webhooks, whole: it subscribes, checks who is calling, reads what is new, says how far it is, and
// unsubscribes. Nothing but Node.
//
//   TRIBUTARY_URL=http://localhost:3000 TRIBUTARY_TOKEN=trb_… node webhook.ts
//
// The token's role is operator, because it makes a subscription; to read and to write, editor is enough:
//   npm run -s tributary -- token create --project demo --role operator
import { createPublicKey, verify } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const { TRIBUTARY_URL = 'http://localhost:3000', TRIBUTARY_PROJECT = 'demo', TRIBUTARY_TOKEN = '' } = process.env
const root = `${TRIBUTARY_URL}/api/streams/${TRIBUTARY_PROJECT}/v1/stream`
const name = `webhook-${Date.now()}`

interface Wake {
  readonly wake_id: string
  readonly generation: number
  readonly streams: readonly { readonly path: string; readonly acked_offset: string; readonly has_pending: boolean }[]
  readonly callback_url: string
  readonly callback_token: string
}

async function call(method: string, url: string, body?: unknown, token = TRIBUTARY_TOKEN): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
  if (response.ok) return response
  throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`)
}

/** Whether our server has signed this very body, lately. The keys come from an address of ours, never from the request. */
async function isSigned(header: string, body: string): Promise<boolean> {
  const part = (key: string) => new RegExp(`(?:^|,)${key}=([^,]*)`).exec(header)?.[1] ?? ''
  // Who has recorded a request may send it again: what is older than five minutes is none.
  if (!(Math.abs(Date.now() / 1000 - Number(part('t'))) < 300)) return false
  // May be kept for as long as `Cache-Control` says.
  const { keys } = (await (await fetch(`${root}/__ds/jwks.json`)).json()) as { keys: { kid: string; x: string }[] }
  const key = keys.find(({ kid }) => kid === part('kid'))
  if (key === undefined) return false
  const publicKey = createPublicKey({ key, format: 'jwk' })
  return verify(null, Buffer.from(`${part('t')}.${body}`), publicKey, Buffer.from(part('ed25519'), 'base64url'))
}

/** Works off a wake. What is done is told together, at the end: until then nothing of it counts. */
async function work({ wake_id, generation, streams, callback_url, callback_token }: Wake): Promise<number> {
  const acks: { stream: string; offset: string }[] = []
  let count = 0
  for (const { path, acked_offset } of streams.filter(({ has_pending }) => has_pending)) {
    let offset = acked_offset
    for (let done = false; !done;) {
      const page = await call('GET', `${root}/${path}?offset=${offset}`)
      for (const order of (await page.json()) as unknown[]) {
        console.log(`${path.replace(name, '…')}: ${JSON.stringify(order)}`)
        count++
      }
      offset = page.headers.get('stream-next-offset') ?? offset
      done = page.headers.get('stream-up-to-date') === 'true'
    }
    acks.push({ stream: path, offset })
  }
  // What takes longer than the lease calls back in between, without `done`: the lease begins anew.
  await call('POST', callback_url, { wake_id, generation, acks, done: true }, callback_token)
  return count
}

const allDone = Promise.withResolvers<void>()
let left = 3

const receiver = createServer(async (request, response) => {
  let body = ''
  for await (const piece of request.setEncoding('utf8')) body += piece as string
  if (!(await isSigned(String(request.headers['webhook-signature']), body))) {
    response.writeHead(401).end()
    return
  }
  // Taken. The work comes after the answer, so that it may take as long as the lease.
  response.writeHead(202).end()
  const wake = JSON.parse(body) as Wake
  work(wake).then((count) => {
    left -= count
    if (left === 0) allDone.resolve()
  }, allDone.reject)
})
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
// A server on the internet needs an https address here, and sends nothing into its own network.
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`

const subscription = `${root}/__ds/subscriptions/${name}`
await call('PUT', subscription, { type: 'webhook', pattern: `${name}/*`, webhook: { url }, lease_ttl_ms: 60_000 })
console.log('subscribed')

// What others do: a stream that the pattern matches, found when it is made, and a message to it.
await call('PUT', `${root}/${name}/orders`, [{ order: 1 }, { order: 2 }])
await call('POST', `${root}/${name}/orders`, { order: 3 })

const forged = {
  method: 'POST',
  headers: { 'webhook-signature': `t=${Math.floor(Date.now() / 1000)},kid=ds_1,ed25519=AA` },
}
console.log('forged:', (await fetch(url, { ...forged, body: '{}' })).status)

await allDone.promise
const { streams } = (await (await call('GET', subscription)).json()) as { streams: { acked_offset: string }[] }
console.log('done to', streams[0]?.acked_offset)
await call('DELETE', subscription)
receiver.close()
