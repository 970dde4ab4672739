import { expect } from 'vitest'
import { type CoreState, type Fork, type LogSegment, emptyState } from '../../core/state.ts'
import { itxErrorCode, itxErrorDetails } from '../../errors.ts'
import type { EncodedEvent } from '../../event.ts'
import type { JsonText } from '../../json-text.ts'
import { type StreamPath, parsePath } from '../../path.ts'
import type { EventPage, EventRange, GroupParticipant, StreamRef, StreamStorage, WriteTransaction } from '../port.ts'

/** What an implementation brings to the contract's tests, and what the tests share. */

/** A storage under test. */
export interface StorageHost {
  readonly storage: StreamStorage
  /** Forgets what is in memory and opens anew what was kept. */
  reopen(): void
  /** Changes a stored row behind the storage's back. Only called where the traits say that damage is found. */
  damage(row: Damage): void
}

export interface StorageTraits {
  /** `turn`: the writes of a turn share one group and its fate. `write`: each write is a group of its own. */
  readonly groups: 'turn' | 'write'
  /** Whether rows carry checksums. */
  readonly findsDamage: boolean
}

/** A text that stands in a stored row, and what it is changed to. Both take as many bytes. */
export interface Damage {
  readonly table: 'events' | 'event_chunks' | 'streams' | 'snapshots' | 'records' | 'forks'
  readonly column: string
  readonly text: string
  readonly becomes: string
}

/** Runs a test with an empty storage, in a place where that storage may be used. */
export type WithStorage = (run: (host: StorageHost) => Promise<void>) => Promise<void>

/** Keeps account of what it is told. */
export class Recorder implements GroupParticipant {
  readonly heard: string[] = []
  error: unknown
  readonly #flush: (tx: WriteTransaction) => void

  constructor(flush: (tx: WriteTransaction) => void = () => {}) {
    this.#flush = flush
  }

  flush(tx: WriteTransaction): void {
    this.heard.push('flush')
    this.#flush(tx)
  }

  committed(): void {
    this.heard.push('committed')
  }

  rolledBack(error: unknown): void {
    this.heard.push('rolledBack')
    this.error = error
  }
}

/** Writes and waits until it is on the disk. */
export async function store<T>({ storage }: StorageHost, write: (tx: WriteTransaction) => T): Promise<T> {
  let result: T | undefined
  storage.transactionSync(new Recorder(), (tx) => {
    result = write(tx)
  })
  await storage.durable()
  return result as T
}

export const AT = '2026-01-01T00:00:00.000Z'

export function stateOf(path: string, changes: Partial<CoreState> = {}): CoreState {
  return { ...emptyState(parsePath(path), `life of ${path}`), createdAt: AT, lastEventAt: AT, ...changes }
}

export function eventAt(offset: number, changes: Partial<EncodedEvent> = {}): EncodedEvent {
  return { offset, type: 'x', createdAt: AT, ...changes }
}

/** Events with the offsets from 1 to `count`. */
export function eventsTo(
  count: number,
  changes: (offset: number) => Partial<EncodedEvent> = () => ({}),
): EncodedEvent[] {
  return Array.from({ length: count }, (_, index) => eventAt(index + 1, changes(index + 1)))
}

export function refOf(id: number, state: CoreState): StreamRef {
  const { path, incarnationId, fork } = state
  return { id, path, incarnationId, ...(fork ? { segments: fork.segments } : {}) }
}

/** Inserts a stream with its events. */
export function insertStream(
  tx: WriteTransaction,
  path: string,
  events: readonly EncodedEvent[] = [],
  changes: Partial<CoreState> = {},
): StreamRef {
  const state = stateOf(path, { maxOffset: events.at(-1)?.offset ?? 0, eventCount: events.length, ...changes })
  const ref = refOf(tx.insertStream(state, null), state)
  tx.insertEvents(ref, events)
  return ref
}

export function storeStream(
  host: StorageHost,
  path: string,
  events: readonly EncodedEvent[] = [],
  changes: Partial<CoreState> = {},
): Promise<StreamRef> {
  return store(host, (tx) => insertStream(tx, path, events, changes))
}

/** The state of a stream that reads another up to an offset. */
export function forkStateOf(
  path: string,
  source: StreamRef,
  through: number,
  changes: Partial<CoreState> = {},
): CoreState {
  const { id, path: from, incarnationId } = source
  const segments: LogSegment[] = []
  for (const { after, ...segment } of [...(source.segments ?? []), ownStretch(source, through)]) {
    if (after < through) segments.push({ ...segment, after, through: Math.min(segment.through, through) })
  }
  const fork: Fork = { id, path: from, incarnationId, offset: through, subOffset: 0, segments }
  return stateOf(path, { maxOffset: through, eventCount: through, fork, ...changes })
}

function ownStretch({ id, path, incarnationId, segments }: StreamRef, through: number): LogSegment {
  return { id, path, incarnationId, after: segments?.at(-1)?.through ?? 0, through }
}

/** Inserts a fork with its own events, which go on after what it shares. */
export function insertFork(
  tx: WriteTransaction,
  path: string,
  source: StreamRef,
  through: number,
  events: readonly EncodedEvent[] = [],
): StreamRef {
  const maxOffset = events.at(-1)?.offset ?? through
  const state = forkStateOf(path, source, through, { maxOffset, eventCount: maxOffset })
  const ref = refOf(tx.insertStream(state, null), state)
  tx.insertEvents(ref, events)
  return ref
}

/** Events of a range of offsets. */
export const between = (after: number, through: number) => eventsTo(through).slice(after)

/** A source, a fork of it and a fork of that one; each goes on after what it shares. */
export interface Chain {
  readonly root: StreamRef
  readonly middle: StreamRef
  readonly leaf: StreamRef
}

export function storeChain(host: StorageHost): Promise<Chain> {
  return store(host, (tx) => {
    const root = insertStream(tx, '/root', eventsTo(8))
    const middle = insertFork(tx, '/middle', root, 5, between(5, 9))
    const leaf = insertFork(tx, '/leaf', middle, 7, between(7, 12))
    return { root, middle, leaf }
  })
}

/** A text as a JSON text. */
export function json(value: unknown): JsonText {
  return JSON.stringify(value) as JsonText
}

export const PATHS = { a: '/a' as StreamPath, b: '/b' as StreamPath }

/** A page without a limit that matters. */
export const ALL = { after: 0, limit: 10_000, maxBytes: 1024 * 1024 * 1024, atLeastOne: true }

/** Both readers' answers to the same question, which are the same once everything is committed. */
export function pageOfBoth({ storage }: StorageHost, ref: StreamRef, range: EventRange): EventPage {
  const working = storage.working.readEvents(ref, range)
  expect(storage.committed.readEvents(ref, range)).toEqual(working)
  return working
}

/** What a failing read or write says, or what it answered where it should have failed. */
export function failureOf(run: () => unknown): unknown {
  let answer: unknown
  try {
    answer = run()
  } catch (error) {
    const code = itxErrorCode(error)
    return code === undefined ? error : { code, ...itxErrorDetails(error) }
  }
  throw new Error(`expected a failure, got ${JSON.stringify(answer)?.slice(0, 200)}`)
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Waits for what happens without being waited for: turn by turn, no clock; gives up after many. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 20_000; turns++) {
    if (holds()) return
    await turn()
  }
  throw new Error('the condition did not come true')
}
