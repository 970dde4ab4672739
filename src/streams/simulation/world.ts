import { CORE_STATE_VERSION, type CoreState } from '../core/state.ts'
import { itxErrorCode, itxErrorDetails } from '../errors.ts'
import { type StreamPath, isBelow } from '../path.ts'
import { ProjectStreams } from '../project-streams.ts'
import type { ProcessorRegistry } from '../processors/registry.ts'
import { decodeGroup, encodeGroup } from '../storage/memory/group-record.ts'
import { MemoryStorage } from '../storage/memory/memory-storage.ts'
import type { Profile } from './profile.ts'
import type { Random } from './random.ts'
import { NO_FAULTS, SimulatedDisk } from './simulated-disk.ts'
import { Trace } from './trace.ts'
import { Truth } from './truth.ts'
import { VirtualLoop } from './virtual-loop.ts'

/** One run of the engine over the disk, from its start to its crash or its orderly end. */
export interface Run {
  readonly number: number
  readonly streams: ProjectStreams
  /** Whether it has died: nothing of it is heard of again. */
  crashed: boolean
  /** Whether it has been shut down: what is asked of it is refused. */
  closed: boolean
}

/** What became of a call. */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'refused'; readonly code: string; readonly details: Readonly<Record<string, unknown>> }
  /** It may have happened or not: the answer was UNAVAILABLE, or there was none. */
  | { readonly kind: 'in doubt' }

/** What a call may do besides storing events: shut a stream for callers, or end its life. */
export type Effect = 'gate' | 'end'

/** A call to the engine, and when it was made. */
export interface Call {
  readonly id: number
  readonly run: Run
  readonly what: string
  readonly path: StreamPath | null
  readonly effect: Effect | null
  /** What was committed when it was made. */
  readonly existed: boolean
  readonly shut: boolean
  readonly tripsBefore: number
  /** Counts everything that was ever called or answered. */
  readonly moment: number
  readonly failuresBefore: number
  readonly recordsBefore: number
}

interface Pending extends Call {
  readonly settle: (outcome: Outcome<never>) => void
}

/** A law was broken; the first one ends the run. */
export class Violation extends Error {}

/** Everything of a simulation but those who act in it: the engine, its disk, its time, and what is known for certain. */
export class World {
  readonly random: Random
  readonly profile: Profile
  readonly trace: Trace
  readonly loop: VirtualLoop
  readonly disk: SimulatedDisk
  readonly truth: Truth
  #lastId = 0
  #hot: StreamPath | null = null
  readonly #pending = new Map<number, Pending>()
  /** Streams that were ever given a circuit breaker. */
  readonly breakers = new Set<StreamPath>()
  /** Called when a run has ended; of a crash nobody is told anything else. */
  readonly onCrash: (() => void)[] = []
  readonly #alive = new Set<{ crashed: boolean }>()
  /** When the last call with an effect was answered, by path. */
  readonly #settled = { gate: new Map<StreamPath, number>(), end: new Map<StreamPath, number>() }
  #moment = 0
  /** Failures before the callback that is running. */
  #failuresBefore: number | null = null
  #lastCall = 0
  #lastRun = 0
  #run: Run | null = null
  #registry: () => ProcessorRegistry | undefined = () => undefined
  #violation: string | null = null

  constructor(random: Random, profile: Profile) {
    this.random = random
    this.profile = profile
    this.loop = new VirtualLoop((error) =>
      this.fail(`an uncaught error would have ended the process: ${describe(error)}`),
    )
    this.trace = new Trace(() => this.loop.time)
    this.truth = new Truth((message) => this.fail(message))
    this.disk = new SimulatedDisk(random, {
      onStored: (record) => this.#stored(record),
      onCrash: () => this.#die('in a commit'),
      onFault: (what) => this.trace.add(`disk: ${what}`),
    })
  }

  get run(): Run {
    if (!this.#run) throw new Error('the engine was not started yet')
    return this.#run
  }

  /** Starts the engine. @param registry makes the processors of each run */
  start(registry: () => ProcessorRegistry | undefined): void {
    this.#registry = registry
    this.#run = this.#open()
  }

  /** A stream to act on: often the one that everybody else acts on, too. */
  pickPath(): StreamPath {
    const { paths, focus } = this.profile
    if (this.#hot === null || this.random.chance(0.05)) this.#hot = this.random.pick(paths)
    return this.random.chance(focus) ? this.#hot : this.random.pick(paths)
  }

  get violation(): string | null {
    return this.#violation
  }

  /** Calls that were not answered yet. */
  get pending(): readonly Call[] {
    return [...this.#pending.values()]
  }

  fail(message: string): void {
    this.trace.add(`VIOLATION ${message}`)
    this.#violation ??= message
  }

  /** Lets those who act make their calls, in one callback: what fails for one of them, fails for the next ones as well. */
  async task(run: () => void): Promise<void> {
    await this.loop.task(() => {
      this.#failuresBefore = this.disk.failures
      run()
      this.#failuresBefore = null
    })
  }

  // -- calls ------------------------------------------------------------------------------------------------------

  /** Calls the engine. `settle` hears of the outcome, once: in a microtask, or when the run crashes. */
  call<T>(
    what: string,
    path: StreamPath | null,
    make: (streams: ProjectStreams) => Promise<T>,
    settle: (outcome: Outcome<T>, call: Call) => void,
    effect: Effect | null = null,
  ): Call {
    const state = path === null ? undefined : this.truth.logOf(path)?.state
    const call: Call = {
      effect,
      existed: state !== undefined,
      shut: state !== undefined && (state.paused || state.closed),
      tripsBefore: (path && this.truth.trips.get(path)) ?? 0,
      id: ++this.#lastCall,
      run: this.run,
      what,
      path,
      moment: ++this.#moment,
      failuresBefore: this.#failuresBefore ?? this.disk.failures,
      recordsBefore: this.truth.records,
    }
    this.trace.add(`#${call.id} ${what} ${path ?? ''}`)
    const finish = (outcome: Outcome<T>) => {
      if (!this.#pending.delete(call.id)) return
      this.#moment++
      if (effect && path) this.#settled[effect].set(path, this.#moment)
      this.trace.add(`#${call.id} ${describeOutcome(outcome)}`)
      settle(outcome, call)
    }
    this.#pending.set(call.id, { ...call, settle: finish as (outcome: Outcome<never>) => void })
    void make(call.run.streams).then(
      (value) => {
        if (!call.run.crashed) finish({ kind: 'done', value })
      },
      (error: unknown) => {
        if (!call.run.crashed) finish(this.#failed(call, error))
      },
    )
    return call
  }

  /** Whether a stream was, or may have been, shut for callers at some time since a call was made. */
  mayBeShut(call: Call): boolean {
    const { path } = call
    if (path === null) return false
    const shutSince = (this.truth.lastShut.get(path) ?? -1) > call.recordsBefore
    return call.shut || shutSince || this.#affected('gate', call)
  }

  /** Whether a stream was, or may have been, absent at some time since a call was made. */
  mayBeAbsent(call: Call): boolean {
    const { path } = call
    if (path === null) return false
    return !call.existed || !this.truth.streams.has(path) || this.#affected('end', call)
  }

  #affected(effect: Effect, call: Call): boolean {
    const hits = (path: StreamPath | null) =>
      path !== null && (path === call.path || (effect === 'end' && isBelow(call.path ?? '', path)))
    const settled = [...this.#settled[effect]].some(([path, moment]) => moment > call.moment && hits(path))
    return settled || this.pending.some((each) => each.id !== call.id && each.effect === effect && hits(each.path))
  }

  /** Whether something has happened since a call that may keep it from being done. */
  excused(call: Call): boolean {
    return call.run.closed || this.disk.failures > call.failuresBefore
  }

  #failed(call: Call, error: unknown): Outcome<never> {
    const code = itxErrorCode(error)
    if (code === undefined || code === 'INTERNAL') {
      this.fail(`#${call.id} ${call.what} failed: ${describe(error)}`)
      return { kind: 'in doubt' }
    }
    if (code !== 'UNAVAILABLE') return { kind: 'refused', code, details: itxErrorDetails(error) ?? {} }
    if (!this.excused(call))
      this.fail(`#${call.id} ${call.what} was UNAVAILABLE, and nothing had failed: ${describe(error)}`)
    return { kind: 'in doubt' }
  }

  // -- lives and deaths -------------------------------------------------------------------------------------------

  /** The machine goes down, and up again. */
  crash(): void {
    this.#die('now')
    this.revive()
  }

  /** An orderly stop and a new start, within the same process. */
  restart(): void {
    const old = this.run
    this.trace.add(`run ${old.number} is shut down`)
    old.closed = true
    old.streams.shutdown()
    if (old.crashed) return
    this.#mayAge()
    this.#run = this.#open()
  }

  /** Opens the disk again after a crash; nothing to do when there was none. */
  revive(): void {
    if (!this.run.crashed) return
    this.trace.add(`crash: ${this.disk.crash()}`)
    const pending = [...this.#pending.values()]
    for (const call of pending) call.settle({ kind: 'in doubt' } as Outcome<never>)
    for (const hear of this.onCrash) hear()
    this.#mayAge()
    this.#run = this.#open()
  }

  #die(when: string): void {
    this.trace.add(`run ${this.run.number} dies ${when}`)
    for (const run of this.#alive) run.crashed = true
    this.#alive.clear()
  }

  #open(): Run {
    const run: { -readonly [K in keyof Run]: Run[K] } = {
      number: ++this.#lastRun,
      crashed: false,
      closed: false,
      streams: undefined as unknown as ProjectStreams,
    }
    this.#alive.add(run)
    const scheduler = this.loop.scheduler(() => !run.crashed)
    // A start is not what fails here: whoever cannot open the file says so and ends.
    const { faults } = this.disk
    this.disk.faults = NO_FAULTS
    const processors = this.#registry()
    run.streams = new ProjectStreams(new MemoryStorage(scheduler, this.disk), {
      limits: this.profile.limits,
      now: this.loop.now,
      newId: () => `inc-${++this.#lastId}`,
      scheduler,
      elapsed: () => this.loop.time,
      ...(processors ? { processors } : {}),
      warn: (message) => this.trace.add(`warning: ${message}`),
    })
    this.disk.faults = faults
    return run
  }

  #stored(record: string): void {
    const writes = decodeGroup(record)
    if (!writes) {
      this.fail('a torn record was taken for a whole one')
      return
    }
    this.trace.add(`record ${this.truth.records + 1}: ${writes.map((write) => write.kind).join(' ')}`)
    this.truth.apply(writes)
  }

  /** Leaves some rows as an older version would have: to be rebuilt from the log, or caught up with it. */
  #mayAge(): void {
    if (!this.random.chance(this.profile.aging)) return
    for (const [path, { log, base }] of this.truth.streams) {
      if (!this.random.chance(0.5)) continue
      const older = this.random.chance(0.6)
      const state = older ? spoilt(log.state) : (log.states[this.random.between(1, log.head)] as CoreState)
      const stateVersion = older ? CORE_STATE_VERSION - 1 : CORE_STATE_VERSION
      this.disk.plant(
        encodeGroup([
          { kind: 'save-state', id: log.id, row: { state: JSON.stringify(state), stateVersion, baseState: base } },
        ]),
      )
      this.truth.age(path, older)
    }
  }
}

/** A state that only a replay can put right; what the catalogue lists of it is true. */
function spoilt(state: CoreState): CoreState {
  return { ...state, lastVisibleOffset: 0, metadata: { old: true }, pauseReason: 'old', config: {}, processors: [] }
}

export function describe(error: unknown): string {
  const details = itxErrorDetails(error)
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return details === undefined ? text : `${text} ${JSON.stringify(details)}`
}

function describeOutcome(outcome: Outcome<unknown>): string {
  switch (outcome.kind) {
    case 'done':
      return `done ${brief(outcome.value)}`
    case 'refused':
      return `refused ${outcome.code} ${brief(outcome.details)}`
    case 'in doubt':
      return 'in doubt'
  }
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? ''
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}
