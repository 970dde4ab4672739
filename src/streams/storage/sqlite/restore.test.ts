import { describe, expect, test } from 'vitest'
import { echo, settled } from '../../processors/testing.ts'
import { ProcessorRegistry } from '../../processors/registry.ts'
import { decodeEvent } from '../../event.ts'
import { parsePath } from '../../path.ts'
import { TestProject, countingIds, failureOf, plantState, replayed } from '../../testing.ts'
import { Recorder } from '../contract/host.ts'
import { PROJECT_RECORDS } from '../port.ts'
import { stateChecksum } from '../sql/checksum.ts'
import { renewIncarnations } from './restore.ts'

// A restored file holds fewer events than its readers may have seen. Guards that no cursor of the lost time is taken for
// one of this life, and that nothing else changes.

const A = parsePath('/a')
const CHILD = parsePath('/a/b')

async function restored(project: TestProject): Promise<void> {
  project.reopen(() => void renewIncarnations(project.file, countingIds('restored')))
}

describe('a restored file', () => {
  test('has a new incarnation for every stream, and the same events, states, keys and children', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x', payload: 1, metadata: { m: 1 }, idempotencyKey: 'k' })
    await project.append('/a', { type: 'large', payload: 'ä'.repeat(400_000) })
    await project.streams.configure(A, { circuitBreaker: { burstCapacity: 5, refillRatePerMinute: 0 } })
    await project.append('/a', { type: 'x' })
    await project.streams.pause(CHILD, 'before')
    const before = await Promise.all([A, CHILD].map((path) => project.streams.state(path)))
    const logs = await Promise.all(['/', '/a', '/a/b'].map((path) => project.log(path)))
    await restored(project)
    expect(await Promise.all(['/', '/a', '/a/b'].map((path) => project.log(path)))).toEqual(logs)
    const after = await Promise.all([A, CHILD].map((path) => project.streams.state(path)))
    for (const [index, state] of after.entries()) {
      expect(state.incarnationId).toMatch(/^restored-/)
      expect({ ...state, incarnationId: before[index]!.incarnationId }).toEqual(before[index])
    }
    await project.streams.resume(CHILD)
    expect(await project.append('/a/b', { type: 'x', idempotencyKey: 'k' })).toMatchObject([
      { offset: 2, duplicate: true },
    ])
    expect((await project.streams.children(A)).children).toMatchObject([{ path: CHILD }])
  })

  test('refuses whoever resumes the life before, never splices, and goes on when it is rebuilt', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' }, { type: 'y' })
    const { incarnationId } = await project.streams.state(A)
    await restored(project)
    const resumed = project.streams.subscribe(A, { after: 2, incarnationId }, () => {})
    expect(await failureOf(resumed)).toMatchObject({ code: 'CONFLICT', reason: 'incarnation' })
    const { exists: _, ...state } = await project.streams.state(A)
    plantState(project.storage, { ...state, eventCount: 99 }, 1)
    project.reopen()
    await project.append('/a', { type: 'z' })
    const { exists: __, ...rebuilt } = await project.streams.state(A)
    const life = replayed('/a', await project.log('/a'))
    expect(rebuilt).toEqual({ ...life, incarnationId: state.incarnationId })
  })

  test('takes a state of an older version, or one behind its log, for what its log says', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' }, { type: 'y' })
    const { exists: _, ...state } = await project.streams.state(A)
    plantState(project.storage, { ...state, eventCount: 99 }, 1)
    await restored(project)
    expect(await project.streams.state(A)).toMatchObject({ eventCount: 3, maxOffset: 3 })
  })

  test('keeps the checkpoints of its processors', async () => {
    using project = new TestProject(undefined, { processors: new ProcessorRegistry([{ processor: echo }]) })
    await project.append('/a', { type: 'first' })
    await project.streams.processors.attach(A, 'echo')
    await project.append('/a', { type: 'echo/input', payload: { text: 'one' } })
    await settled(project.streams, A, 'echo')
    await restored(project)
    await project.append('/a', { type: 'echo/input', payload: { text: 'two' } })
    await settled(project.streams, A, 'echo')
    const outputs = (await project.log('/a')).filter((event) => event.type === 'echo/output')
    expect(outputs.map((event) => decodeEvent(event).payload)).toEqual([
      { text: 'one', seen: 1 },
      { text: 'two', seen: 2 },
    ])
  })

  /** Forks `path` from all that a stream has. */
  async function fork(project: TestProject, path: string, from: string) {
    const source = parsePath(from)
    const { incarnationId, lastVisibleOffset: offset } = await project.streams.state(source)
    await project.streams.fork(parsePath(path), { source, incarnationId, offset, subOffset: 0, through: offset })
    await project.append(path, { type: `of ${path}` })
  }

  /** A source, a fork that comes before it by path, a fork of that, and one whose source is gone. */
  async function forked(project: TestProject) {
    await project.append('/source', { type: 'x', payload: 1 })
    await fork(project, '/first', '/source')
    await fork(project, '/second', '/first')
    await project.append('/passing', { type: 'x', payload: 2 })
    await fork(project, '/third', '/passing')
    await project.streams.delete(parsePath('/passing'))
    return ['/source', '/first', '/second', '/third']
  }

  test('has forks that go on reading what they read, under its new incarnation, however often it is restored', async () => {
    using project = new TestProject()
    const paths = await forked(project)
    const logs = await Promise.all(paths.map((path) => project.log(path)))
    expect(logs.map((log) => log.length)).toEqual([2, 4, 6, 4])
    for (let round = 1; round <= 2; round++) {
      const renewed = countingIds(`restored-${round}`)
      project.reopen(() => void renewIncarnations(project.file, renewed))
      expect(await Promise.all(paths.map((path) => project.log(path)))).toEqual(logs)
      const [source, first, second, third] = await Promise.all(
        paths.map((path) => project.streams.state(parsePath(path))),
      )
      expect(second!.fork).toMatchObject({ path: '/first', incarnationId: first!.incarnationId })
      expect(second!.fork!.segments.map(({ incarnationId }) => incarnationId)).toEqual([
        source!.incarnationId,
        first!.incarnationId,
      ])
      expect(source!.incarnationId).toMatch(`restored-${round}`)
      // What is left of a stream that was deleted is not renewed: nobody can have been reading on in it.
      expect(third!.fork!.incarnationId).toMatch(/^inc-/)
    }
    for (const path of paths.toReversed()) await project.append(path, { type: 'later' })
    const later = await Promise.all(paths.map((path) => project.log(path)))
    expect(later.map((log) => log.length)).toEqual([3, 5, 7, 5])
  })

  test('has forks that can be rebuilt from where they begin', async () => {
    using project = new TestProject()
    const paths = await forked(project)
    await restored(project)
    const states = await Promise.all(paths.map((path) => project.streams.state(parsePath(path))))
    const { connection } = project.storage
    for (const { exists: _, ...state } of states) {
      const old = JSON.stringify({ ...state, eventCount: 99 })
      const base = connection.prepare('select base_state from streams where path = ?').pluck().get(state.path)
      connection
        .prepare('update streams set state = ?, state_version = 1, checksum = ? where path = ?')
        .run(old, stateChecksum(state.path, 1, old, base as string | null), state.path)
    }
    project.reopen()
    expect(await Promise.all(paths.map((path) => project.streams.state(parsePath(path))))).toEqual(states)
    expect(await project.log('/second')).toHaveLength(6)
  })

  test('keeps its records, and when streams that end by themselves were last used', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const { id, state } = project.storage.working.loadStream(A)!
    const touched = { ...state, expiry: { ttlSeconds: 60 }, touchedAt: project.clock.ms + 90_000 }
    project.storage.transactionSync(new Recorder(), (tx) => {
      tx.saveRecord(id, 'producer', { key: 'p', value: '{"epoch":1,"seq":2}' })
      tx.saveRecord(PROJECT_RECORDS, 'subscription', { key: 's', value: '{}' })
      tx.saveState(id, touched, null)
    })
    await project.storage.durable()
    await restored(project)
    const { committed } = project.storage
    expect(committed.findRecord(id, 'producer', 'p')).toBe('{"epoch":1,"seq":2}')
    expect(committed.findRecord(PROJECT_RECORDS, 'subscription', 's')).toBe('{}')
    expect(committed.loadStream(A)?.state.touchedAt).toBe(touched.touchedAt)
  })

  test('with a damaged record is left as it is', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const { id, state } = project.storage.working.loadStream(A)!
    project.storage.transactionSync(new Recorder(), (tx) => tx.saveRecord(id, 'producer', { key: 'p', value: '1' }))
    await project.storage.durable()
    project.storage.connection.prepare(`update records set value = '2'`).run()
    expect(await failureOf(restored(project))).toMatchObject({ reason: 'corrupt', path: '/a', kind: 'producer' })
    project.reopen()
    expect((await project.streams.state(A)).incarnationId).toBe(state.incarnationId)
  })

  test('that is damaged is left as it is, and says where', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', payload: 1 })
    await project.append('/b', { type: 'x', payload: 1 })
    const { incarnationId } = await project.streams.state(A)
    project.storage.connection
      .prepare(
        `update events set payload = '2' where payload = '1' and stream_id = (select id from streams where path = '/b')`,
      )
      .run()
    expect(await failureOf(restored(project))).toMatchObject({
      code: 'INTERNAL',
      reason: 'corrupt',
      path: '/b',
      offset: 2,
    })
    project.reopen()
    expect((await project.streams.state(A)).incarnationId).toBe(incarnationId)
  })

  test('that is not there is not made', async () => {
    using project = new TestProject()
    expect(
      await failureOf(Promise.resolve().then(() => renewIncarnations(`${project.file}-none`, countingIds()))),
    ).toMatchObject({ code: 'UNAVAILABLE' })
  })
})
