import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { OPERATOR } from '../control-plane/audit.ts'
import { tokens } from '../control-plane/schema.ts'
import { createToken, revokeToken } from '../control-plane/tokens.ts'
import { TestTributary } from '../server/testing.ts'

// What a token is worth at the doors, and for how long an answer about it is remembered.

let tributary: TestTributary
beforeAll(async () => {
  tributary = await TestTributary.start()
  await tributary.door('editor').put('/a', '[1]')
})
afterEach(() => {
  vi.useRealTimers()
})
afterAll(() => tributary.stop())

const make = () => createToken(tributary.instance.control, { projectId: tributary.projectId('demo'), role: 'viewer' })

/** What each door says to whoever brings the token. */
async function answers(token: string): Promise<unknown[]> {
  const headers = { authorization: `Bearer ${token}` }
  const batch = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '' }
  const { socket, opened } = tributary.dial(headers)
  const upgraded = await opened
  socket.terminate()
  return [
    (await tributary.raw('/api/streams/demo/a', { headers })).status,
    (await tributary.raw('/api/itx', batch)).status,
    upgraded === 'open' ? 101 : upgraded.status,
  ]
}

const GOOD = [200, 200, 101]
const REFUSED = [401, 401, 401]

test('a no is never remembered: a token that was refused a moment ago is good as soon as it is there', async () => {
  const { control } = tributary.instance
  const { id, token } = make()
  const row = control.db.select().from(tokens).all()
  revokeToken(control, { projectId: tributary.projectId('demo'), tokenId: id, by: OPERATOR })
  expect(await answers(token)).toEqual(REFUSED)
  control.db
    .insert(tokens)
    .values(row.filter((each) => each.id === id))
    .run()
  expect(await answers(token)).toEqual(GOOD)
})

test('a yes is remembered for 5 s at most: a revoked token is refused by then, however often it comes', async () => {
  await tributary.pause()
  vi.useFakeTimers({ toFake: ['Date'] })
  await tributary.resume()
  const { id, token } = make()
  expect(await answers(token)).toEqual(GOOD)
  revokeToken(tributary.instance.control, { projectId: tributary.projectId('demo'), tokenId: id, by: OPERATOR })
  vi.setSystemTime(Date.now() + 2500)
  await answers(token)
  vi.setSystemTime(Date.now() + 2500)
  expect(await answers(token)).toEqual(REFUSED)
})

test('a read token is looked up nowhere; one of a program is, once', async () => {
  const { root, socket } = tributary.itx('editor')
  const { token: read } = await root.projects.get('demo').createReadToken({ path: '/a' })
  socket.terminate()
  const { sqlite } = tributary.instance.control
  const prepare = sqlite.prepare.bind(sqlite)
  const asked: string[] = []
  vi.spyOn(sqlite, 'prepare').mockImplementation(((source: string) => {
    asked.push(source)
    return prepare(source)
  }) as typeof sqlite.prepare)
  const tablesOf = async (token: string) => {
    asked.length = 0
    const { status } = await tributary.raw('/api/streams/demo/a', { headers: { authorization: `Bearer ${token}` } })
    expect(status).toBe(200)
    return [...new Set(asked.flatMap((source) => /from "(\w+)"/.exec(source)?.[1] ?? []))].toSorted()
  }
  const known = make()
  // The query for projects is prepared once, before this.
  expect(await tablesOf(known.token)).toEqual(['tokens'])
  expect(await tablesOf(known.token)).toEqual([])
  expect(await tablesOf(read)).toEqual([])
  expect(await tablesOf(read)).toEqual([])
})
