import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CORE_STATE_VERSION, type CoreState, emptyState } from './core/state.ts'
import { reduceCore } from './core/reducer.ts'
import { type EngineOptions, StreamEngine } from './engine.ts'
import { itxErrorCode, itxErrorDetails } from './errors.ts'
import { type AppendLimits, DEFAULT_APPEND_LIMITS, type EncodedEvent, type EventInput } from './event.ts'
import { encodeInput } from './event-input.ts'
import { type StreamPath, parsePath } from './path.ts'
import { ProjectStreams, type ProjectStreamsOptions } from './project-streams.ts'
import { type Scheduler, nodeScheduler } from './scheduler.ts'
import { stateChecksum } from './storage/sql/checksum.ts'
import { CommitScheduler } from './storage/sqlite/group-commit.ts'
import { SqliteStorage } from './storage/sqlite/sqlite-storage.ts'

/** What the engine's tests share: a project in a folder of its own, a clock that is told the time, ids that count. */

/** 2026-01-01T00:00:00.000Z */
export const TEST_TIME = Date.UTC(2026, 0, 1)

/** A clock that moves only when told to. */
export class TestClock {
  ms = TEST_TIME
  readonly now = (): number => this.ms
}

/** Ids that count: `inc-1`, `inc-2`, … */
export function countingIds(prefix = 'inc'): () => string {
  let last = 0
  return () => `${prefix}-${++last}`
}

/** A folder that is gone when its test is over. */
export class TestFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'tributary-streams-'));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

export type TestProjectOptions = Pick<
  ProjectStreamsOptions,
  'processors' | 'scheduler' | 'warn' | 'webhooks' | 'random' | 'elapsed'
> & { readonly clock?: TestClock }

/** Turns as they come, timers that run out when they are told to. */
export class TestTimers implements Scheduler {
  #timers: { readonly ms: number; readonly run: () => void }[] = []

  readonly immediate = nodeScheduler.immediate

  readonly timer = (ms: number, run: () => void): (() => void) => {
    const timer = { ms, run }
    this.#timers.push(timer)
    return () => void (this.#timers = this.#timers.filter((each) => each !== timer))
  }

  /** What is waited for, in milliseconds. */
  get waits(): number[] {
    return this.#timers.map(({ ms }) => ms)
  }

  /** Lets all waits be over. */
  elapse(): void {
    for (const { run } of this.#timers.splice(0)) run()
  }
}

/** The streams of one project over a file of their own, with the storage open to sabotage. Use with `using`. */
export class TestProject {
  readonly folder = new TestFolder()
  readonly file = join(this.folder.path, 'project.db')
  readonly clock: TestClock
  readonly #limits: AppendLimits
  readonly #more: TestProjectOptions
  readonly #newId = countingIds()
  storage: SqliteStorage
  streams: ProjectStreams

  constructor(limits: AppendLimits = DEFAULT_APPEND_LIMITS, more: TestProjectOptions = {}) {
    const { clock = new TestClock(), ...options } = more
    this.clock = clock
    this.#limits = limits
    this.#more = options
    ;[this.storage, this.streams] = this.#open()
  }

  /** Appends inputs as a caller gives them. */
  append(path: string, ...inputs: readonly EventInput[]) {
    return this.streams.append(parsePath(path), inputs.map(encodeInput))
  }

  /** Every committed event of a stream. */
  async log(path: string): Promise<EncodedEvent[]> {
    return readAll(this.streams, parsePath(path))
  }

  /** Closes the file and opens it anew, as a restart does; `between` runs while it is closed. */
  reopen(between: () => void = () => {}): void {
    this.streams.shutdown()
    between()
    ;[this.storage, this.streams] = this.#open()
  }

  /** Commits that reached the write-ahead log since it was last begun anew. */
  commits(): number {
    return countCommits(`${this.file}-wal`)
  }

  [Symbol.dispose](): void {
    this.streams.shutdown()
    this.folder[Symbol.dispose]()
  }

  #open(): [SqliteStorage, ProjectStreams] {
    const storage = new SqliteStorage(this.file, new CommitScheduler())
    return [
      storage,
      new ProjectStreams(storage, { limits: this.#limits, now: this.clock.now, newId: this.#newId, ...this.#more }),
    ]
  }
}

/** The streams of many projects in a folder that is made on first use. Use with `using`. */
export class TestEngine {
  readonly folder = new TestFolder()
  readonly directory = join(this.folder.path, 'not', 'yet', 'there')
  readonly warnings: string[] = []
  readonly engine: StreamEngine

  constructor(options: Partial<EngineOptions> = {}) {
    this.engine = new StreamEngine({
      directory: this.directory,
      now: new TestClock().now,
      newId: countingIds(),
      warn: (message) => this.warnings.push(message),
      ...options,
    })
  }

  [Symbol.dispose](): void {
    this.engine.close()
    this.folder[Symbol.dispose]()
  }
}

/** Every committed event, page by page. */
export async function readAll(streams: ProjectStreams, path: StreamPath): Promise<EncodedEvent[]> {
  const events: EncodedEvent[] = []
  let after: number | null = 0
  while (after !== null) {
    const page = await streams.read(path, { after, limit: 1000 })
    events.push(...page.events)
    after = page.nextCursor
  }
  return events
}

/** The state that the log alone says. */
export function replayed(path: string, events: readonly EncodedEvent[]): CoreState {
  return events.reduce(reduceCore, emptyState(parsePath(path), ''))
}

/** Writes a state row as it might have been left by an older version, or by a crash between log and state. */
export function plantState(storage: SqliteStorage, state: CoreState, version: number = CORE_STATE_VERSION): void {
  const json = JSON.stringify(state)
  storage.connection
    .prepare('update streams set state = ?, state_version = ?, checksum = ? where path = ?')
    .run(json, version, stateChecksum(state.path, version, json, null), state.path)
}

/**
 * Commits in a write-ahead log: the frames whose header holds the size of the database after a commit, of the log's
 * present generation (https://www.sqlite.org/fileformat2.html, "The WAL File Format").
 */
export function countCommits(walFile: string): number {
  const size = statSync(walFile, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return 0
  const wal = readFileSync(walFile)
  const pageSize = wal.readUInt32BE(8)
  const salts = wal.subarray(16, 24)
  let commits = 0
  for (let at = 32; at + 24 + pageSize <= wal.length; at += 24 + pageSize) {
    if (!wal.subarray(at + 8, at + 16).equals(salts)) break
    if (wal.readUInt32BE(at + 4) !== 0) commits++
  }
  return commits
}

/** What a failure says, in the form that crosses every door; a value that is no coded error stays as it is. */
export function failure(error: unknown): unknown {
  const code = itxErrorCode(error)
  return code === undefined ? error : { code, ...itxErrorDetails(error) }
}

/** The failure of a promise; throws when there is none. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  if ('value' in outcome) throw new Error(`expected a failure, got ${JSON.stringify(outcome.value)?.slice(0, 200)}`)
  return failure(outcome.error)
}

/** The same thing so many times over. */
export function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value)
}

/** One turn of the event loop, commits and deliveries included. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Waits until something holds: turn by turn, no clock; gives up after many. */
export async function until(holds: () => boolean, what = 'the condition', turns = 20_000): Promise<void> {
  for (let i = 0; i < turns; i++) {
    if (holds()) return
    await turn()
  }
  throw new Error(`${what} did not come true in ${turns} turns`)
}
