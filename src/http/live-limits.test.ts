import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createToken, revokeToken } from '../control-plane/tokens.ts'
import { OPERATOR } from '../control-plane/audit.ts'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import { SseClient } from './testing.ts'

// Threat: somebody who waits for news holds more of the server than is theirs, longer than they may, or while it stops.

let tributary: TestTributary
let editor: Door
const clients: SseClient[] = []
beforeEach(async () => {
  tributary = await TestTributary.start({ TRIBUTARY_LONG_POLL_MS: '600000', TRIBUTARY_LIVE_READERS: '3' })
  editor = tributary.door('editor')
  await editor.put('/s', '[1]')
})
afterEach(async () => {
  for (const each of clients.splice(0)) each.vanish()
  await tributary.stop()
})

/** Waits for what comes next, as an event stream or in a long poll. */
function wait(live: 'sse' | 'long-poll', token: string, paused = false): SseClient {
  const headers = { authorization: `Bearer ${token}` }
  const client = new SseClient(tributary.port, `/api/streams/demo/s?live=${live}&offset=now`, headers, { paused })
  clients.push(client)
  return client
}

const waiting = () => tributary.instance.readers.size

describe('one credential', () => {
  test('has so many live reads at once, of both kinds; another one has its own', async () => {
    const token = tributary.token('viewer')
    for (const live of ['sse', 'long-poll', 'sse'] as const) wait(live, token)
    await eventually(() => waiting() === 3)
    for (const live of ['sse', 'long-poll'] as const) {
      const refused = wait(live, token)
      expect(await refused.ended).toBe('end')
      expect(refused.status).toBe(429)
      expect(refused.headers['retry-after']).toBe('1')
      expect(JSON.parse(refused.text)).toMatchObject({ code: 'RATE_LIMITED', details: { reason: 'readers', limit: 3 } })
    }
    const other = wait('sse', tributary.token('viewer'))
    await eventually(() => other.controls.length === 1)
  })

  test('may have another when one has ended', async () => {
    const token = tributary.token('viewer')
    const all = [wait('sse', token), wait('long-poll', token), wait('sse', token)]
    await eventually(() => waiting() === 3)
    for (const [i, each] of all.entries()) {
      each.vanish()
      await eventually(() => waiting() === 2)
      const next = wait('sse', token)
      await eventually(() => next.controls.length === 1)
      expect(waiting(), `after ${i}`).toBe(3)
    }
  })

  test('that is revoked ends a long poll without an answer to it', async () => {
    const { control } = tributary.instance
    const projectId = tributary.projectId('demo')
    const { id, token } = createToken(control, { projectId, role: 'viewer' })
    const client = wait('long-poll', token)
    await eventually(() => waiting() === 1)
    const begun = performance.now()
    revokeToken(control, { projectId, tokenId: id, by: OPERATOR })
    expect(await client.ended).toBe('end')
    expect(performance.now() - begun).toBeLessThan(5000)
    expect(client.status).toBe(403)
  })
})

test('a server that stops ends all live reads at once, of clients that do not read as well', async () => {
  const all = (['sse', 'long-poll', 'sse'] as const).map((live) => wait(live, tributary.token('viewer')))
  const stalled = wait('sse', tributary.token('viewer'), true)
  await eventually(() => waiting() === 4 && stalled.status === 200)
  for (let i = 0; i < 80; i++) await editor.post('/s', JSON.stringify([`${i} ${'x'.repeat(200_000)}`]))
  const begun = performance.now()
  await tributary.pause()
  expect(performance.now() - begun).toBeLessThan(1000)
  stalled.resume()
  for (const each of all) expect(await each.ended).toBe('end')
  expect(await stalled.ended).toBe('cut')
  // The long poll had its answer: the first event.
  expect(all.map(({ status }) => status)).toEqual([200, 200, 200])
})

test('a server that stops answers a long poll that has heard nothing', async () => {
  const client = wait('long-poll', tributary.token('viewer'))
  await eventually(() => waiting() === 1)
  const begun = performance.now()
  await tributary.pause()
  expect(performance.now() - begun).toBeLessThan(1000)
  expect(await client.ended).toBe('end')
  expect(client.status).toBe(204)
})
