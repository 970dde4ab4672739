import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type Dialled, TestTributary, eventually } from '../server/testing.ts'

// Threat: programs without a credential take the room, the memory or the time of those that have one.

let tributary: TestTributary
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => {
  for (const each of dialled.splice(0)) each.socket.terminate()
})
afterAll(() => tributary.stop())

function stranger(headers: Record<string, string> = {}): Dialled {
  const socket = tributary.dial(headers)
  dialled.push(socket)
  return socket
}

/** What an upgrade is answered with, headers included. */
function refusal(): Promise<{ status: number | undefined; retryAfter: string | undefined }> {
  const { socket } = stranger()
  return new Promise((resolve, reject) => {
    socket.on('open', () => reject(new Error('it was let in')))
    socket.on('unexpected-response', (_request, { statusCode, headers }) =>
      resolve({ status: statusCode, retryAfter: headers['retry-after'] }),
    )
  })
}

test('a thousand of them may be open; one more is 429 with Retry-After, and who has a credential is let in', async () => {
  const open: Dialled[] = []
  while (open.length < 1000) {
    const more = Array.from({ length: 100 }, () => stranger())
    expect(new Set(await Promise.all(more.map(({ opened }) => opened)))).toEqual(new Set(['open']))
    open.push(...more)
  }
  expect(await refusal()).toEqual({ status: 429, retryAfter: '10' })
  const known = stranger({ authorization: `Bearer ${tributary.token('viewer')}` })
  expect(await known.root.whoami()).toMatchObject({ kind: 'token' })

  // Whoever says who they are, or goes, makes room for one.
  const [first, second] = open
  expect(await first?.root.authenticate(tributary.token('viewer')).whoami()).toMatchObject({ kind: 'token' })
  expect(await stranger().opened).toBe('open')
  expect(await refusal()).toMatchObject({ status: 429 })
  second?.socket.close()
  await eventually(async () => (await stranger().opened) === 'open')
})

test('64 KiB are enough for a token: who sends more is cut off, and with a token it counts no more', async () => {
  const [silent, known] = [stranger(), stranger()]
  const large = 'x'.repeat(70_000)
  const handle = known.root.authenticate(tributary.token('viewer'))
  expect(await handle.whoami()).toMatchObject({ kind: 'token' })
  await expect(handle.projects.get(large).project()).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  await silent.root.ping()
  void silent.root
    .authenticate(large)
    .whoami()
    .catch(() => {})
  expect(await silent.ended).toMatchObject({ code: 1006 })
  expect(await known.root.ping()).toBe('pong')
})

test('ten seconds are left to each to bring one, not less', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const idle = stranger()
    await idle.root.ping()
    vi.advanceTimersByTime(9999)
    expect(await idle.root.ping()).toBe('pong')
    vi.advanceTimersByTime(1)
    expect(await idle.ended).toEqual({ code: 4401, reason: 'not authenticated in time' })
  } finally {
    vi.useRealTimers()
  }
})
