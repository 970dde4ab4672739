import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../src/streams/simulation/random.ts'
import { Caller, type Ground } from './mixed-caller.ts'
import { AT_THE_ROOT, STREAMS } from './mixed-life.ts'

/** Subscriptions over streams that come and go: a worker that claims, and a receiver of webhooks. Neither is reliable. */

const ROOT = `${STREAMS}${AT_THE_ROOT}`
const JSON_TYPE = { 'content-type': 'application/json' }
const LEASE_MS = 1000

interface Wake {
  readonly wake_id: string
  readonly generation: number
  readonly streams: readonly { path: string; acked_offset: string; tail_offset: string; has_pending: boolean }[]
}
type Claim = Wake & { readonly token: string }
type Webhook = Wake & { readonly callback_url: string; readonly callback_token: string }

/** Claims what there is to do, reads it, and acknowledges it; or lets its lease run out, or gives it back. */
export async function workOnWakes(ground: Ground, random: Random): Promise<void> {
  const caller = new Caller(ground)
  const name = random.below(2 ** 32).toString(36)
  const wakes = `wakes-${name}`
  await caller.ask('create', { method: 'PUT', path: `${ROOT}/${wakes}`, headers: JSON_TYPE }, 201)
  const address = await subscribe(caller, name, { type: 'pull-wake', wake_stream: wakes })
  let generation = 0
  while (!ground.over.aborted) {
    const body = JSON.stringify({ worker: 'mixed' })
    const answer = await caller.ask(
      'claim',
      { method: 'POST', path: `${address}/claim`, headers: JSON_TYPE, body },
      200,
      409,
    )
    const said = JSON.parse(answer.body.toString()) as Claim & { error?: { code: string } }
    if (answer.status === 409) {
      if (!['NO_PENDING_WORK', 'ALREADY_CLAIMED'].includes(said.error?.code ?? ''))
        throw new Error(`claim: ${answer.body}`)
      await wait(random.below(100))
      continue
    }
    if (said.generation <= generation) throw new Error(`generation ${said.generation} came after ${generation}`)
    generation = said.generation
    await workOn(caller, address, said, random)
  }
  await caller.ask('unsubscribe', { method: 'DELETE', path: address }, 204)
  await caller.ask('delete', { method: 'DELETE', path: `${ROOT}/${wakes}` }, 204)
  caller.close()
}

async function workOn(caller: Caller, address: string, claim: Claim, random: Random): Promise<void> {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${claim.token}` }
  const named = { wake_id: claim.wake_id, generation: claim.generation }
  const post = (what: string, path: string, body: object, ...allowed: number[]) =>
    caller.ask(what, { method: 'POST', path, headers, body: JSON.stringify({ ...named, ...body }) }, ...allowed)
  if (random.chance(0.1)) return void (await post('release', `${address}/release`, {}, 204))
  // Somebody else may have it meanwhile, or nobody does: what it says then counts in the second case alone.
  if (random.chance(0.05)) await wait(1.2 * LEASE_MS)
  const first = claim.streams.find(({ has_pending }) => has_pending)
  if (first) {
    const path = `${ROOT}/${first.path}?offset=${first.acked_offset}`
    await caller.ask('page', { method: 'GET', path }, 200, 404, 410)
  }
  // A stream that was deleted meanwhile cannot be acknowledged, and then nothing of the request counts.
  const acked = await post('ack', `${address}/ack`, { acks: acksOf(claim), done: true }, 200, 409)
  if (acked.status === 409) await post('ack', `${address}/ack`, { done: true }, 200, 409)
}

/** Answers the webhooks of a subscription: some at once, some by calling back, some not at all. */
export async function receiveWebhooks(ground: Ground, random: Random): Promise<void> {
  const caller = new Caller(ground)
  const failed = Promise.withResolvers<never>()
  const name = random.below(2 ** 32).toString(36)
  const receiver = createServer((request, response) => {
    receive(ground, request, response, random).catch(failed.reject)
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const { port } = receiver.address() as AddressInfo
  const webhook = { url: `http://127.0.0.1:${port}/hook` }
  const address = await subscribe(caller, name, { type: 'webhook', webhook })
  const over = once(ground.over, 'abort')
  await Promise.race([ground.over.aborted ? null : over, failed.promise])
  await caller.ask('unsubscribe', { method: 'DELETE', path: address }, 204)
  receiver.closeAllConnections()
  receiver.close()
  caller.close()
}

async function receive(
  ground: Ground,
  request: IncomingMessage,
  response: ServerResponse,
  random: Random,
): Promise<void> {
  // A server that gives up while it sends is not the receiver's business.
  const body = await text(request).catch(() => null)
  if (body === null) return
  const webhook = JSON.parse(body) as Webhook
  ground.tally.add('webhook')
  const answer = random.weighted({ done: 60, callback: 20, refused: 8, silence: 4, broken: 8 })
  if (answer === 'silence') return
  if (answer === 'broken') return void response.destroy()
  if (answer === 'refused') return void response.writeHead(503).end()
  response.writeHead(200, JSON_TYPE).end(JSON.stringify(answer === 'done' ? { done: true } : {}))
  if (answer !== 'callback') return
  const caller = new Caller(ground)
  const { pathname: path } = new URL(webhook.callback_url)
  const headers = { ...JSON_TYPE, authorization: `Bearer ${webhook.callback_token}` }
  const { wake_id, generation } = webhook
  const said = JSON.stringify({ wake_id, generation, acks: acksOf(webhook), done: true })
  // The wake may be over by then, and the subscription too.
  await caller.ask('callback', { method: 'POST', path, headers, body: said }, 200, 404, 409)
  caller.close()
}

/** @returns where the subscription is */
async function subscribe(caller: Caller, name: string, what: object): Promise<string> {
  const path = `${ROOT}/__ds/subscriptions/${name}`
  const body = JSON.stringify({ ...what, pattern: 'mixed/**', lease_ttl_ms: LEASE_MS })
  await caller.ask('subscribe', { method: 'PUT', path, headers: JSON_TYPE, body }, 201)
  return path
}

function acksOf({ streams }: Wake): readonly { stream: string; offset: string }[] {
  return streams
    .filter(({ has_pending }) => has_pending)
    .map(({ path, tail_offset }) => ({ stream: path, offset: tail_offset }))
}
