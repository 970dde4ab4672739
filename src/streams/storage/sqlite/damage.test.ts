import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { StreamEngine } from '../../engine.ts'
import { parsePath } from '../../path.ts'
import { TestFolder, TestProject, failureOf, times, turn } from '../../testing.ts'
import { FRAME_HEADER, WAL_HEADER } from './write-ahead-log.ts'

// Guards against damage that leads an answer astray instead of showing in the row that was read: each of these was
// silent once. The random search for more of them is src/streams/torture/bit-flips.crash.test.ts.

const A = parsePath('/a')
const CORRUPT = { code: 'INTERNAL', reason: 'corrupt' }

/** Changes the file while nobody has it open. */
function damage(project: TestProject, sql: string): void {
  project.reopen(() => {
    const db = new Database(project.file)
    db.exec(sql)
    db.close()
  })
}

describe('the catalogue', () => {
  async function tree() {
    const project = new TestProject()
    for (const path of ['/a', '/a/one', '/a/two', '/b']) await project.append(path, { type: 'x' })
    return project
  }

  test.each([
    'event_count = event_count + 64',
    'paused = 1',
    'closed = 1',
    `name = 'ona'`,
    `last_event_at = '2027-01-01T00:00:00.000Z'`,
    `incarnation = 'inc-other'`,
    'descendant_count = 1',
    'processor_count = 1',
    'expires_at = 1',
    `expires_at = ''`,
    'name = cast(name as blob)',
  ])('names the stream whose columns are damaged: %s', async (change) => {
    using project = await tree()
    damage(project, `update streams set ${change} where path = '/a/one'`)
    const corrupt = { ...CORRUPT, path: '/a/one' }
    expect(await failureOf(project.streams.list())).toEqual(corrupt)
    expect(await failureOf(project.streams.children(A))).toEqual(corrupt)
    expect(await failureOf(project.streams.state(parsePath('/a/one')))).toEqual(corrupt)
    expect((await project.streams.list({ prefix: '/b' })).streams).toHaveLength(1)
  })

  test('a stream whose path is damaged is not taken for absent, and does not begin anew', async () => {
    using project = await tree()
    damage(project, `update streams set path = '/a/ona' where path = '/a/one'`)
    const corrupt = { ...CORRUPT, path: '/a/one' }
    const one = parsePath('/a/one')
    expect(await failureOf(project.streams.state(one))).toEqual(corrupt)
    expect(await failureOf(project.streams.read(one))).toEqual(corrupt)
    expect(await failureOf(project.append('/a/one', { type: 'x' }))).toEqual(corrupt)
    expect(await failureOf(project.streams.create(one))).toEqual(corrupt)
  })

  test('a child that is not listed with its siblings shows in their count', async () => {
    using project = await tree()
    damage(project, `update streams set parent = '/c' where path = '/a/one'`)
    const all = () => project.streams.children(A)
    const lastPage = () => project.streams.children(A, { limit: 1, after: 'one' })
    const skipped = () => project.streams.children(A, { limit: 1, skip: 1 })
    for (const ask of [all, lastPage, skipped]) expect(await failureOf(ask())).toEqual({ ...CORRUPT, path: '/a' })
  })

  test('a stream that is not listed below its prefix shows in their count', async () => {
    using project = await tree()
    damage(project, `update streams set path = '.a/one' where path = '/a/one'`)
    const all = () => project.streams.list({ prefix: '/a' })
    const lastPage = () => project.streams.list({ prefix: '/a', limit: 1, after: '/a/one' })
    for (const ask of [all, lastPage]) expect(await failureOf(ask())).toEqual({ ...CORRUPT, path: '/a' })
  })
})

describe('a log', () => {
  test('says which event is missing to a reader that leaves core events out', async () => {
    using project = new TestProject()
    await project.append('/a', ...times(20, { type: 'x' }))
    await project.append('/a/b', { type: 'x' })
    damage(
      project,
      `update events set offset = 900 where offset = 7 and stream_id = 2; delete from events where offset = 900`,
    )
    const missing = { ...CORRUPT, path: '/a', offset: 7 }
    for (const order of ['asc', 'desc'] as const) {
      expect(await failureOf(project.streams.read(A, { visibleOnly: true, order }))).toEqual(missing)
    }
    const beside = await project.streams.read(A, { visibleOnly: true, after: 7, limit: 5 })
    expect(beside.events.map(({ offset }) => offset)).toEqual([8, 9, 10, 11, 12])
    expect(await project.streams.read(A, { visibleOnly: true, before: 7, limit: 3, order: 'desc' })).toMatchObject({
      events: [{ offset: 6 }, { offset: 5 }, { offset: 4 }],
    })
  })

  test('does not end for such a reader where SQLite cannot make out a row, and says nothing', async () => {
    using project = new TestProject()
    await project.append('/a', ...times(13, { type: 'event', payload: 5 }))
    const id = project.storage.working.loadStream(A)?.id
    project.reopen(() => {
      const bytes = readFileSync(project.file)
      // Twelve bytes say how a row is stored, and they say so; then come its stream's number and its offset.
      const header = Buffer.from([12, 1, 1, 13 + 2 * 'event'.length, 13 + 2 * 24])
      // With 32 more of them, its checksum is read as that number, and zero lies below all others.
      const isFit = (at: number) => bytes[at + 12] === id && (bytes[at + 13] ?? 0) > 3 && bytes[at + 12 + 32] === 0
      let at = bytes.indexOf(header)
      while (at !== -1 && !isFit(at)) at = bytes.indexOf(header, at + 1)
      expect(at).not.toBe(-1)
      bytes[at] = 12 ^ 32
      writeFileSync(project.file, bytes)
    })
    for (const order of ['asc', 'desc'] as const) {
      expect(await failureOf(project.streams.read(A, { visibleOnly: true, order }))).toMatchObject(CORRUPT)
    }
  })

  test('is not empty to such a reader when its last events go missing under a running process', async () => {
    using project = new TestProject()
    await project.append('/a', ...times(3, { type: 'x' }))
    project.storage.connection.exec('delete from events where stream_id = 2 and offset > 1')
    for (const order of ['asc', 'desc'] as const) {
      expect(await failureOf(project.streams.read(A, { visibleOnly: true, order }))).toMatchObject(CORRUPT)
    }
  })

  test('does not answer null for an event that it must have', async () => {
    using project = new TestProject()
    await project.append('/a', ...times(5, { type: 'x' }))
    damage(project, `delete from events where offset = 3 and stream_id = 2`)
    expect(await failureOf(project.streams.getEvent(A, { offset: 3 }))).toEqual({ ...CORRUPT, path: '/a', offset: 3 })
    expect(await project.streams.getEvent(A, { offset: 7 })).toBeNull()
  })

  test('tells text from bytes that read the same', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', payload: 'text' })
    damage(project, `update events set payload = cast(payload as blob) where offset = 2 and stream_id = 2`)
    expect(await failureOf(project.streams.read(A))).toEqual({ ...CORRUPT, path: '/a', offset: 2 })
  })

  test.each([1, 3])('counts the pieces of a large event: %i are not two', async (chunks) => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', payload: 'x'.repeat(600_000) })
    damage(project, `update events set chunks = ${chunks} where offset = 2 and stream_id = 2`)
    expect(await failureOf(project.streams.read(A))).toEqual({ ...CORRUPT, path: '/a', offset: 2 })
  })

  test('answers a retry with the first event only when that is sound, and then takes nothing more', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x', idempotencyKey: 'k' })
    damage(project, `update events set created_at = '2027-01-01T00:00:00.000Z' where offset = 2 and stream_id = 2`)
    const corrupt = { ...CORRUPT, path: '/a', offset: 2 }
    expect(await failureOf(project.append('/a', { type: 'x', idempotencyKey: 'k' }))).toEqual(corrupt)
    expect(await failureOf(project.append('/a', { type: 'y' }))).toEqual(corrupt)
  })

  /** The outcome of an append with `key` after a bit of the stored key `order-1`, at each place in turn, has made it `order-3`. */
  async function afterFlip(key: string): Promise<unknown[]> {
    const outcomes = []
    for (const place of [0, 1]) {
      using project = new TestProject()
      await project.append('/a', { type: 'x', idempotencyKey: 'order-1' })
      project.reopen(() => {
        const bytes = readFileSync(project.file)
        let at = bytes.indexOf('order-1')
        for (let i = 0; i < place; i++) at = bytes.indexOf('order-1', at + 1)
        bytes.write('order-3', at)
        writeFileSync(project.file, bytes)
      })
      outcomes.push(
        await project.append('/a', { type: 'x', idempotencyKey: key }).then(
          ([receipt]) => (receipt?.duplicate ? 'duplicate' : 'new'),
          (error: { code?: unknown }) => error.code,
        ),
      )
    }
    return outcomes.toSorted()
  }

  test('a damaged key in the index makes no event the duplicate of another', async () => {
    // Damaged in the index, the other key leads to an event that never had it. Damaged in the row, nothing does.
    expect(await afterFlip('order-3')).toEqual(['INTERNAL', 'new'])
  })

  test('a damaged key in the row alone is still found; in the index it is not: docs/limits.md, "Durability"', async () => {
    expect(await afterFlip('order-1')).toEqual(['duplicate', 'new'])
  })
})

describe('discarded logs', () => {
  test('a damaged number does not delete the log of a stream that lives', async () => {
    using project = new TestProject()
    await project.append('/a', ...times(10, { type: 'x' }))
    damage(project, `insert into discarded_logs values ((select id from streams where path = '/a'))`)
    await project.append('/b', { type: 'x' })
    for (let i = 0; i < 10; i++) await turn()
    expect(await project.log('/a')).toHaveLength(11)
  })

  test('pages that cannot be read stop the deleting, and neither the process nor the streams', async () => {
    using project = new TestProject()
    await project.append('/a', ...times(10, { type: 'x' }))
    await project.streams.reset(A)
    const page = project.storage.connection
      .prepare(`select rootpage from sqlite_schema where name = 'snapshots'`)
      .pluck()
      .get() as number
    project.reopen(() => {
      const bytes = readFileSync(project.file)
      bytes.fill(0xab, (page - 1) * 4096, page * 4096)
      writeFileSync(project.file, bytes)
      const db = new Database(project.file)
      db.exec(`insert or ignore into discarded_logs values (2)`)
      db.close()
    })
    const outcomes: unknown[] = []
    // One after the other without a pause: whatever deletes in between is in the group of the next.
    for (let i = 0; i < 5; i++) {
      outcomes.push(
        await project.append('/b', { type: 'x' }).then(
          () => 'stored',
          () => 'refused',
        ),
      )
    }
    expect(outcomes.slice(2)).toEqual(times(3, 'stored'))
  })
})

describe('a write-ahead log that is damaged when the process comes back', () => {
  const PROJECT = 'prj'
  const FRAME = FRAME_HEADER + 4096

  /** What a kill leaves after so many commits, with bytes of its log changed; opened again. */
  async function reopened(commits: number, change: (wal: Buffer) => Buffer) {
    using before = new TestFolder()
    const after = new TestFolder()
    const file = (folder: TestFolder) => join(folder.path, `${PROJECT}.db`)
    const engine = new StreamEngine({ directory: before.path })
    for (let i = 0; i < commits; i++) await engine.project(PROJECT).append(A, [{ type: 'x' }])
    copyFileSync(file(before), file(after))
    const wal = readFileSync(`${file(before)}-wal`)
    writeFileSync(`${file(after)}-wal`, change(Buffer.from(wal)))
    engine.close()
    const warnings: string[] = []
    const again = new StreamEngine({ directory: after.path, warn: (message) => warnings.push(message) })
    const { maxOffset } = await again.project(PROJECT).state(A)
    const kept = `${file(after)}-wal.damaged-1`
    const copy = existsSync(kept) ? readFileSync(kept) : null
    again.close()
    after[Symbol.dispose]()
    return { warnings, maxOffset, copy, wal }
  }

  const flipAt = (find: (wal: Buffer) => number) => (wal: Buffer) => {
    const at = find(wal)
    wal[at] = (wal[at] ?? 0) ^ 4
    return wal
  }

  test.each([
    ['a page', (wal: Buffer) => WAL_HEADER + FRAME * Math.floor(wal.length / FRAME / 2) + 2000],
    ['a frame header', (wal: Buffer) => WAL_HEADER + FRAME * Math.floor(wal.length / FRAME / 2) + 9],
    ['the salts of the log', () => 17],
    ['the checksum of the log', () => 26],
  ])('is told of, and a copy of it is kept: %s', async (_, find) => {
    const { warnings, maxOffset, copy, wal } = await reopened(20, flipAt(find))
    expect(warnings).toEqual([expect.stringMatching(/-wal is damaged after frame \d+: at least \d+ frames/)])
    expect(maxOffset).toBeLessThan(21)
    expect(copy?.length).toBe(wal.length)
  })

  /** Frames as an earlier generation of the log leaves them: sound, with salts of their own. */
  const stale = (wal: Buffer) =>
    Buffer.from(wal.subarray(wal.length - 2 * FRAME))
      .fill(7, 8, 16)
      .fill(7, FRAME + 8, FRAME + 16)
  const torn = (wal: Buffer, end: number) => flipAt(() => end - FRAME - 2000)(wal)

  test.each<[string, (wal: Buffer) => Buffer]>([
    ['whole', (wal) => wal],
    ['cut short', (wal) => wal.subarray(0, wal.length - 1000)],
    ['torn at its end', flipAt((wal) => wal.length - 2000)],
    ['torn within its last commit', flipAt((wal) => wal.length - FRAME - 2000)],
    ['torn, with frames of an earlier log behind it', (wal) => torn(Buffer.concat([wal, stale(wal)]), wal.length)],
    ['gone', () => Buffer.alloc(0)],
  ])('is not told of when it looks as a power cut leaves it: %s', async (_, change) => {
    const { warnings, copy } = await reopened(20, change)
    expect({ warnings, copy }).toEqual({ warnings: [], copy: null })
  })
})
