import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { StreamEngine } from './engine.ts'
import { encodeInput } from './event-input.ts'
import { parsePath } from './path.ts'
import { defineProcessor } from './processors/contract.ts'
import { echo, settled } from './processors/testing.ts'
import { ProcessorRegistry } from './processors/registry.ts'
import { CommitScheduler } from './storage/sqlite/group-commit.ts'
import { SqliteStorage } from './storage/sqlite/sqlite-storage.ts'
import { TestEngine, failure, failureOf, plantState, readAll, times, turn } from './testing.ts'

// Guards the end of a project: everything of it goes, whoever still holds it is told so and brings nothing back, and no
// other project feels anything.

const A = parsePath('/a')
const x = encodeInput({ type: 'x' })
const DELETED = { code: 'NOT_FOUND', reason: 'project-deleted' }

function thrownBy(ask: () => unknown): unknown {
  try {
    return ask()
  } catch (error) {
    return failure(error)
  }
}

describe('deleting a project', () => {
  test('removes its file, the log beside it and copies of damaged logs, and nothing of any other project', async () => {
    using opened = new TestEngine()
    for (const id of ['a', 'a-b', 'ab', 'b']) await opened.engine.project(id).append(A, [x])
    for (const name of ['a.db-wal.damaged-1', 'a.db-journal', 'a.dbx', 'xa.db-wal', 'a.db.backup']) {
      writeFileSync(join(opened.directory, name), 'x')
    }
    const before = readdirSync(opened.directory)
    expect(before).toEqual(expect.arrayContaining(['a.db', 'a.db-wal', 'a.db-shm']))
    await opened.engine.deleteProject('a')
    expect(readdirSync(opened.directory)).toEqual(before.filter((name) => name !== 'a.db' && !name.startsWith('a.db-')))
  })

  test('ends its live readers and scans with "deleted"; those of others go on', async () => {
    using opened = new TestEngine()
    const [gone, other] = [opened.engine.project('gone'), opened.engine.project('other')]
    for (const project of [gone, other]) await project.append(A, times(3, x))
    const seen: number[] = []
    const follow = await gone.subscribe(A, {}, () => {})
    const scan = await gone.scan(A, { filter: 'true' }, () => new Promise(() => {}))
    const followOther = await other.subscribe(A, {}, (batch) => seen.push(batch.through))
    let ended = false
    void followOther.closed().then(() => (ended = true))
    await turn()
    await opened.engine.deleteProject('gone')
    expect(await follow.closed()).toEqual({ reason: 'deleted' })
    expect(await scan.closed()).toEqual({ reason: 'deleted' })
    expect(await other.append(A, [x])).toMatchObject([{ offset: 5 }])
    await turn()
    expect(seen).toContain(5)
    expect(ended).toBe(false)
  })

  test('whoever kept it hears NOT_FOUND from every operation, as a rejection, and no file comes back', async () => {
    using opened = new TestEngine({ processors: new ProcessorRegistry([{ processor: echo }]) })
    const project = opened.engine.project('p')
    await project.append(A, [{ ...x, idempotencyKey: 'k' }])
    await project.processors.attach(A, 'echo')
    await settled(project, A, 'echo')
    await opened.engine.deleteProject('p')
    const absent = parsePath('/absent')
    const operations: (() => Promise<unknown>)[] = [
      () => project.append(A, [x]),
      () => project.append(absent, [x]),
      () => project.create(absent),
      () => project.pause(A),
      () => project.setMetadata(A, {}),
      () => project.reset(A),
      () => project.delete(A),
      () => project.state(A),
      () => project.read(A),
      () => project.getEvent(A, { idempotencyKey: 'k' }),
      () => project.children(A),
      () => project.list(),
      () => project.subscribe(A, { after: 'start' }, () => {}),
      () => project.scan(A, { filter: 'true' }, () => {}),
      () => project.export(A),
      () => project.processors.attach(A, 'echo'),
      () => project.processors.list(A),
      () => project.processors.restart(A, 'echo'),
      () => project.processors.stateAt(A, 'echo'),
    ]
    for (const operation of operations)
      expect([String(operation), await failureOf(operation())]).toEqual([String(operation), DELETED])
    expect(readdirSync(opened.directory)).toEqual([])
  })

  test('whoever asks the engine for it again hears NOT_FOUND, and so does a later resume', async () => {
    using opened = new TestEngine()
    await opened.engine.project('p').append(A, [x])
    const deleting = opened.engine.deleteProject('p')
    // From the first moment on: the removal has only begun.
    expect(thrownBy(() => opened.engine.project('p'))).toEqual(DELETED)
    await opened.engine.resume(['p'])
    await deleting
    expect(thrownBy(() => opened.engine.project('p'))).toEqual(DELETED)
    await opened.engine.resume(['p'])
    expect(opened.warnings).toEqual([])
    expect(readdirSync(opened.directory)).toEqual([])
  })

  test('who has just asked a question hears NOT_FOUND; an append that was begun before is answered, then gone', async () => {
    using opened = new TestEngine({ processors: new ProcessorRegistry([{ processor: echo }]) })
    const project = opened.engine.project('p')
    await project.append(A, [{ ...x, idempotencyKey: 'k' }])
    await project.processors.attach(A, 'echo')
    await settled(project, A, 'echo')
    const asked = [
      project.read(A),
      project.getEvent(A, { offset: 1 }),
      project.children(A),
      project.list(),
      project.processors.list(A),
      project.processors.stateAt(A, 'echo'),
    ]
    const failures = asked.map(failureOf)
    const appended = project.append(A, [x])
    await opened.engine.deleteProject('p')
    expect(await Promise.all(failures)).toEqual(times(asked.length, DELETED))
    expect(await appended).toMatchObject([{ offset: 4 }])
    expect(readdirSync(opened.directory)).toEqual([])
  })

  test('in the middle of a recovery: who waits for it hears NOT_FOUND', async () => {
    using opened = new TestEngine()
    for (let i = 0; i < 3; i++) await opened.engine.project('p').append(A, times(1000, x))
    const { exists: _, ...state } = await opened.engine.project('p').state(A)
    opened.engine.close()
    const storage = new SqliteStorage(join(opened.directory, 'p.db'), new CommitScheduler())
    plantState(storage, state, 0)
    storage.close()
    const again = new StreamEngine({ directory: opened.directory })
    const project = again.project('p')
    const waiting = [project.append(A, [x]), project.state(A), project.append(parsePath('/a/b'), [x])].map(failureOf)
    await turn()
    await again.deleteProject('p')
    expect(await Promise.all(waiting)).toEqual(times(3, DELETED))
    again.close()
  })

  test('a processor in the middle of its work is not waited for, and appends nothing afterwards', async () => {
    const begun = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const late = Promise.withResolvers<unknown>()
    const slow = defineProcessor({
      slug: 'slow',
      version: '1',
      state: z.null(),
      initialState: null,
      consumes: ['x'],
      events: {},
      reduce: () => null,
      processEvent: async ({ append }) => {
        begun.resolve()
        await goOn.promise
        late.resolve(await failureOf(append({ type: 'late' })))
      },
    })
    using opened = new TestEngine({ processors: new ProcessorRegistry([{ processor: slow }]) })
    const project = opened.engine.project('p')
    await project.append(A, [x])
    await project.processors.attach(A, 'slow')
    await project.append(A, [x])
    await begun.promise
    await opened.engine.deleteProject('p')
    goOn.resolve()
    expect(await late.promise).toMatchObject({ name: 'AbortError' })
    await turn()
    expect(readdirSync(opened.directory)).toEqual([])
  })

  test('twice, at once, of a project that never stored anything, or of none: is deleting once', async () => {
    using opened = new TestEngine()
    await opened.engine.project('p').append(A, [x])
    await Promise.all([opened.engine.deleteProject('p'), opened.engine.deleteProject('p')])
    await opened.engine.deleteProject('p')
    await opened.engine.deleteProject('never-there')
    expect(readdirSync(opened.directory)).toEqual([])
  })

  test.each([{ left: ['p.db-wal', 'p.db-shm'] }, { left: ['p.db'] }, { left: ['p.db', 'p.db-wal', 'p.db-shm'] }])(
    'called again after a crash that left $left, it finishes',
    async ({ left }) => {
      using opened = new TestEngine()
      await opened.engine.project('q').append(A, [x])
      for (const name of left) writeFileSync(join(opened.directory, name), 'whatever')
      const again = new StreamEngine({ directory: opened.directory })
      await again.deleteProject('p')
      again.close()
      expect(readdirSync(opened.directory).filter((name) => !name.startsWith('q.db'))).toEqual([])
      expect(await readAll(opened.engine.project('q'), A)).toHaveLength(2)
    },
  )

  test('that the disk refuses is told of without naming folders, stays deleted for callers, and can be finished', async () => {
    using opened = new TestEngine()
    await opened.engine.project('p').append(A, [x])
    const inTheWay = join(opened.directory, 'p.db-in-the-way')
    mkdirSync(inTheWay)
    const error = await opened.engine.deleteProject('p').catch((thrown: unknown) => thrown as Error)
    expect(failure(error)).toMatchObject({ code: 'UNAVAILABLE', reason: 'io' })
    expect((error as Error).message).not.toContain(opened.directory)
    expect(thrownBy(() => opened.engine.project('p'))).toEqual(DELETED)
    rmdirSync(inTheWay)
    await opened.engine.deleteProject('p')
    expect(readdirSync(opened.directory)).toEqual([])
  })

  test.each(['', '.', '../victim', 'a/b', '/etc/passwd', 'a.db', 'a\u0000'])('of %j is refused', async (id) => {
    using opened = new TestEngine()
    writeFileSync(join(opened.directory, '..', 'victim.db'), 'x')
    expect(await failureOf(opened.engine.deleteProject(id))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(existsSync(join(opened.directory, '..', 'victim.db'))).toBe(true)
  })

  test('is refused once the engine is closed: the next start finishes what was noted', async () => {
    using opened = new TestEngine()
    await opened.engine.project('p').append(A, [x])
    opened.engine.close()
    expect(await failureOf(opened.engine.deleteProject('p'))).toEqual({ code: 'UNAVAILABLE', reason: 'shutting-down' })
    expect(existsSync(join(opened.directory, 'p.db'))).toBe(true)
  })
})
