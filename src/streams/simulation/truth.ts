import {
  CHILD_CREATED,
  CLOSED,
  CONFIGURED,
  CREATED,
  type ChildCreatedPayload,
  type CreatedPayload,
  PAUSED,
  RESUMED,
  isCoreType,
} from '../core/core-events.ts'
import { reduceCore } from '../core/reducer.ts'
import { CORE_STATE_VERSION, type CoreState, emptyState } from '../core/state.ts'
import type { EncodedEvent } from '../event.ts'
import { type StreamPath, ancestorPaths, isBelow, parentPath } from '../path.ts'
import type { StateText, Write } from '../storage/memory/group-record.ts'
import { sameState } from './same-state.ts'
import { EFFECT } from './sample-processors.ts'
import { TruthOfProcessors } from './truth-of-processors.ts'

/** One life of a stream, as the disk has it. It stays here when the stream is gone. */
export class TrueLog {
  readonly id: number
  readonly path: StreamPath
  readonly incarnationId: string
  readonly events: EncodedEvent[] = []
  readonly keys = new Map<string, EncodedEvent>()
  /** The state after so many events; the first one is the base. */
  readonly states: CoreState[]
  /** Callers' events since the circuit breaker was last full; null: nobody can know. */
  spent: number | null = 0

  constructor(id: number, base: CoreState) {
    this.id = id
    this.path = base.path
    this.incarnationId = base.incarnationId
    this.states = [base]
  }

  get state(): CoreState {
    return this.states.at(-1) as CoreState
  }

  get head(): number {
    return this.events.length
  }
}

/** A stream that exists, and its row. */
interface TrueStream {
  readonly log: TrueLog
  row: CoreState
  /** The row was left by an older version: it is rebuilt on first touch, and written with the next group. */
  aged: boolean
  readonly base: string | null
}

/** Where an event with a mark was stored. */
export interface Position {
  readonly log: TrueLog
  readonly event: EncodedEvent
}

/**
 * What is on the disk, read from the very records that were stored, and the laws that hold for every single one of them:
 * a crash right after it would leave just that.
 */
export class Truth {
  readonly #fail: (message: string) => void
  readonly streams = new Map<StreamPath, TrueStream>()
  /** Every life there has been. */
  readonly logs = new Map<string, TrueLog>()
  /** Where the events with the marks of `markOf` are. */
  readonly #marked = new Map<string, Position[]>()
  /** How often a path was removed, a reset included. */
  readonly removals = new Map<StreamPath, number>()
  /** Removals with everything below, and the record of each. */
  readonly sweeps: { readonly path: StreamPath; readonly record: number }[] = []
  /** How often a path was paused by its circuit breaker. */
  readonly trips = new Map<StreamPath, number>()
  /** The record in which a path was last paused or closed. */
  readonly lastShut = new Map<StreamPath, number>()
  /** Keys of the events that effects of processors have stored, in any stream. */
  readonly effects = new Set<string>()
  readonly processors: TruthOfProcessors
  /** Where the logs of a record ended before it. */
  readonly #headsBefore = new Map<TrueLog, number>()
  /** Records so far. */
  records = 0

  constructor(fail: (message: string) => void) {
    this.#fail = fail
    this.processors = new TruthOfProcessors(this, fail)
  }

  /** Where a log ended before the record that is being applied. */
  committedHead(log: TrueLog): number {
    return this.#headsBefore.get(log) ?? log.head
  }

  logOf(path: StreamPath): TrueLog | null {
    return this.streams.get(path)?.log ?? null
  }

  life(path: StreamPath, incarnationId: string): TrueLog | null {
    return this.logs.get(`${path}@${incarnationId}`) ?? null
  }

  /** Where events with a mark were stored. */
  positions(mark: string): readonly Position[] {
    return this.#marked.get(mark) ?? []
  }

  /** Takes over a group that was stored. */
  apply(writes: readonly Write[]): void {
    this.records++
    this.#headsBefore.clear()
    const touched = new Set<TrueLog>()
    const created: TrueLog[] = []
    const announced = new Set<string>()
    let structural = false
    for (const write of writes) {
      switch (write.kind) {
        case 'insert-stream': {
          structural = true
          const log = this.#begin(write.id, write.path, write.row)
          if (write.row.baseState === null) created.push(log)
          break
        }
        case 'save-state':
          this.#saveState(write.id, write.row)
          break
        case 'insert-events': {
          const log = this.logOf(write.stream.path)
          if (!log || log.id !== write.stream.id || log.incarnationId !== write.stream.incarnationId) {
            this.#fail(`events of ${write.stream.path}@${write.stream.incarnationId} were stored: it does not exist`)
            break
          }
          if (!touched.has(log)) this.#headsBefore.set(log, log.head)
          touched.add(log)
          for (const event of write.events) {
            this.#append(log, event)
            if (event.type === CHILD_CREATED) announced.add(announcement(log.path, childOf(event)))
          }
          break
        }
        case 'remove-streams':
          structural = true
          this.#remove(write.path, write.below)
          break
        case 'save-snapshot':
          this.processors.checkSnapshot(write.stream, write.processor, write.snapshot)
          break
        case 'delete-snapshots':
          this.processors.forget(write.id, write.processor, write.from, write.to)
          break
        case 'collect-garbage':
      }
    }
    for (const log of touched) this.#checkRow(log)
    for (const log of created) this.#checkAnnounced(log, announced)
    if (structural) this.#checkCounts()
  }

  /** The row of a stream was left as an older version would have. */
  age(path: StreamPath, breakerKnown: boolean): void {
    const stream = this.streams.get(path)
    if (!stream) return
    stream.aged = true
    stream.log.spent = breakerKnown ? 0 : null
  }

  // -- one write --------------------------------------------------------------------------------------------------

  #begin(id: number, path: StreamPath, row: StateText): TrueLog {
    if (this.streams.has(path)) this.#fail(`${path} was created although it exists`)
    const state = JSON.parse(row.state) as CoreState
    const base =
      row.baseState === null ? emptyState(path, state.incarnationId) : (JSON.parse(row.baseState) as CoreState)
    const log = new TrueLog(id, base)
    const name = `${path}@${log.incarnationId}`
    if (this.logs.has(name)) this.#fail(`${name} began twice`)
    this.logs.set(name, log)
    this.streams.set(path, { log, row: state, aged: false, base: row.baseState })
    return log
  }

  #saveState(id: number, row: StateText): void {
    const stream = [...this.streams.values()].find(({ log }) => log.id === id)
    if (!stream) return
    stream.row = JSON.parse(row.state) as CoreState
    stream.aged = row.stateVersion !== CORE_STATE_VERSION
    if (row.baseState !== stream.base) this.#fail(`the base state of ${stream.log.path} has changed`)
  }

  #append(log: TrueLog, event: EncodedEvent): void {
    const { path, state } = log
    const where = `${path}@${log.incarnationId} ${event.offset}`
    if (event.offset !== log.head + 1) {
      this.#fail(`${where} was stored after offset ${log.head}`)
      return
    }
    if (event.createdAt < (log.events.at(-1)?.createdAt ?? '')) this.#fail(`${where} is older than the event before it`)
    if ((event.offset === 1) !== (event.type === CREATED) && !isAskedFor(log, event)) {
      this.#fail(`${where} is ${event.type}`)
    }
    const key = event.idempotencyKey
    if (key !== undefined) {
      if (log.keys.has(key)) this.#fail(`${where} has the key ${key} of ${log.keys.get(key)?.offset}`)
      log.keys.set(key, event)
    }
    if (!isCoreType(event.type)) {
      if (state.paused || state.closed) this.#fail(`${where} passed a stream that is paused or closed`)
      this.#spend(log, where)
    }
    log.events.push(event)
    log.states.push(reduceCore(state, event))
    if (event.type === PAUSED || event.type === RESUMED || event.type === CONFIGURED) log.spent = 0
    if (event.type === PAUSED || event.type === CLOSED) this.lastShut.set(path, this.records)
    if (event.type === PAUSED && log.state.pauseReason?.startsWith('circuit breaker')) count(this.trips, path)
    if (event.type === EFFECT && key !== undefined) {
      this.effects.add(key)
      this.processors.checkEffect(event)
    }
    const mark = markOf(event)
    if (mark !== null) this.#marked.set(mark, [...this.positions(mark), { log, event }])
  }

  #spend(log: TrueLog, where: string): void {
    const limits = log.state.config.circuitBreaker
    if (!limits || log.spent === null) return
    log.spent++
    if (limits.refillRatePerMinute === 0 && log.spent > Math.floor(limits.burstCapacity)) {
      this.#fail(`${where} is number ${log.spent} since the breaker was full; its capacity is ${limits.burstCapacity}`)
    }
  }

  #remove(path: StreamPath, below: boolean): void {
    if (below) this.sweeps.push({ path, record: this.records })
    for (const each of this.streams.keys()) {
      if (each !== path && !(below && isBelow(each, path))) continue
      this.streams.delete(each)
      count(this.removals, each)
    }
  }

  // -- the laws of a group ----------------------------------------------------------------------------------------

  /** State equals replay. */
  #checkRow(log: TrueLog): void {
    const stream = this.streams.get(log.path)
    if (stream?.log !== log) return
    if (stream.aged || !sameState(stream.row, log.state)) {
      this.#fail(
        `the state row of ${log.path} is not what its log says: ${JSON.stringify(stream.row)} but ${JSON.stringify(log.state)}`,
      )
    }
  }

  /** Every ancestor is told of a new stream, once, in the commit that created it. */
  #checkAnnounced(log: TrueLog, announced: ReadonlySet<string>): void {
    for (const ancestor of ancestorPaths(log.path)) {
      if (!announced.has(announcement(ancestor, log))) {
        this.#fail(`${ancestor} was not told of the new stream ${log.path}@${log.incarnationId}`)
      }
    }
  }

  /** A stream's counts of children and descendants are those of the catalogue. */
  #checkCounts(): void {
    const paths = [...this.streams.keys()]
    for (const [path, { log }] of this.streams) {
      const below = paths.filter((each) => isBelow(each, path))
      const children = below.filter((each) => parentPath(each) === path).length
      const { childCount, descendantCount } = log.state
      if (childCount !== children || descendantCount !== below.length) {
        this.#fail(
          `${path} counts ${childCount} children, ${descendantCount} below; there are ${children}, ${below.length}`,
        )
      }
      if (path !== '/' && !this.streams.has(parentPath(path) as StreamPath)) this.#fail(`${path} has no parent`)
    }
  }
}

function count(counts: Map<StreamPath, number>, path: StreamPath): void {
  counts.set(path, (counts.get(path) ?? 0) + 1)
}

function announcement(ancestor: string, { path, incarnationId }: { path: string; incarnationId: string }): string {
  return `${ancestor} hears of ${path}@${incarnationId}`
}

function childOf(event: EncodedEvent): ChildCreatedPayload {
  return JSON.parse(event.payload ?? '{}') as ChildCreatedPayload
}

const MARK = /"(?:mark|reason)":"(m[0-9.]+)"/

/** What tells an event of the simulation from every other one: it stands in its payload. */
export function markOf(event: { readonly type: string; readonly payload?: string }): string | null {
  if (event.payload === undefined) return null
  // A change of configuration has no room for a mark: its values are chosen so that no two are the same.
  return event.type === CONFIGURED ? event.payload : (MARK.exec(event.payload)?.[1] ?? null)
}

/** Whether this event is a caller's wish for a stream that had come into being above another, with nothing in it. */
function isAskedFor({ events }: TrueLog, event: EncodedEvent): boolean {
  if (event.type !== CREATED || events.some(({ type }) => !isCoreType(type))) return false
  const wishes = [...events, event].filter(({ type }) => type === CREATED)
  const implicit = wishes.map(({ payload }) => (JSON.parse(payload ?? '{}') as CreatedPayload).implicit)
  return implicit.length === 2 && implicit[0] === true && implicit[1] === undefined
}
