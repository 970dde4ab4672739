import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StreamApi } from '../itx/handle.ts'
import { TestTributary } from '../server/testing.ts'

// Statuses that are met seldom: what was trimmed, and what is too large, told from what is not there and what is wrong.

let tributary: TestTributary
beforeAll(async () => {
  tributary = await TestTributary.start({
    TRIBUTARY_MAX_MESSAGE_BYTES: '40000',
    TRIBUTARY_MAX_BATCH_BYTES: '30000',
    TRIBUTARY_MAX_EVENT_BYTES: '20000',
  })
})
afterAll(() => tributary.stop())

const offset = (n: number) => `${String(n).padStart(16, '0')}_0000000000000000`

test('what was trimmed is 410, what was never there 404, and what is left can be read', async () => {
  // Only an import makes such a stream yet, of a log that begins above 1 and comes with the state before that.
  const createdAt = '2026-01-01T00:00:00.000Z'
  const { exists: _exists, ...empty } = await tributary.streams().state('/trimmed' as never)
  const before = { ...empty, createdAt, lastEventAt: createdAt, firstOffset: 3, maxOffset: 2, eventCount: 2 }
  const { root, socket } = tributary.itx('editor')
  await root.projects
    .get('demo')
    .streams.get('/trimmed')
    .import({
      head: { contentType: 'application/json', firstOffset: 3, baseState: JSON.stringify(before) },
      events: [{ offset: 3, type: 'b', createdAt }],
      last: true,
    })
  socket.terminate()
  const door = tributary.door('viewer')
  const gone = await door.get(`/trimmed?offset=${offset(1)}`)
  expect([gone.status, gone.json]).toMatchObject([
    410,
    { code: 'NOT_FOUND', details: { reason: 'trimmed', path: '/trimmed', after: 1, firstOffset: 3 } },
  ])
  expect((await door.get(`/trimmed?offset=${offset(2)}`)).status).toBe(200)
  // The start is the earliest that is left; who stood before the first event has missed some.
  const whole = await door.get(`/trimmed?offset=${offset(2)}`)
  for (const start of ['', '?offset=-1', '?offset=-1&live=long-poll']) {
    expect(await door.get(`/trimmed${start}`)).toMatchObject({ status: 200, text: whole.text })
  }
  expect((await door.get(`/trimmed?offset=${offset(0)}`)).status).toBe(410)
  const never = await door.get(`/never?offset=${offset(1)}`)
  expect([never.status, never.json]).toMatchObject([404, { code: 'NOT_FOUND', details: { path: '/never' } }])
})

test('who reads on from where they were told is never refused, even where nothing visible is left', async () => {
  const createdAt = '2026-01-01T00:00:00.000Z'
  const { exists: _exists, ...empty } = await tributary.streams().state('/hollow' as never)
  const before = {
    ...empty,
    createdAt,
    lastEventAt: createdAt,
    firstOffset: 5,
    maxOffset: 4,
    eventCount: 4,
    lastVisibleOffset: 2,
  }
  const { root, socket } = tributary.itx('editor')
  await root.projects
    .get('demo')
    .streams.get('/hollow')
    .import({
      head: { contentType: 'application/json', firstOffset: 5, baseState: JSON.stringify(before) },
      events: [{ offset: 5, type: 'stream/paused', createdAt, payload: '{}' }],
      last: true,
    })
  socket.terminate()
  const door = tributary.door('viewer')
  const answers = [await door.get('/hollow'), await door.get('/hollow?offset=now'), await door.send('HEAD', '/hollow')]
  const operator = tributary.door('operator')
  await operator.append('/hollow', { type: 'stream/resumed' })
  await operator.post('/hollow', '"news"')
  for (const { status, headers } of answers) {
    const read = await door.get(`/hollow?offset=${String(headers['stream-next-offset'])}`)
    expect([status, read.status, read.text]).toEqual([200, 200, '["news"]'])
  }
})

test.each([
  ['an event', 'application/vnd.tributary.event+json', JSON.stringify({ type: 'a', payload: 'x'.repeat(20_001) })],
  ['a message', 'application/json', JSON.stringify(['x'.repeat(20_001)])],
  ['a batch', 'application/json', JSON.stringify(Array(3).fill('x'.repeat(11_000)))],
  ['a body', 'application/json', JSON.stringify(['x'.repeat(41_000)])],
  ['a body without a length', 'application/json', ['["', 'x'.repeat(41_000), '"]']],
])('%s over its limit is 413 with limit and size, one with a fault 400', async (_what, type, body) => {
  const door = tributary.door('editor')
  await door.put('/large')
  const { status, json } = await door.send('POST', '/large', body, { 'content-type': type })
  expect([status, json]).toMatchObject([
    413,
    { code: 'BAD_REQUEST', details: { reason: 'too-large', limit: expect.any(Number), size: expect.any(Number) } },
  ])
  expect((await door.send('POST', '/large', '{"type":', { 'content-type': type })).status).toBe(400)
  expect(await tributary.streams().state('/large' as never)).toMatchObject({ maxOffset: 1 })
})

describe('what stands against it is 409, and the reason says what', () => {
  const reasons: Record<string, (stream: StreamApi) => Promise<unknown>> = {
    precondition: async () => {},
    paused: (stream) => stream.pause('enough'),
    closed: (stream) => stream.close(),
    breaker: (stream) => stream.configure({ circuitBreaker: { burstCapacity: 1, refillRatePerMinute: 0 } }),
  }
  test.each(Object.entries(reasons))('%s', async (reason, prepare) => {
    const path = `/conflict/${reason}`
    const { root, socket } = tributary.itx('admin')
    const stream = root.projects.get('demo').streams.get(path)
    await stream.create()
    await prepare(stream)
    const before = await stream.state()
    const events = [{ type: 'a', ...(reason === 'precondition' ? { offset: 99 } : {}) }, { type: 'b' }]
    const { status, json } = await tributary.door('editor').append(path, events)
    expect([status, json]).toMatchObject([409, { code: 'CONFLICT', details: { reason, path } }])
    // Over the socket the same, and nothing of either was stored. A breaker pauses its stream: that is what is told then.
    const again = reason === 'breaker' ? 'paused' : reason
    await expect(stream.append(events)).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: again, path } })
    const after = await stream.state()
    expect(after.maxOffset - before.maxOffset).toBe(reason === 'breaker' ? 1 : 0)
    socket.terminate()
  })
})
