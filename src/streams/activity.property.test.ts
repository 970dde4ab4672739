import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ActivityBatch } from './activity.ts'
import { DEFAULT_APPEND_LIMITS } from './event.ts'
import { encodeInput } from './event-input.ts'
import { ROOT_PATH, type StreamPath, isBelow, parentPath, parsePath } from './path.ts'
import { ProjectStreams } from './project-streams.ts'
import { DurableObjectStorage } from './storage/durable-object/durable-object-storage.ts'
import { FakeObject } from './storage/durable-object/testing.ts'
import { MemoryStorage } from './storage/memory/memory-storage.ts'
import type { CatalogueRow, StreamStorage } from './storage/port.ts'
import { CommitScheduler } from './storage/sqlite/group-commit.ts'
import { SqliteStorage } from './storage/sqlite/sqlite-storage.ts'
import { TestClock, TestFolder, TestTimers, countingIds, turn } from './testing.ts'

// A reader that begins to watch, reads the children, and applies what it is told to its copy of them, ends with the
// children as they are: whatever happens meanwhile, in whatever order, on whichever storage.

const PATHS = ['/', '/a', '/a/b', '/a/b/c', '/a/b/d', '/a/e', '/f', '/f/g'].map(parsePath)
const WATCHED = ['/', '/a', '/a/b', '/f/g'].map(parsePath)

/** What a reader does: it begins once, reads pages of two rows, and applies what it is told. */
class Reader {
  readonly #streams: ProjectStreams
  readonly copy = new Map<string, CatalogueRow>()
  /** What was told since pages are being read: those pages may be older. */
  readonly #told = new Set<string>()
  #reading = 0
  /** Batches that it has not taken yet. */
  readonly untaken: (() => void)[] = []
  slow = false

  constructor(streams: ProjectStreams) {
    this.#streams = streams
  }

  async start(): Promise<void> {
    await this.#streams.activity({ paths: WATCHED }, (batch) => this.#apply(batch))
    void this.readAll()
  }

  async readAll(): Promise<void> {
    this.#reading++
    await Promise.all(WATCHED.map((path) => this.#read(path)))
    if (--this.#reading === 0) this.#told.clear()
  }

  async #read(parent: StreamPath): Promise<void> {
    const listed = new Set<string>()
    for (let after: string | null | undefined; after !== null;) {
      const page: { children: readonly CatalogueRow[]; nextAfter: string | null } = await this.#streams.children(
        parent,
        { limit: 2, ...(after === undefined ? {} : { after }) },
      )
      for (const row of page.children) {
        listed.add(row.path)
        if (!this.#told.has(row.path)) this.copy.set(row.path, row)
      }
      after = page.nextAfter
    }
    for (const path of this.copy.keys()) {
      if (parentPath(path as StreamPath) === parent && !listed.has(path) && !this.#told.has(path))
        this.copy.delete(path)
    }
  }

  #apply({ rows, removed, overflow }: ActivityBatch): Promise<void> | undefined {
    for (const gone of removed) {
      for (const path of this.copy.keys()) if (isBelow(path, gone as StreamPath)) this.#forget(path)
      // Nobody but its parent's watcher has a row of it.
      if (gone !== ROOT_PATH) this.#forget(gone)
    }
    for (const row of rows) {
      this.copy.set(row.path, row)
      this.#told.add(row.path)
    }
    if (overflow) void this.readAll()
    return this.slow ? new Promise((resolve) => this.untaken.push(resolve)) : undefined
  }

  #forget(path: string): void {
    this.copy.delete(path)
    this.#told.add(path)
  }
}

const path = fc.constantFrom(...PATHS)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create' as const), path }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const), path }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rest' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('slow' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('read' as const) }) },
)
const life = fc.record({
  steps: fc.array(step, { maxLength: 60 }),
  /** When the reader begins. */
  from: fc.nat(20),
})

interface Place {
  readonly storage: StreamStorage
  /** Ends the open group with nothing known. */
  fail(): void
}

async function live(place: Place, timers: TestTimers, { steps, from }: Life) {
  const streams = new ProjectStreams(place.storage, {
    limits: DEFAULT_APPEND_LIMITS,
    now: new TestClock().now,
    newId: countingIds(),
    scheduler: timers,
  })
  const reader = new Reader(streams)
  const pending: Promise<unknown>[] = []
  // Refusals are no concern of this: what was refused changed nothing.
  const ask = (promise: Promise<unknown>) => void pending.push(promise.catch(() => {}))
  const take = () => reader.untaken.splice(0).forEach((resolve) => resolve())
  const act: Record<Step['do'], (at: StreamPath) => unknown> = {
    append: (at) => ask(streams.append(at, [encodeInput({ type: 'x' })])),
    create: (at) => ask(streams.create(at)),
    delete: (at) => ask(streams.delete(at, { recursive: true })),
    reset: (at) => ask(streams.reset(at)),
    turn: () => turn(),
    rest: () => timers.elapse(),
    slow: () => (reader.slow = !reader.slow),
    take,
    fail: () => place.fail(),
    read: () => reader.readAll(),
  }
  for (const [i, each] of steps.entries()) {
    if (i === from) await reader.start()
    await act[each.do]('path' in each ? each.path : ROOT_PATH)
  }
  if (from >= steps.length) await reader.start()
  reader.slow = false
  for (let i = 0; i < 8; i++) {
    take()
    await Promise.all(pending)
    await turn()
    await turn()
    timers.elapse()
  }
  const truth = await Promise.all(WATCHED.map(async (each) => (await streams.children(each)).children))
  streams.shutdown()
  const byPath = (rows: Iterable<CatalogueRow>) => [...rows].toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return { copy: byPath(reader.copy.values()), children: byPath(truth.flat()) }
}

type Life = { readonly steps: readonly Step[]; readonly from: number }
type Step =
  | { readonly do: 'append' | 'create' | 'delete' | 'reset'; readonly path: StreamPath }
  | { readonly do: 'turn' | 'rest' | 'slow' | 'take' | 'fail' | 'read' }

const nothing = () => {}

test('over SQLite, groups that fail included', async () => {
  await fc.assert(
    fc.asyncProperty(life, async (each) => {
      using folder = new TestFolder()
      const storage = new SqliteStorage(`${folder.path}/p.db`, new CommitScheduler())
      const { connection } = storage
      const fail = () => void (connection.inTransaction && connection.exec('rollback'))
      const { copy, children } = await live({ storage, fail }, new TestTimers(), each)
      expect(copy).toEqual(children)
    }),
    { numRuns: 150 },
  )
})

test('over memory', async () => {
  await fc.assert(
    fc.asyncProperty(life, async (each) => {
      const timers = new TestTimers()
      const { copy, children } = await live({ storage: new MemoryStorage(timers), fail: nothing }, timers, each)
      expect(copy).toEqual(children)
    }),
    { numRuns: 300 },
  )
})

test('over the database of a Durable Object', async () => {
  await fc.assert(
    fc.asyncProperty(life, async (each) => {
      const storage = new DurableObjectStorage(new FakeObject())
      const { copy, children } = await live({ storage, fail: nothing }, new TestTimers(), each)
      expect(copy).toEqual(children)
    }),
    { numRuns: 150 },
  )
})
