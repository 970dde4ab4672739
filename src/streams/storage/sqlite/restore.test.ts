import { describe, expect, test } from 'vitest'
import { echo, settled } from '../../processors/testing.ts'
import { ProcessorRegistry } from '../../processors/registry.ts'
import { decodeEvent } from '../../event.ts'
import { parsePath } from '../../path.ts'
import { TestProject, countingIds, failureOf, plantState, replayed } from '../../testing.ts'
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
