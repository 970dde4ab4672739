import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import { WebhookReceiver } from '../streams/subscriptions/testing.ts'

// What docs/subscriptions.md says of the less usual days of a subscription: its wake stream is missing, its project is
// renamed, a stream that it names goes.

let tributary: TestTributary
let admin: Door
beforeAll(async () => {
  tributary = await TestTributary.start()
  admin = tributary.door('admin')
})
afterAll(() => tributary.stop())

const SUBSCRIPTIONS = '/v1/stream/__ds/subscriptions'
const subscribe = (id: string, config: unknown, door = admin) =>
  door.put(`${SUBSCRIPTIONS}/${id}`, JSON.stringify(config))
const claim = (id: string) => admin.post(`${SUBSCRIPTIONS}/${id}/claim`, '{"worker":"w"}')
const described = async (id: string, door = admin) =>
  (await door.get(`${SUBSCRIPTIONS}/${id}`)).json as {
    readonly status: string
    readonly last_error: string | null
    readonly next_attempt_at: string | null
    readonly streams: readonly { readonly path: string; readonly acked_offset: string }[]
  }

test('a wake stream that is not there yet is tried again, and says so; a worker that asks by itself needs none', async () => {
  await subscribe('waits', { type: 'pull-wake', pattern: 'waits/*', wake_stream: 'later' })
  await admin.put('/v1/stream/waits/a', '{"n":1}')
  await eventually(async () => (await described('waits')).status === 'failed')
  const { last_error, next_attempt_at } = await described('waits')
  expect(last_error).toBe('the wake stream /v1/stream/later does not exist')
  expect(next_attempt_at).toMatch(/^\d{4}-/)
  await admin.put('/v1/stream/later')
  await eventually(async () => (await described('waits')).status === 'active')
  expect((await admin.get('/v1/stream/later')).json).toMatchObject([{ type: 'wake', subscription_id: 'waits' }])

  await subscribe('asks', { type: 'pull-wake', pattern: 'asks/*', wake_stream: 'never' })
  await admin.put('/v1/stream/asks/a', '{"n":1}')
  await eventually(async () => (await described('asks')).status === 'failed')
  expect((await claim('asks')).json).toMatchObject({ generation: 1, streams: [{ path: 'asks/a' }] })
})

test('a stream that was named and deleted must be named again, by whoever adds it and not by making the same again', async () => {
  const config = { type: 'pull-wake', streams: ['named/a'], wake_stream: 'wakes' }
  await subscribe('names', config)
  await admin.put('/v1/stream/named/a', '{"n":1}')
  await admin.send('DELETE', '/v1/stream/named/a')
  await eventually(async () => (await described('names')).streams.length === 0)
  await admin.put('/v1/stream/named/a', '{"n":2}')
  expect((await subscribe('names', config)).status).toBe(200)
  expect((await described('names')).streams).toEqual([])
  expect((await claim('names')).json).toMatchObject({ error: { code: 'NO_PENDING_WORK' } })
  await admin.post(`${SUBSCRIPTIONS}/names/streams`, '{"streams":["named/a"]}')
  await admin.post('/v1/stream/named/a', '{"n":3}')
  expect((await claim('names')).json).toMatchObject({ streams: [{ path: 'named/a', has_pending: true }] })
})

test('a fork that a pattern finds has everything yet to do, what it begins with included', async () => {
  await admin.put('/v1/stream/forked', '[1,2]')
  await subscribe('forks', { type: 'pull-wake', pattern: 'forks/*', wake_stream: 'wakes' })
  await admin.send('PUT', '/v1/stream/forks/a', undefined, { 'stream-forked-from': '/v1/stream/forked' })
  const claimed = await eventually(async () => {
    const answer = await claim('forks')
    return answer.status === 200 && answer.json
  })
  expect(claimed).toMatchObject({ streams: [{ path: 'forks/a', acked_offset: '-1', has_pending: true }] })
})

test('when its project is renamed, one that was made under its id goes on, and one under its slug is called back no more', async () => {
  tributary.project('renamed')
  const id = tributary.projectId('renamed')
  await using receiver = await WebhookReceiver.start()
  const bySlug = tributary.door('admin', 'renamed')
  const config = (pattern: string) => ({ type: 'webhook', pattern, webhook: { url: receiver.url } })
  await subscribe('by-slug', config('slug/*'), bySlug)
  await tributary.raw(`/api/streams/${id}${SUBSCRIPTIONS}/by-id`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${tributary.token('admin', 'renamed')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(config('id/*')),
  })
  await bySlug.put('/v1/stream/slug/a', '{"n":1}')
  await bySlug.put('/v1/stream/id/a', '{"n":1}')
  const wakes = [(await receiver.nth(1)).json, (await receiver.nth(2)).json]

  const { root, socket } = tributary.itx('admin', 'renamed')
  await root.projects.get(id).rename({ slug: 'has-a-new-name' })
  socket.terminate()
  const calledBack = async (subscription: string) => {
    const { wake_id, generation, callback_url, callback_token } = wakes.find(
      ({ subscription_id }) => subscription_id === subscription,
    )!
    const answer = await fetch(callback_url, {
      method: 'POST',
      headers: { authorization: `Bearer ${callback_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ wake_id, generation }),
    })
    return answer.status
  }
  expect([await calledBack('by-id'), await calledBack('by-slug')]).toEqual([200, 401])
})
