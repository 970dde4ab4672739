import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type StreamPath, parsePath } from './path.ts'
import { TEST_TIME, TestProject, failureOf, readAll, until } from './testing.ts'
import type { JsonText } from './json-text.ts'
import { emptyState } from './core/state.ts'
import { nodeScheduler } from './scheduler.ts'
import { recoverStream } from './stream.ts'

const A = parsePath('/a')
const F = parsePath('/f')
const G = parsePath('/g')
const TIME = new Date(TEST_TIME).toISOString()

/** A source with the visible events 2, 3, 4, named by their offsets. */
async function source(project: TestProject, path = '/a') {
  for (const type of ['two', 'three', 'four']) await project.append(path, { type, idempotencyKey: type })
}

async function fork(project: TestProject, path: StreamPath, from: StreamPath, offset: number) {
  const { incarnationId } = await project.streams.state(from)
  return project.streams.fork(path, { source: from, incarnationId, offset, subOffset: 0, through: offset })
}

async function visible(project: TestProject, path: string): Promise<string[]> {
  const { events } = await project.streams.read(parsePath(path), { visibleOnly: true, limit: 1000 })
  return events.map(({ type, offset }) => `${offset} ${type}`)
}

describe('a fork', () => {
  test('begins with what its source has up to there, at the same offsets, and goes on by itself', async () => {
    using project = new TestProject()
    await source(project)
    expect(await fork(project, F, A, 3)).toMatchObject({
      created: true,
      state: { maxOffset: 4, lastVisibleOffset: 3, eventCount: 4, firstOffset: 1 },
    })
    await project.append('/f', { type: 'mine' })
    await project.append('/a', { type: 'theirs' })
    expect(await visible(project, '/f')).toEqual(['2 two', '3 three', '5 mine'])
    expect(await visible(project, '/a')).toEqual(['2 two', '3 three', '4 four', '5 theirs'])
  })

  test('is the same after a restart, read upwards, downwards, by pages, by offset and by a follower', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 3)
    await project.append('/f', { type: 'mine' })
    project.reopen()
    expect((await project.log('/f')).map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5])
    const down = await project.streams.read(F, { order: 'desc', limit: 2 })
    expect(down.events.map(({ type }) => type)).toEqual(['mine', 'stream/created'])
    const rest = await project.streams.read(F, { order: 'desc', before: down.nextCursor ?? 0 })
    expect(rest.events.map(({ type }) => type)).toEqual(['three', 'two', 'stream/created'])
    expect(await project.streams.getEvent(F, { offset: 3 })).toMatchObject({ type: 'three' })
    const seen: string[] = []
    const subscription = await project.streams.subscribe(F, { after: 'start' }, ({ events }) => {
      for (const { type } of events) seen.push(type)
    })
    await project.append('/f', { type: 'later' })
    await until(() => seen.at(-1) === 'later')
    subscription.unsubscribe()
    expect(seen).toEqual(['stream/created', 'two', 'three', 'stream/created', 'mine', 'later'])
  })

  test('knows the keys of the events it has, and no later ones', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 3)
    expect(await project.append('/f', { type: 'x', idempotencyKey: 'three' })).toMatchObject([
      { offset: 3, duplicate: true },
    ])
    expect(await project.append('/f', { type: 'x', idempotencyKey: 'four' })).toMatchObject([
      { offset: 5, duplicate: false },
    ])
    expect(await project.streams.getEvent(F, { idempotencyKey: 'two' })).toMatchObject({ offset: 2 })
    expect(await project.streams.getEvent(F, { idempotencyKey: 'four' })).toMatchObject({ offset: 5, type: 'x' })
  })

  test('takes over neither pause, end, producers nor Stream-Seq', async () => {
    using project = new TestProject()
    const message = { type: 'message', raw: true as const, payload: '1' as JsonText }
    const producer = { id: 'p', epoch: 0, seq: 0 }
    await project.streams.create(A, {})
    await project.streams.appendMessages(A, { inputs: [message], producer, streamSeq: 'z' })
    await project.streams.pause(A)
    await project.streams.close(A)
    await fork(project, F, A, 2)
    expect(await project.streams.appendMessages(F, { inputs: [message], producer, streamSeq: 'a' })).toMatchObject({
      duplicate: false,
      state: { closed: false, paused: false, lastVisibleOffset: 4 },
    })
  })

  test('of a fork of a fork reads through all of them', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 3)
    await project.append('/f', { type: 'five' })
    await fork(project, G, F, 5)
    await project.append('/g', { type: 'seven' })
    await fork(project, parsePath('/h'), G, 2)
    await project.append('/h', { type: 'four' })
    expect(await visible(project, '/g')).toEqual(['2 two', '3 three', '5 five', '7 seven'])
    expect(await visible(project, '/h')).toEqual(['2 two', '4 four'])
  })

  test('from before the first event begins empty', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 0)
    await project.append('/f', { type: 'x' })
    expect((await project.log('/f')).map(({ offset, type }) => `${offset} ${type}`)).toEqual([
      '1 stream/created',
      '2 x',
    ])
  })

  test.each(['of a whole log', 'of a log that begins above 1'])(
    '%s is exported, and imported as a log of its own',
    async (what) => {
      using project = new TestProject()
      await source(project)
      await project.streams.setMetadata(A, { of: 'the source' })
      await project.streams.pause(A, 'lunch')
      await project.streams.resume(A)
      await project.append('/a', { type: 'seven' })
      if (what !== 'of a whole log') {
        const { events } = await project.streams.export(A)
        const baseState = JSON.stringify({
          ...emptyState(A, 'x'),
          firstOffset: 3,
          maxOffset: 2,
          createdAt: TIME,
          lastEventAt: TIME,
        })
        await project.streams.delete(A)
        await project.streams.import(A, {
          head: { contentType: 'application/json', firstOffset: 3, baseState },
          events: events.slice(2),
          last: true,
        })
      }
      await project.streams.pause(A, 'for good')
      await project.append('/a/b', { type: 'x' })
      await fork(project, F, A, 8)
      await project.append('/f', { type: 'mine' })
      await project.streams.setMetadata(F, { of: 'the fork' })

      const { contentType, firstOffset, baseState, events } = await project.streams.export(F)
      const head = { contentType, firstOffset, ...(baseState === null ? {} : { baseState }) }
      await project.streams.import(G, { head, events, last: true })
      expect(await visible(project, '/g')).toEqual(await visible(project, '/f'))
      const { path: _p, incarnationId: _i, fork: _f, ...forked } = await project.streams.state(F)
      expect(await project.streams.state(G)).toMatchObject(forked)
      const stored = project.storage.committed.loadStream(G)!
      const rebuilt = await recoverStream(project.storage, { ...stored, stateVersion: 0 }, nodeScheduler, Date.now)
      expect(rebuilt.state).toEqual(stored.state)
      await project.append('/g', { type: 'more' })
    },
  )

  test('that is there already is left as it is', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 3)
    expect(await fork(project, F, A, 2)).toMatchObject({ created: false, state: { fork: { offset: 3 } } })
  })

  test('of what is not there, or not there any more, is refused', async () => {
    using project = new TestProject()
    expect(await failureOf(fork(project, F, A, 0))).toMatchObject({ code: 'NOT_FOUND' })
    await source(project)
    expect(await failureOf(fork(project, F, A, 9))).toMatchObject({ code: 'BAD_REQUEST', field: 'offset' })
    const { incarnationId } = await project.streams.state(A)
    await project.streams.reset(A)
    const place = { source: A, incarnationId, offset: 1, subOffset: 0, through: 1 }
    expect(await failureOf(project.streams.fork(F, place))).toMatchObject({ code: 'CONFLICT', reason: 'incarnation' })
    expect((await project.streams.list()).streams.map(({ path }) => path)).toEqual(['/', '/a'])
  })

  test('of sixty-four logs is as deep as it gets', async () => {
    using project = new TestProject()
    await project.append('/f0', { type: 'x' })
    for (let i = 0; i < 64; i++) {
      const at = (await project.streams.state(parsePath(`/f${i}`))).lastVisibleOffset
      await fork(project, parsePath(`/f${i + 1}`), parsePath(`/f${i}`), at)
      await project.append(`/f${i + 1}`, { type: 'x' })
    }
    const at = (await project.streams.state(parsePath('/f64'))).lastVisibleOffset
    expect(await failureOf(fork(project, F, parsePath('/f64'), at))).toMatchObject({ reason: 'fork-depth', limit: 64 })
    expect(await visible(project, '/f64')).toHaveLength(65)
  })
})

describe('a source that is deleted', () => {
  test('stays to be read by its forks, and its path is taken as long as they are there', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 4)
    await project.streams.delete(A)
    expect(await project.streams.state(A)).toMatchObject({ exists: false, gone: true })
    expect(await failureOf(project.append('/a', { type: 'x' }))).toMatchObject({ code: 'CONFLICT', reason: 'gone' })
    expect(await failureOf(project.streams.create(A, {}))).toMatchObject({ code: 'CONFLICT', reason: 'gone' })
    expect(await failureOf(project.streams.delete(A))).toMatchObject({ code: 'NOT_FOUND', reason: 'gone' })
    expect(await failureOf(fork(project, G, A, 2))).toMatchObject({ code: 'CONFLICT', reason: 'gone' })
    project.reopen()
    expect(await visible(project, '/f')).toEqual(['2 two', '3 three', '4 four'])
    await project.streams.delete(F)
    await until(() => !project.storage.committed.isRetained(A))
    await project.append('/a', { type: 'x' })
    expect(await visible(project, '/a')).toEqual(['2 x'])
  })

  test('and everything it read itself goes when the last fork of a chain goes', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 4)
    await fork(project, G, F, 4)
    await project.streams.delete(A)
    await project.streams.delete(F)
    expect(await visible(project, '/g')).toEqual(['2 two', '3 three', '4 four'])
    await project.streams.delete(G)
    const rows = () =>
      project.storage.connection.prepare('select count(*) n from events where type not like ?').get('stream/%')
    await until(() => (rows() as { n: number }).n === 0)
    expect(project.storage.connection.prepare('select count(*) n from forks').get()).toEqual({ n: 0 })
    for (const path of [A, F, G]) expect(await project.streams.state(path)).not.toHaveProperty('gone')
  })

  test('may still become a place above other streams', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 4)
    await project.streams.delete(A)
    await project.append('/a/b', { type: 'x' })
    expect(await project.streams.state(A)).toMatchObject({ exists: true, implicit: true })
    expect(await visible(project, '/f')).toHaveLength(3)
  })

  test('or reset is not seen by its forks', async () => {
    using project = new TestProject()
    await source(project)
    await fork(project, F, A, 3)
    await project.streams.reset(A)
    await project.append('/a', { type: 'new life' })
    expect(await visible(project, '/f')).toEqual(['2 two', '3 three'])
  })
})

test('forks of anything, of any depth, are what a model of lists says, whatever is deleted in between', async () => {
  const name = fc.integer({ min: 0, max: 5 }).map((n) => `/s${n}`)
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('append' as const), path: name }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('fork' as const),
        path: name,
        from: name,
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), path: name }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  )
  let forks = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      using project = new TestProject()
      const model = new Map<string, { offset: number; type: string }[]>()
      let count = 0
      for (const each of steps) {
        if (each.kind === 'restart') project.reopen()
        else if (each.kind === 'append') {
          const type = `e${count++}`
          const done = await project.append(each.path, { type }).catch(() => null)
          if (done === null) continue
          const log = model.get(each.path) ?? []
          model.set(each.path, [...log, { offset: done[0]?.offset ?? 0, type }])
        } else if (each.kind === 'fork') {
          const log = model.get(each.from)
          if (!log || model.has(each.path)) continue
          const kept = log.slice(0, Math.round(each.share * log.length))
          const made = await fork(project, parsePath(each.path), parsePath(each.from), kept.at(-1)?.offset ?? 0).catch(
            () => null,
          )
          if (made?.created) {
            model.set(each.path, kept)
            forks++
          }
        } else {
          const gone = await project.streams.delete(parsePath(each.path)).catch(() => null)
          if (gone) model.delete(each.path)
        }
      }
      for (const [path, log] of model) {
        const all = await readAll(project.streams, parsePath(path))
        expect(all.map(({ offset }) => offset)).toEqual(all.map((_, i) => i + 1))
        expect(
          all.filter(({ type }) => !type.startsWith('stream/')).map(({ offset, type }) => ({ offset, type })),
        ).toEqual(log)
      }
    }),
    { numRuns: 150, seed: 5 },
  )
  expect(forks).toBeGreaterThan(100)
})
