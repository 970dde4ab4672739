import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CoreState } from './core/state.ts'
import { DEFAULT_APPEND_LIMITS } from './event.ts'
import { encodeInput } from './event-input.ts'
import type { ProjectOverview } from './overview.ts'
import { type StreamPath, parsePath } from './path.ts'
import { ProjectStreams } from './project-streams.ts'
import { DurableObjectStorage } from './storage/durable-object/durable-object-storage.ts'
import { FakeObject } from './storage/durable-object/testing.ts'
import { SoundDisk } from './storage/memory/memory-disk.ts'
import { MemoryStorage } from './storage/memory/memory-storage.ts'
import type { CatalogueRow, StreamStorage } from './storage/port.ts'
import { CommitScheduler } from './storage/sqlite/group-commit.ts'
import { SqliteStorage } from './storage/sqlite/sqlite-storage.ts'
import { TestClock, TestFolder, TestTimers, countingIds, times, turn } from './testing.ts'

// Whatever happens to a project, in whatever order, its overview says what its streams and a plain list of what was
// stored say: on whichever storage, over restarts, commits that fail and clocks that jump.

const PATHS = ['/', '/a', '/a/b', '/a/b/c', '/a/d', '/ab', '/e'].map(parsePath)
const path = fc.constantFrom(...PATHS)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), path, count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const), path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fork' as const), path, source: path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fail' as const), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.nat(3000), fc.constantFrom(-4e9, -700, 5000, 60_000, 299_999, 300_000, 4e9)),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Events that a stream has of its own, beside what it shares. */
function ownEvents({ maxOffset, fork }: CoreState): number {
  return maxOffset - (fork?.segments.at(-1)?.through ?? 0)
}

interface Stored {
  readonly path: StreamPath
  readonly second: number
  readonly count: number
}

/** A project beside a plain list of all that was stored in it. */
class Life {
  readonly #open: () => StreamStorage
  readonly #fail: () => void
  readonly #clock = new TestClock()
  readonly #timers: TestTimers
  readonly #newId = countingIds()
  #streams: ProjectStreams
  #elapsed = 1000
  /** What has passed since the project was opened, going back left out. */
  #age = 0
  #stored: Stored[] = []
  /** That of streams whose life is over counts for the project alone. */
  #over: Stored[] = []
  #states = new Map<StreamPath, CoreState>()

  constructor(timers: TestTimers, open: () => StreamStorage, fail: () => void) {
    this.#timers = timers
    this.#open = open
    this.#fail = fail
    this.#streams = this.#opened()
  }

  async live(steps: readonly Step[]): Promise<void> {
    for (const each of steps) {
      await this.#act(each)
      await this.#note()
      compare(await this.#looked())
    }
    this.#streams.shutdown()
  }

  #opened(): ProjectStreams {
    return new ProjectStreams(this.#open(), {
      limits: DEFAULT_APPEND_LIMITS,
      now: this.#clock.now,
      elapsed: () => this.#elapsed,
      newId: this.#newId,
      scheduler: this.#timers,
    })
  }

  async #act(each: Step): Promise<void> {
    if (each.do === 'pass') {
      this.#elapsed += each.ms
      this.#clock.ms += each.ms
      this.#age += Math.max(0, each.ms)
    } else if (each.do === 'restart') {
      this.#streams.shutdown()
      this.#streams = this.#opened()
      this.#age = 0
      this.#stored = []
      this.#over = []
    } else {
      // Refusals are no concern of this: what was refused changed nothing.
      await this.#write(each).catch(() => {})
      await turn()
    }
  }

  async #write(each: Exclude<Step, { do: 'pass' | 'restart' }>): Promise<unknown> {
    const streams = this.#streams
    switch (each.do) {
      case 'append':
        return streams.append(each.path, times(each.count, encodeInput({ type: 'x' })))
      case 'pause':
        return streams.pause(each.path)
      case 'resume':
        return streams.resume(each.path)
      case 'delete':
        return streams.delete(each.path, { recursive: true })
      case 'reset':
        return streams.reset(each.path)
      case 'fork': {
        const { incarnationId, lastVisibleOffset: through } = await streams.state(each.source)
        return streams.fork(each.path, { source: each.source, incarnationId, offset: through, subOffset: 0, through })
      }
      case 'fail': {
        const lost = streams.append(each.path, [encodeInput({ type: 'lost' })])
        this.#fail()
        return lost
      }
    }
  }

  /** Takes down what the last step has stored, by what the streams say. */
  async #note(): Promise<void> {
    const second = Math.floor(this.#age / 1000)
    const found = await Promise.all(PATHS.map((each) => this.#streams.state(each)))
    const states = new Map(found.filter(({ exists }) => exists).map((state) => [state.path, state]))
    const ended = [...this.#states.values()].filter(
      (state) => states.get(state.path)?.incarnationId !== state.incarnationId,
    )
    const isOver = (each: Stored) => ended.some(({ path: gone }) => gone === each.path)
    this.#over.push(...this.#stored.filter(isOver))
    this.#stored = this.#stored.filter((each) => !isOver(each))
    for (const state of states.values()) {
      const before = this.#states.get(state.path)
      const count = ownEvents(state) - (before?.incarnationId === state.incarnationId ? ownEvents(before) : 0)
      if (count > 0) this.#stored.push({ path: state.path, second, count })
    }
    this.#states = states
  }

  /** What the overview says, and what is known without it. */
  async #looked(): Promise<Looked> {
    const second = Math.floor(this.#age / 1000)
    const inSteps = (stored: readonly Stored[], width: number) =>
      times(300 / width, 0).map((_, i) => {
        const from = second - 300 + i * width
        return total(
          stored.filter((each) => each.second >= from && each.second < from + width).map(({ count }) => count),
        )
      })
    return {
      told: await this.#streams.overview(),
      known: {
        at: new Date(this.#clock.ms).toISOString(),
        since: new Date(this.#clock.ms - this.#age).toISOString(),
        streams: this.#states.size,
        appended: inSteps([...this.#stored, ...this.#over], 1),
      },
      rows: (await this.#streams.list({ limit: 100 })).streams,
      ownOf: ({ path: own }) =>
        inSteps(
          this.#stored.filter((stored) => stored.path === own),
          5,
        ),
    }
  }
}

interface Looked {
  readonly told: ProjectOverview
  readonly known: Pick<ProjectOverview, 'at' | 'since' | 'streams' | 'appended'>
  /** Of all streams, by path. */
  readonly rows: readonly CatalogueRow[]
  /** What was stored in a stream in each 5 s. */
  readonly ownOf: (row: CatalogueRow) => readonly number[]
}

const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0)
const byPath = (rows: readonly CatalogueRow[]) => rows.toSorted((a, b) => (a.path < b.path ? -1 : 1))

function compare({ told, known, rows, ownOf }: Looked): void {
  expect(told).toMatchObject(known)
  const recent = told.recent.map(({ row }) => row)
  expect(byPath(recent)).toEqual(rows)
  const newest = recent.map(({ lastEventAt }) => lastEventAt)
  expect(newest).toEqual(newest.toSorted().toReversed())
  expect(told.paused).toEqual(recent.filter(({ paused }) => paused))
  expect(told.pausedCount).toBe(told.paused.length)
  for (const { row, appended } of [...told.recent, ...told.busiest]) {
    expect([row.path, appended]).toEqual([row.path, ownOf(row)])
  }
  expect(byPath(told.busiest.map(({ row }) => row))).toEqual(rows.filter((row) => total(ownOf(row)) > 0))
  const totals = told.busiest.map(({ appended }) => total(appended))
  expect(totals).toEqual(totals.toSorted((a, b) => b - a))
}

const nothing = () => {}
const steps = fc.array(step, { maxLength: 40, size: '+1' })

test('over SQLite, commits that fail included', async () => {
  expect.hasAssertions()
  await fc.assert(
    fc.asyncProperty(steps, async (each) => {
      using folder = new TestFolder()
      let storage: SqliteStorage
      const open = () => (storage = new SqliteStorage(`${folder.path}/p.db`, new CommitScheduler()))
      const fail = () => void (storage.connection.inTransaction && storage.connection.exec('rollback'))
      await new Life(new TestTimers(), open, fail).live(each)
    }),
    { numRuns: 30 },
  )
})

test('over memory', async () => {
  expect.hasAssertions()
  await fc.assert(
    fc.asyncProperty(steps, async (each) => {
      const timers = new TestTimers()
      const disk = new SoundDisk()
      await new Life(timers, () => new MemoryStorage(timers, disk), nothing).live(each)
    }),
    { numRuns: 60 },
  )
})

test('over the database of a Durable Object', async () => {
  expect.hasAssertions()
  await fc.assert(
    fc.asyncProperty(steps, async (each) => {
      const object = new FakeObject()
      await new Life(new TestTimers(), () => new DurableObjectStorage(object), nothing).live(each)
    }),
    { numRuns: 30 },
  )
})
