import { afterEach, expect, test } from 'vitest'
import type { WebhookJwk } from '../streams/subscriptions/keys.ts'
import { WebhookReceiver, isSigned } from '../streams/subscriptions/testing.ts'
import { TestTributary, eventually } from './testing.ts'

// A whole server between a subscription and its worker, stopped in the middle.

const running: TestTributary[] = []
afterEach(async () => {
  for (const tributary of running.splice(0)) await tributary.stop()
})

async function started(env: Record<string, string> = {}): Promise<TestTributary> {
  const tributary = await TestTributary.start(env)
  running.push(tributary)
  return tributary
}

interface Described {
  readonly status: string
  readonly next_attempt_at: string | null
  readonly last_error: string | null
  readonly streams: readonly { readonly path: string; readonly acked_offset: string }[]
}

async function keysOf(tributary: TestTributary): Promise<readonly WebhookJwk[]> {
  const { json } = await tributary.raw('/api/streams/demo/v1/stream/__ds/jwks.json')
  return (json as { keys: readonly WebhookJwk[] }).keys
}

test('a webhook that failed before a restart comes after it: the same wake, under the same key', async () => {
  await using receiver = await WebhookReceiver.start()
  receiver.answer = () => [503, '']
  const tributary = await started()
  const door = tributary.door('admin')
  const at = '/v1/stream/__ds/subscriptions/s'
  const config = { type: 'webhook', pattern: 'events/*', webhook: { url: receiver.url }, lease_ttl_ms: 60_000 }
  await door.put(at, JSON.stringify(config))
  await door.put('/v1/stream/events/a', '{"n":1}')
  const first = await receiver.nth(1)
  await eventually(async () => ((await door.get(at)).json as Described).status === 'failed')
  expect((await door.get(at)).json).toMatchObject({
    next_attempt_at: expect.stringMatching(/^\d{4}-/) as string,
    last_error: 'it answered 503',
  })
  const keys = await keysOf(tributary)

  await tributary.kill()
  receiver.answer = () => [200, '{}']
  await tributary.resume()
  const again = await receiver.nth(2)
  expect(again.json).toMatchObject({ wake_id: first.json.wake_id, generation: 1, streams: first.json.streams })
  expect(await keysOf(tributary)).toEqual(keys)
  expect(isSigned(again, keys)).toBe(true)

  // The token of before the restart speaks for the wake after it, once that is taken.
  await eventually(async () => ((await door.get(at)).json as Described).status === 'active')
  await tributary.kill()
  await tributary.resume()
  const { wake_id, generation, streams } = first.json
  const acks = streams.map(({ path, tail_offset: offset }) => ({ stream: path, offset }))
  const called = await door.send('POST', `${at}/callback`, JSON.stringify({ wake_id, generation, acks, done: true }), {
    authorization: `Bearer ${first.json.callback_token}`,
    'content-type': 'application/json',
  })
  expect([called.status, called.json]).toEqual([200, { ok: true, next_wake: false }])
  expect(receiver.received).toHaveLength(2)

  // And what comes then is told from where it was left.
  await door.post('/v1/stream/events/a', '{"n":2}')
  const next = await receiver.nth(3)
  expect(next.json.generation).toBe(2)
  expect(next.json.streams[0]?.acked_offset).toBe(streams[0]?.tail_offset)
})

test('a worker keeps their claim through a restart, and nobody else gets it', async () => {
  const tributary = await started()
  const door = tributary.door('admin')
  const at = '/v1/stream/__ds/subscriptions/s'
  await door.put('/v1/stream/wake/pool')
  await door.put(at, JSON.stringify({ type: 'pull-wake', pattern: 'events/*', wake_stream: 'wake/pool' }))
  await door.put('/v1/stream/events/a', '{"n":1}')
  const claim = (worker: string) => door.post(`${at}/claim`, JSON.stringify({ worker }))
  const { wake_id, generation, token, streams } = (await eventually(async () => {
    const response = await claim('worker-1')
    return response.status === 200 && response.json
  })) as { wake_id: string; generation: number; token: string; streams: { path: string; tail_offset: string }[] }
  await tributary.kill()
  await tributary.resume()
  expect((await claim('worker-2')).json).toMatchObject({
    error: { code: 'ALREADY_CLAIMED', current_holder: 'worker-1' },
  })
  const acks = streams.map(({ path, tail_offset: offset }) => ({ stream: path, offset }))
  const done = await door.send('POST', `${at}/ack`, JSON.stringify({ wake_id, generation, acks, done: true }), {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
  })
  expect([done.status, done.json]).toEqual([200, { ok: true, next_wake: false }])
})

test('a server that people reach from outside sends nothing to its own machine unless it is told to', async () => {
  await using receiver = await WebhookReceiver.start()
  const outside = await started({ TRIBUTARY_BASE_URL: 'https://streams.example.com' })
  const config = JSON.stringify({ type: 'webhook', pattern: 'events/*', webhook: { url: receiver.url } })
  const refused = await outside.door('admin').put('/v1/stream/__ds/subscriptions/s', config)
  expect([refused.status, refused.json]).toMatchObject([400, { error: { code: 'WEBHOOK_URL_REJECTED' } }])
})
