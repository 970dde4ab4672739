import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Dialled, TestTributary, eventually } from '../server/testing.ts'
import { getServerItx } from './server-handle.ts'

// What a project is doing, over a real socket: what one caller stores another sees, whoever reaches a part of a project
// hears nothing of the rest, and a project that nothing was stored in has an answer too.

let tributary: TestTributary
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => {
  for (const each of dialled.splice(0)) each.socket.terminate()
})
afterAll(() => tributary.stop())

function project(role: 'viewer' | 'operator', slug: string) {
  const socket = tributary.itx(role, slug)
  dialled.push(socket)
  return socket.root.projects.get(slug)
}

const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0)

test('a viewer sees what others store, pause and follow', async () => {
  tributary.project('busy')
  const operator = project('operator', 'busy')
  const viewer = project('viewer', 'busy')
  await operator.streams.get('/a').append([{ type: 'x' }, { type: 'x' }])
  await operator.streams.get('/b').append([{ type: 'x' }])
  await operator.streams.get('/b').pause('a reason')
  await operator.streams.get('/a').subscribe({}, () => {})
  // The second in which it was stored has to be over.
  const told = await eventually(async () => {
    const overview = await viewer.overview()
    return sum(overview.appended) === 9 ? overview : null
  })
  expect(told).toEqual({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    since: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    streams: 3,
    appended: expect.any(Array),
    subscribers: 1,
    subscribed: expect.any(Array),
    refused: expect.any(Array),
    refusals: [],
    recent: expect.any(Array),
    busiest: expect.any(Array),
    paused: [expect.objectContaining({ path: '/b', paused: true, eventCount: 3 })],
    pausedCount: 1,
    parked: [],
    parkedCount: 0,
  })
  expect(told.appended).toHaveLength(300)
  const { children } = await viewer.streams.get('/').children({ order: 'created' })
  expect(told.recent.map(({ row }) => row)).toEqual(expect.arrayContaining([...children]))
  expect(told.recent.map(({ row, appended }) => [row.path, appended.length, sum(appended)]).toSorted()).toEqual([
    ['/', 60, 3],
    ['/a', 60, 3],
    ['/b', 60, 3],
  ])
  expect(told.busiest.map(({ row }) => row.path).toSorted()).toEqual(['/', '/a', '/b'])
  expect(Date.parse(told.at)).toBeGreaterThanOrEqual(Date.parse(told.since))
  // In the server itself it is the same answer.
  const cookie = await tributary.signIn(await tributary.user('reader@example.com', { busy: 'viewer' }))
  using inside = await getServerItx('busy', new Request(tributary.url, { headers: { cookie } }))
  const { streams, paused, recent, subscribers } = await inside.overview()
  expect([streams, paused, subscribers]).toEqual([told.streams, told.paused, told.subscribers])
  expect(recent.map(({ row }) => row)).toEqual(told.recent.map(({ row }) => row))
})

test('appends that are refused are counted with their causes, whichever door they came to', async () => {
  tributary.project('strict')
  const operator = project('operator', 'strict')
  const viewer = project('viewer', 'strict')
  await operator.streams.get('/p').append([{ type: 'x' }])
  await operator.streams.get('/p').pause()
  const refused = (call: PromiseLike<unknown>, code: string) => expect(call).rejects.toMatchObject({ code })
  await refused(operator.streams.get('/p').append([{ type: 'x' }]), 'CONFLICT')
  await refused(operator.streams.get('/p').append([{ type: 'x' }]), 'CONFLICT')
  await refused(operator.streams.get('/q').append([{ type: 'x', offset: 9 }]), 'CONFLICT')
  await refused(operator.streams.get('/q').append([{ type: '' }]), 'BAD_REQUEST')
  await refused(viewer.streams.get('/q').append([{ type: 'x' }]), 'FORBIDDEN')
  const door = tributary.door('editor', 'strict')
  expect((await door.post('/p', '[{}]')).status).toBe(409)
  expect((await door.post('/none', '[{}]')).status).toBe(404)
  const told = await eventually(async () => {
    const overview = await viewer.overview()
    return sum(overview.refused) === 7 ? overview : null
  })
  expect(told.refusals[0]).toEqual({ code: 'CONFLICT', reason: 'paused', count: 3 })
  const causes = told.refusals.map(({ code, reason, count }) => `${code} ${reason} ${count}`)
  expect(causes.toSorted()).toEqual([
    'BAD_REQUEST null 1',
    'CONFLICT paused 3',
    'CONFLICT precondition 1',
    'FORBIDDEN role 1',
    'NOT_FOUND null 1',
  ])
})

test('whoever may delete the project is told how much goes, as it is now', async () => {
  const id = tributary.project('doomed')
  const admin = tributary.itx('admin', 'doomed')
  dialled.push(admin)
  const doomed = admin.root.projects.get('doomed')
  expect(await doomed.contents()).toMatchObject({ streams: 0, events: 0, members: 0, tokens: 1 })
  await tributary.user('member@example.com', { doomed: 'viewer' })
  tributary.token('viewer', 'doomed')
  await doomed.streams.get('/a/b').append([{ type: 'x' }, { type: 'x' }])
  await doomed.streams.get('/c').append([{ type: 'x' }])
  const { streams } = await tributary.streams('doomed').list({ limit: 1000 })
  const events = streams.reduce((all, { eventCount }) => all + eventCount, 0)
  const bytes = statSync(join(tributary.dataDir, 'projects', `${id}.db`)).size
  const told = await doomed.contents()
  expect(told).toMatchObject({ streams: 4, events, members: 1, tokens: 2 })
  expect(told.bytes).toBeGreaterThan(bytes)
  await doomed.streams.get('/a').delete({ recursive: true })
  expect(await doomed.contents()).toMatchObject({ streams: 2 })
  await expect(project('operator', 'doomed').contents()).rejects.toMatchObject({
    code: 'FORBIDDEN',
    details: { needed: 'admin' },
  })
})

test('a project without a stream does nothing', async () => {
  tributary.project('empty')
  expect(await project('viewer', 'empty').overview()).toMatchObject({ streams: 0, recent: [], busiest: [], paused: [] })
})

test('whoever reaches a part of a project is not told of the rest', async () => {
  const editor = tributary.itx('editor')
  dialled.push(editor)
  await editor
    .streams()
    .get('/hidden')
    .append([{ type: 'x' }])
  for (const [path, reason] of [
    ['/shown', 'path'],
    ['/', undefined],
  ] as const) {
    const { token } = await editor.root.projects.get('demo').createReadToken({ path })
    const reader = tributary.dial({ authorization: `Bearer ${token}` })
    dialled.push(reader)
    const outcome = await reader.root.projects
      .get('demo')
      .overview()
      .then(
        () => undefined,
        (error: { code: string; details: { reason: string } }) => [error.code, error.details.reason],
      )
    expect([path, outcome]).toEqual([path, reason && ['FORBIDDEN', reason]])
    // Nor when something happens there.
    const watching = await reader.root.projects
      .get('demo')
      .streams.activity({ paths: [path], overview: true }, () => {})
      .then(
        () => undefined,
        (error: { code: string; details: { reason: string } }) => [error.code, error.details.reason],
      )
    expect([path, watching]).toEqual([path, reason && ['FORBIDDEN', reason]])
    expect(reader.received.join('\n').includes('/hidden')).toBe(reason === undefined)
  }
})

test('children come by their making, the newest first, in pages by skip', async () => {
  tributary.project('made')
  const operator = project('operator', 'made')
  for (const name of ['b', 'c', 'a']) await operator.streams.get(`/${name}`).create()
  const root = project('viewer', 'made').streams.get('/')
  const names = async (options: Parameters<typeof root.children>[0]) => {
    const { children, total, nextAfter } = await root.children(options)
    return [...children.map(({ name }) => name), total, nextAfter]
  }
  expect(await names({ order: 'created' })).toEqual(['a', 'c', 'b', 3, null])
  expect(await names({ order: 'created', limit: 2 })).toEqual(['a', 'c', 3, null])
  expect(await names({ order: 'created', limit: 2, skip: 2 })).toEqual(['b', 3, null])
  expect(await names({ order: 'created', match: 'C' })).toEqual(['c', 1, null])
  expect(await names({ order: 'name', limit: 2 })).toEqual(['a', 'b', 3, 'b'])
})
