import { closeSync, openSync, readdirSync, writeSync } from 'node:fs'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CORE_STATE_VERSION, type CoreState } from '../../core/state.ts'
import { type EncodedInput, encodedBytes } from '../../event.ts'
import { encodeInput } from '../../event-input.ts'
import type { JsonText } from '../../json-text.ts'
import { type StreamPath, parsePath } from '../../path.ts'
import { TestFolder, TestProject, failure, failureOf, plantState, replayed, times, turn, until } from '../../testing.ts'
import { stateChecksum } from '../sql/checksum.ts'
import { CommitScheduler } from './group-commit.ts'
import { SqliteStorage } from './sqlite-storage.ts'
import { storageError } from '../sql/storage-error.ts'

// Guards what lies on the disk: it reads back as it was written or not at all, and reading changes nothing.

const A = parsePath('/a')
const MiB = 1024 * 1024

const text = (content: string) => JSON.stringify(content) as JsonText

/** All rows of the tables, to see that nothing was changed or deleted. */
function dump(project: TestProject): unknown {
  const db = new Database(project.file, { readonly: true })
  try {
    return ['streams', 'events', 'event_chunks'].map((table) => db.prepare(`select * from ${table}`).raw().all())
  } finally {
    db.close()
  }
}

describe('large events', () => {
  test.each([
    ['payload', 'x'],
    ['payload', 'é'],
    ['payload', '変'],
    ['payload', '🙂'],
    ['metadata', '🙂'],
    ['metadata', 'x'],
  ])('%s of %s over 512 KiB spans chunk rows and reads back equal, at every alignment', async (field, unit) => {
    using project = new TestProject()
    // The offset of the first character shifts every later one across the chunk borders.
    const texts = ['', 'x', 'xx', 'xxx'].map(
      (shift) => shift + unit.repeat(Math.ceil((1.3 * MiB) / Buffer.byteLength(unit))),
    )
    const inputs = texts.map((content): EncodedInput => ({ type: 'x', [field]: `{"a":${text(content)}}` as JsonText }))
    await project.streams.append(A, inputs)
    project.reopen()
    const [, ...events] = await project.log('/a')
    expect(events.map(({ offset: _o, createdAt: _c, ...rest }) => rest)).toStrictEqual(inputs)
    const chunks = project.storage.connection
      .prepare('select length(bytes) from event_chunks order by offset, chunk')
      .pluck()
      .all()
    expect(chunks).toHaveLength(4 * 3)
    expect(Math.max(...(chunks as number[]))).toBe(512 * 1024)
  })

  test('payload and metadata may both be large; an absent one stays absent', async () => {
    using project = new TestProject()
    const large = `{"a":${text('z'.repeat(MiB))}}` as JsonText
    const inputs: EncodedInput[] = [
      { type: 'x', payload: large, metadata: large },
      { type: 'x', payload: large },
      { type: 'x', metadata: large },
      { type: 'x', payload: large, metadata: '{}' as JsonText },
    ]
    await project.streams.append(A, inputs)
    const [, ...events] = await project.log('/a')
    expect(events.map(({ offset: _o, createdAt: _c, ...rest }) => rest)).toStrictEqual(inputs)
  })

  test('512 KiB stay in the row, one byte more does not', async () => {
    using project = new TestProject()
    const fits = text('x'.repeat(512 * 1024 - 2))
    await project.streams.append(A, [
      { type: 'x', payload: fits },
      { type: 'x', payload: text('x'.repeat(512 * 1024 - 1)) },
    ])
    expect(
      project.storage.connection.prepare('select chunks from events order by offset').pluck().all(),
    ).toContainEqual(2)
    const rows = project.storage.connection.prepare(`select chunks from events where type = 'x' order by offset`)
    expect(rows.pluck().all()).toEqual([0, 2])
  })

  test('an event of 16 MiB is stored, read, delivered and found by its key', async () => {
    using project = new TestProject()
    const payload = text('é'.repeat(8 * MiB - 1))
    expect(encodedBytes({ payload })).toBe(16 * MiB)
    const [receipt] = await project.streams.append(A, [{ type: 'x', payload, idempotencyKey: 'k' }])
    expect(receipt?.offset).toBe(2)
    const delivered: string[] = []
    const subscription = await project.streams.subscribe(A, { after: 'start' }, (batch) => {
      for (const event of batch.events) delivered.push(event.payload ?? '')
    })
    await until(() => delivered.length === 2)
    expect(delivered[1] === payload).toBe(true)
    subscription.unsubscribe()
    const found = await project.streams.getEvent(A, { idempotencyKey: 'k' })
    expect(found?.payload === payload).toBe(true)
  })
})

describe('pages', () => {
  /** Sizes of the pages of a stream, in events and bytes. */
  async function pages(project: TestProject, options: object = {}): Promise<{ offsets: number[]; bytes: number }[]> {
    const found = []
    let cursor: number | null = 0
    while (cursor !== null) {
      const page = await project.streams.read(A, { after: cursor, limit: 1000, ...options })
      const bytes = page.events.reduce((sum, event) => sum + encodedBytes(event), 0)
      found.push({ offsets: page.events.map((event) => event.offset), bytes })
      cursor = page.nextCursor
    }
    return found
  }

  const of = (bytes: number, unit = 'x') => text(unit.repeat(bytes / Buffer.byteLength(unit)))

  test.each<[string, EncodedInput[], object?]>([
    ['hold at most 4 MiB of payload', times(40, { type: 'x', payload: of(300_000) })],
    ['hold at most 4 MiB of metadata', times(40, { type: 'x', metadata: `{"a":${of(300_000)}}` as JsonText })],
    ['hold at most 4 MiB of text of three bytes a character', times(40, { type: 'x', payload: of(300_000, '変') })],
    ['hold at most 4 MiB when types are asked for', times(40, { type: 'x', payload: of(300_000) }), { types: ['x'] }],
    ['end before an event that no longer fits', times(5, { type: 'x', payload: of(3_000_000) })],
    [
      'end before an event that no longer fits when types are asked for',
      times(5, { type: 'x', payload: of(3_000_000) }),
      { types: ['x'] },
    ],
    ['hold one event even when it alone is larger', times(3, { type: 'x', payload: of(5_000_000) })],
  ])('%s', async (_, inputs, options = {}) => {
    using project = new TestProject()
    for (const input of inputs) await project.streams.append(A, [input])
    const found = await pages(project, options)
    const first = 'types' in options ? 2 : 1
    expect(found.flatMap((page) => page.offsets)).toEqual(
      Array.from({ length: inputs.length + 2 - first }, (_each, i) => i + first),
    )
    for (const { offsets, bytes } of found) {
      if (offsets.length > 1) expect(bytes).toBeLessThanOrEqual(4 * MiB)
    }
    // Fuller than half on the whole: a limit must not be kept by pages of one event each.
    const total = inputs.reduce((sum, input) => sum + encodedBytes(input), 0)
    expect(found.length).toBeLessThanOrEqual(2 + (2 * total) / (4 * MiB))
  })

  test('end before a large event far behind the few that match', async () => {
    using project = new TestProject()
    const large: EncodedInput = { type: 'x', payload: of(5_000_000) }
    const few = Array.from({ length: 1500 }, (_, i): EncodedInput => ({ type: i % 150 === 0 ? 'x' : 'y' }))
    await project.streams.append(A, few.slice(0, 999))
    await project.streams.append(A, [large])
    await project.streams.append(A, few.slice(999))
    const found = await pages(project, { types: ['x'] })
    expect(found.map((page) => page.offsets.length)).toEqual([7, 1, 3])
  })

  test('descending pages keep to it too', async () => {
    using project = new TestProject()
    await project.streams.append(A, times(4, { type: 'x', payload: of(3_000_000) }))
    const seen: number[][] = []
    let before: number | null = 6
    while (before !== null) {
      const page = await project.streams.read(A, { before, order: 'desc' })
      seen.push(page.events.map((event) => event.offset))
      before = page.nextCursor
    }
    expect(seen).toEqual([[5], [4], [3], [2, 1]])
  })

  test('a filter that matches nothing ends with the log, however long', async () => {
    using project = new TestProject()
    for (let i = 0; i < 12; i++) await project.streams.append(A, times(1000, { type: 'x' }))
    await project.append('/a', { type: 'rare' })
    const found = await pages(project, { types: ['rare'] })
    expect(found.flatMap((page) => page.offsets)).toEqual([12_002])
    // A page looks at 10,000 events or so, not at the whole log.
    expect(found).toHaveLength(2)
  })
})

describe('damage', () => {
  async function stored(project: TestProject): Promise<void> {
    await project.append('/a', {
      type: 'one',
      payload: 'aaaa',
      metadata: { m: 'bbbb' },
      source: { processor: { slug: 'cccc', version: '1' } },
      idempotencyKey: 'dddd',
    })
    await project.streams.append(A, [{ type: 'two', payload: text('e'.repeat(MiB)) }])
    await project.append('/a', { type: 'three' })
    await project.append('/b', { type: 'one' })
  }

  const CORRUPT = { code: 'INTERNAL', reason: 'corrupt', path: '/a' }

  /** Flips one bit of a column's bytes. */
  function flip(project: TestProject, table: string, column: string, where: string): void {
    const db = project.storage.connection
    const value = db.prepare(`select cast(${column} as blob) from ${table} where ${where}`).pluck().get() as Buffer
    const damaged = Buffer.from(value)
    const at = damaged.length >> 1
    damaged[at] = (damaged[at] ?? 0) ^ 1
    const type = table === 'event_chunks' ? 'blob' : 'text'
    db.prepare(`update ${table} set ${column} = cast(? as ${type}) where ${where}`).run(damaged)
  }

  test.each(['type', 'created_at', 'key', 'payload', 'metadata', 'source'])(
    'a flipped bit in an event’s %s is INTERNAL naming stream and offset, through every way of reading',
    async (column) => {
      using project = new TestProject()
      await stored(project)
      flip(project, 'events', column, `stream_id = (select id from streams where path = '/a') and offset = 2`)
      project.reopen()
      const before = dump(project)
      expect(await failureOf(project.streams.read(A))).toEqual({ ...CORRUPT, offset: 2 })
      expect(await failureOf(project.streams.read(A, { order: 'desc' }))).toEqual({ ...CORRUPT, offset: 2 })
      await expect(project.streams.read(A)).rejects.toThrow('event 2 of /a')
      if (column !== 'key') {
        expect(await failureOf(project.streams.getEvent(A, { idempotencyKey: 'dddd' }))).toEqual({
          ...CORRUPT,
          offset: 2,
        })
      }
      const batches: unknown[] = []
      const subscription = await project.streams.subscribe(A, { after: 1 }, (batch) => batches.push(batch))
      expect(await subscription.closed()).toMatchObject({ reason: 'storage', code: 'INTERNAL' })
      expect(batches).toEqual([])
      // What is not damaged can be read, and nothing was deleted.
      expect((await project.streams.read(A, { after: 2 })).events.map((event) => event.offset)).toEqual([3, 4])
      expect(await project.log('/b')).toHaveLength(2)
      expect(dump(project)).toEqual(before)
    },
  )

  const OF_A = `stream_id = (select id from streams where path = '/a')`
  const OF_B = `stream_id = (select id from streams where path = '/b')`
  test.each([
    ['flag', '/a', `update events set raw = 1 where ${OF_A} and offset = 2`],
    ['payload gone', '/a', `update events set payload = null where ${OF_A} and offset = 2`],
    [
      'offset',
      '/a',
      `update events set offset = 99 where ${OF_A} and offset = 2; update events set offset = 2 where ${OF_A} and offset = 4;
       update events set offset = 4 where ${OF_A} and offset = 99`,
    ],
    [
      'stream',
      '/b',
      `delete from events where ${OF_B} and offset = 2;
       update events set stream_id = (select id from streams where path = '/b') where ${OF_A} and offset = 2`,
    ],
  ])('a row that strayed or was changed is found out: %s', async (_, path, change) => {
    using project = new TestProject()
    await stored(project)
    project.storage.connection.exec(change)
    expect(await failureOf(project.streams.read(parsePath(path)))).toEqual({ ...CORRUPT, path, offset: 2 })
  })

  test.each(['bytes', 'missing', 'swapped'])(
    'a damaged chunk (%s) is INTERNAL naming stream and offset',
    async (how) => {
      using project = new TestProject()
      await stored(project)
      const db = project.storage.connection
      if (how === 'bytes') flip(project, 'event_chunks', 'bytes', 'chunk = 1')
      else if (how === 'missing') db.exec('delete from event_chunks where chunk = 1')
      else db.exec('update event_chunks set part = 1 where chunk = 1')
      project.reopen()
      expect(await failureOf(project.streams.read(A))).toEqual({ ...CORRUPT, offset: 3 })
      expect((await project.streams.read(A, { after: 3 })).events).toHaveLength(1)
    },
  )

  test.each(['state', 'base_state'])(
    'a flipped bit in the state row (%s) is INTERNAL naming the stream; nothing is deleted',
    async (column) => {
      using project = new TestProject()
      await stored(project)
      const where = `path = '/a'`
      if (column === 'state') flip(project, 'streams', 'state', where)
      else project.storage.connection.exec(`update streams set base_state = '{}' where ${where}`)
      project.reopen()
      const before = dump(project)
      expect(await failureOf(project.streams.state(A))).toEqual(CORRUPT)
      expect(await failureOf(project.streams.read(A))).toEqual(CORRUPT)
      expect(await failureOf(project.append('/a', { type: 'x' }))).toEqual(CORRUPT)
      expect(await failureOf(project.streams.create(A))).toEqual(CORRUPT)
      expect(await failureOf(project.append('/a/new', { type: 'x' }))).toEqual(CORRUPT)
      expect(await failureOf(project.streams.subscribe(A, {}, () => {}))).toEqual(CORRUPT)
      // Its neighbours go on.
      expect(await project.append('/b', { type: 'x' })).toMatchObject([{ offset: 3 }])
      expect(dump(project)).not.toEqual(before)
      expect((dump(project) as unknown[][])[0]?.find((row) => (row as unknown[])[1] === '/a')).toEqual(
        (before as unknown[][])[0]?.find((row) => (row as unknown[])[1] === '/a'),
      )
    },
  )

  test('a log that ends before its state is INTERNAL: events are missing', async () => {
    using project = new TestProject()
    await stored(project)
    project.storage.connection.exec(
      `delete from events where offset = 4 and stream_id = (select id from streams where path = '/a')`,
    )
    project.reopen()
    expect(await failureOf(project.append('/a', { type: 'x' }))).toEqual({ ...CORRUPT, offset: 3 })
    expect(await failureOf(project.streams.read(A))).toEqual({ ...CORRUPT, offset: 3 })
  })

  test('damaged pages of the file are a coded error, for readers and writers alike', async () => {
    using project = new TestProject()
    for (let i = 0; i < 50; i++) {
      await project.append('/a', { type: 'x', payload: 'y'.repeat(2000), idempotencyKey: `key-${i}` })
    }
    const pageSize = 4096
    const root = (name: string) =>
      project.storage.connection
        .prepare('select rootpage from sqlite_schema where name = ?')
        .pluck()
        .get(name) as number
    const damaged = [root('events'), root('events_key')]
    project.reopen(() => {
      const file = openSync(project.file, 'r+')
      for (const page of damaged) writeSync(file, Buffer.alloc(pageSize, 0xab), 0, pageSize, (page - 1) * pageSize)
      closeSync(file)
    })
    const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a' }
    expect(await failureOf(project.streams.read(A))).toEqual(corrupt)
    expect(await failureOf(project.append('/a', { type: 'x' }))).toEqual(corrupt)
    expect(await failureOf(project.append('/a', { type: 'x', idempotencyKey: 'key-1' }))).toEqual(corrupt)
    expect(await failureOf(project.streams.getEvent(A, { idempotencyKey: 'key-1' }))).toEqual(corrupt)
    expect(await failureOf(project.streams.subscribe(A, {}, () => {}))).toEqual(corrupt)
  })
})

describe('states of another version', () => {
  async function written(project: TestProject): Promise<CoreState> {
    await project.append('/a', { type: 'x', idempotencyKey: 'k' }, { type: 'y' })
    await project.append('/a/b', { type: 'x' })
    const { exists: _, ...state } = await project.streams.state(A)
    return state
  }
  const wrong = { eventCount: 77, maxOffset: 77, childCount: 7, lastVisibleOffset: 77, closed: true }
  const old = CORE_STATE_VERSION - 1
  const touches: [string, (project: TestProject) => Promise<unknown>, unknown][] = [
    ['state', (project) => project.streams.state(A), { maxOffset: 4, eventCount: 4, childCount: 1, closed: false }],
    ['read', (project) => project.streams.read(A), { maxOffset: 4, nextCursor: null }],
    ['append', (project) => project.append('/a', { type: 'z' }), [{ offset: 5 }]],
    ['append of a duplicate', (project) => project.append('/a', { type: 'z', idempotencyKey: 'k' }), [{ offset: 2 }]],
    ['append below it', (project) => project.append('/a/c', { type: 'z' }), [{ offset: 2 }]],
    ['create', (project) => project.streams.create(A), { created: false, state: { maxOffset: 4 } }],
    ['children', (project) => project.streams.children(A), { total: 1 }],
    ['find', (project) => project.streams.getEvent(A, { idempotencyKey: 'k' }), { offset: 2 }],
  ]

  test.each(touches)('an old one is rebuilt by replay before the first answer: %s', async (_, touch, answer) => {
    using project = new TestProject()
    const state = await written(project)
    plantState(project.storage, { ...state, ...wrong }, old)
    project.reopen()
    expect(await touch(project)).toMatchObject(answer as object)
    expect(await project.streams.state(A)).toEqual({ ...replayed('/a', await project.log('/a')), exists: true })
  })

  test.each(touches)(
    'one of the same version that is behind its log is caught up before the first answer: %s',
    async (_, touch, answer) => {
      using project = new TestProject()
      const state = await written(project)
      const log = await project.log('/a')
      const behind = replayed('/a', log.slice(0, 2))
      plantState(project.storage, { ...behind, incarnationId: state.incarnationId })
      project.reopen()
      expect(await touch(project)).toMatchObject(answer as object)
      expect(await project.streams.state(A)).toEqual({ ...replayed('/a', await project.log('/a')), exists: true })
    },
  )

  test('a subscriber of a stream behind its log hears all of it', async () => {
    using project = new TestProject()
    const state = await written(project)
    plantState(project.storage, { ...state, ...wrong }, old)
    project.reopen()
    const seen: number[] = []
    const subscription = await project.streams.subscribe(A, { after: 'start' }, (batch) => {
      seen.push(...batch.events.map((event) => event.offset))
    })
    await until(() => seen.length >= 4)
    await project.append('/a', { type: 'z' })
    await until(() => seen.length >= 5)
    expect(seen).toEqual([1, 2, 3, 4, 5])
    subscription.unsubscribe()
  })

  test('a rebuild of many pages lets appends wait, and answers them all in order', async () => {
    using project = new TestProject()
    for (let i = 0; i < 4; i++) await project.streams.append(A, times(1000, { type: 'x' }))
    const { exists: _, ...state } = await project.streams.state(A)
    plantState(project.storage, { ...state, ...wrong }, old)
    project.reopen()
    const answers = await Promise.all([
      project.append('/a', { type: 'first' }),
      project.append('/a/child', { type: 'x' }),
      project.append('/a', { type: 'second' }),
      project.streams.state(A),
    ])
    expect(answers.slice(0, 3)).toMatchObject([[{ offset: 4002 }], [{ offset: 2 }], [{ offset: 4004 }]])
    expect(await project.streams.state(A)).toEqual({ ...replayed('/a', await project.log('/a')), exists: true })
  })

  test('a subscriber that is behind goes on after its rebuilt stream lost a group to a full disk', async () => {
    using project = new TestProject()
    for (let i = 0; i < 3; i++) await project.streams.append(A, times(1000, { type: 'x' }))
    const { exists: _, ...state } = await project.streams.state(A)
    plantState(project.storage, { ...state, ...wrong }, old)
    project.reopen()
    const seen: number[] = []
    const held: (() => void)[] = []
    const subscription = await project.streams.subscribe(A, { after: 'start' }, (batch) => {
      seen.push(...batch.events.map((event) => event.offset))
      return new Promise<void>((resolve) => held.push(resolve))
    })
    await until(() => held.length === 4)
    const pages = project.storage.connection.pragma('page_count', { simple: true }) as number
    project.storage.connection.pragma(`max_page_count = ${pages}`)
    expect(await failureOf(project.append('/a', { type: 'big', payload: 'x'.repeat(3_000_000) }))).toMatchObject({
      reason: 'disk-full',
    })
    let ended: unknown = null
    void subscription.closed().then((closed) => (ended = closed))
    await until(() => {
      for (const release of held.splice(0)) release()
      return ended !== null || seen.length >= 3001
    })
    expect(ended).toBeNull()
    expect(seen).toEqual(Array.from({ length: 3001 }, (_each, i) => i + 1))
    subscription.unsubscribe()
  })

  test('reading rebuilds in memory and writes nothing', async () => {
    using project = new TestProject()
    const state = await written(project)
    plantState(project.storage, { ...state, ...wrong }, old)
    project.reopen()
    const before = dump(project)
    const commits = project.commits()
    await project.streams.state(A)
    await project.streams.read(A)
    await project.streams.children(A)
    await turn()
    expect(dump(project)).toEqual(before)
    expect(project.commits()).toBe(commits)
  })
})

describe('the file', () => {
  test('is synchronised in full and kept in a write-ahead log', () => {
    using project = new TestProject()
    expect(project.storage.connection.pragma('synchronous', { simple: true })).toBe(2)
    expect(project.storage.connection.pragma('journal_mode', { simple: true })).toBe('wal')
  })

  test('is read through a connection that cannot write', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const before = dump(project)
    const commits = project.commits()
    await project.streams.state(A)
    await project.streams.read(A)
    await project.streams.getEvent(A, { idempotencyKey: 'k' })
    await project.streams.children(A)
    await project.streams.list()
    const subscription = await project.streams.subscribe(A, { after: 'start' }, () => {})
    await turn()
    subscription.unsubscribe()
    expect(dump(project)).toEqual(before)
    expect(project.commits()).toBe(commits)
  })

  test('that is no database is INTERNAL, and leaves no file handle open', async () => {
    using folder = new TestFolder()
    const file = `${folder.path}/not-a-database.db`
    const fd = openSync(file, 'w')
    writeSync(fd, Buffer.alloc(8192, 'no database '))
    closeSync(fd)
    const handles = () => readdirSync('/proc/self/fd').length
    const before = process.platform === 'linux' ? handles() : 0
    for (let i = 0; i < 20; i++) {
      expect(await failureOf(Promise.resolve().then(() => new SqliteStorage(file, new CommitScheduler())))).toEqual({
        code: 'INTERNAL',
        reason: 'corrupt',
      })
    }
    if (process.platform === 'linux') expect(handles()).toBeLessThanOrEqual(before)
  })
})

test.each([
  ['SQLITE_FULL', 'UNAVAILABLE', 'disk-full'],
  ['SQLITE_IOERR_WRITE', 'UNAVAILABLE', 'io'],
  ['SQLITE_READONLY_DBMOVED', 'UNAVAILABLE', 'read-only'],
  ['SQLITE_BUSY_SNAPSHOT', 'UNAVAILABLE', 'busy'],
  ['SQLITE_LOCKED', 'UNAVAILABLE', 'busy'],
  ['SQLITE_CANTOPEN', 'UNAVAILABLE', 'io'],
  ['SQLITE_NOMEM', 'UNAVAILABLE', 'memory'],
  ['SQLITE_CORRUPT_INDEX', 'INTERNAL', 'corrupt'],
  ['SQLITE_NOTADB', 'INTERNAL', 'corrupt'],
  ['SQLITE_MISUSE', 'INTERNAL', 'storage'],
  ['ENOENT', 'INTERNAL', 'storage'],
])('%s is %s, %s', (code, expected, reason) => {
  const cause = Object.assign(new Error('x'), { code })
  expect(failure(storageError(cause))).toEqual({ code: expected, reason })
  expect(storageError(cause).cause).toBe(cause)
})

test('whatever is appended, in whatever batches, reads back equal after a restart', async () => {
  const input = fc.record(
    {
      type: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((type) => !type.startsWith('stream/')),
      payload: fc.jsonValue(),
      metadata: fc.dictionary(fc.string(), fc.jsonValue()),
      source: fc.record({
        processor: fc.record({ slug: fc.string({ minLength: 1 }), version: fc.string({ minLength: 1 }) }),
      }),
    },
    { requiredKeys: ['type'] },
  )
  const usable = input.filter((each) => 'type' in (accepted(each) ?? {}))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(usable, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 5 }),
      async (batches) => {
        using project = new TestProject()
        const encoded = batches.map((batch) => batch.map(encodeInput))
        for (const batch of encoded) await project.streams.append('/a' as StreamPath, batch)
        project.reopen()
        const [, ...events] = await project.log('/a')
        expect(events.map(({ offset: _o, createdAt: _c, ...rest }) => rest)).toEqual(encoded.flat())
      },
    ),
    { numRuns: 30 },
  )
})

function accepted(value: unknown): EncodedInput | null {
  try {
    return encodeInput(value)
  } catch {
    return null
  }
}

describe('a row that is missing from a log', () => {
  const without = async (offset: number) => {
    const project = new TestProject()
    await project.append('/a', ...Array.from({ length: 9 }, (_, i) => ({ type: 'x', payload: i })))
    project.storage.connection.prepare('delete from events where offset = ? and type = ?').run(offset, 'x')
    return project
  }

  test.each([
    ['upwards', {}],
    ['downwards', { order: 'desc' as const }],
    ['by type', { types: ['x'] }],
    ['from just before it', { after: 4 }],
    ['up to just after it', { before: 6, order: 'desc' as const }],
  ])('is an error that names stream and offset, reading %s', async (_how, options) => {
    using project = await without(5)
    expect(await failureOf(project.streams.read(A, options))).toEqual({
      code: 'INTERNAL',
      reason: 'corrupt',
      path: '/a',
      offset: 5,
    })
  })

  test('ends the replay of a live reader before it, not after', async () => {
    using project = await without(5)
    project.reopen()
    const seen: number[] = []
    const reader = await project.streams.subscribe(A, { after: 'start' }, (batch) => {
      seen.push(...batch.events.map((event) => event.offset))
    })
    expect(await reader.closed()).toEqual({ reason: 'storage', code: 'INTERNAL' })
    expect(seen).toEqual([])
  })

  test('does not keep what lies beside it from being read', async () => {
    using project = await without(5)
    const { events } = await project.streams.read(A, { after: 5 })
    expect(events.map((event) => event.offset)).toEqual([6, 7, 8, 9, 10])
  })
})

describe('a log that begins above 1', () => {
  /** As retention would leave it: rows gone, and the state before the first of them kept as the base. */
  async function trimmed() {
    const project = new TestProject()
    await project.append('/a', ...Array.from({ length: 5 }, (_, i) => ({ type: 'x', payload: i })))
    const log = await project.log('/a')
    const base = { ...replayed('/a', log.slice(0, 3)), firstOffset: 4 }
    const state = { ...replayed('/a', log), firstOffset: 4 }
    project.reopen(() => {
      const db = new Database(project.file)
      db.prepare('delete from events where stream_id = (select id from streams where path = ?) and offset < 4').run(
        '/a',
      )
      const [json, baseJson] = [JSON.stringify(state), JSON.stringify(base)]
      db.prepare('update streams set state = ?, base_state = ?, checksum = ? where path = ?').run(
        json,
        baseJson,
        stateChecksum('/a', CORE_STATE_VERSION, json, baseJson),
        '/a',
      )
      db.close()
    })
    return project
  }

  test('is read and followed from where it begins', async () => {
    using project = await trimmed()
    expect((await project.streams.read(A)).events.map((event) => event.offset)).toEqual([4, 5, 6])
    expect((await project.streams.read(A, { order: 'desc' })).events.map((event) => event.offset)).toEqual([6, 5, 4])
    const seen: number[] = []
    await project.streams.subscribe(A, { after: 'start' }, (batch) => {
      seen.push(...batch.events.map((event) => event.offset))
    })
    await until(() => seen.length === 3)
    expect(seen).toEqual([4, 5, 6])
  })

  test('says where it begins to whoever asks for what came before', async () => {
    using project = await trimmed()
    const gone = { code: 'NOT_FOUND', reason: 'trimmed', path: '/a', after: 2, firstOffset: 4 }
    expect(await failureOf(project.streams.read(A, { after: 2 }))).toEqual(gone)
    expect(await failureOf(project.streams.subscribe(A, { after: 2 }, () => {}))).toEqual(gone)
    expect(await project.streams.getEvent(A, { offset: 2 })).toBeNull()
  })

  test('is appended to, and rebuilt from its base', async () => {
    using project = await trimmed()
    expect(await project.append('/a', { type: 'y' })).toMatchObject([{ offset: 7 }])
    const { exists: _exists, ...before } = await project.streams.state(A)
    project.reopen(() => {
      const db = new Database(project.file)
      const [state, base] = db.prepare('select state, base_state from streams where path = ?').raw().get('/a') as [
        string,
        string,
      ]
      const checksum = stateChecksum('/a', 1, state, base)
      db.prepare('update streams set state_version = 1, checksum = ? where path = ?').run(checksum, '/a')
      db.close()
    })
    expect(await project.streams.state(A)).toEqual({ ...before, exists: true })
  })
})

describe('a stream that was found damaged', () => {
  async function damaged() {
    const project = new TestProject()
    await project.append('/a', { type: 'x', payload: 1 }, { type: 'y' })
    await project.append('/a/b', { type: 'x' })
    project.storage.connection.prepare(`update events set payload = '2' where payload = '1'`).run()
    return project
  }
  const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a', offset: 2 }

  test('takes nothing more, says why, and keeps what it has', async () => {
    using project = await damaged()
    expect(await failureOf(project.streams.read(A))).toEqual(corrupt)
    expect(await failureOf(project.append('/a', { type: 'z' }))).toEqual(corrupt)
    expect(await failureOf(project.streams.pause(A))).toEqual(corrupt)
    expect(await project.streams.state(A)).toMatchObject({ maxOffset: 4, paused: false })
    expect((await project.streams.read(A, { after: 2 })).events.map((event) => event.offset)).toEqual([3, 4])
  })

  test('is stopped by a live reader that comes across it, too', async () => {
    using project = await damaged()
    project.reopen()
    const reader = await project.streams.subscribe(A, { after: 'start' }, () => {})
    expect(await reader.closed()).toEqual({ reason: 'storage', code: 'INTERNAL' })
    expect(await failureOf(project.append('/a', { type: 'z' }))).toEqual(corrupt)
  })

  test('stops no other, and still hears of its children', async () => {
    using project = await damaged()
    expect(await failureOf(project.streams.read(A))).toEqual(corrupt)
    await project.append('/a/b', { type: 'z' })
    await project.append('/a/c', { type: 'z' })
    expect(await project.streams.state(A)).toMatchObject({ childCount: 2 })
  })

  test('goes on after a reset', async () => {
    using project = await damaged()
    expect(await failureOf(project.streams.read(A))).toEqual(corrupt)
    await project.streams.reset(A)
    expect(await project.append('/a', { type: 'z' })).toMatchObject([{ offset: 2 }])
  })
})
