import { type AppendDecision, type KeyedEvent, decideAppend } from './core/decide.ts'
import { reduceCore } from './core/reducer.ts'
import { deadline, storedDeadline, touchGrain } from './core/expiry.ts'
import type { ProducerPlace } from './core/producers.ts'
import { CORE_STATE_VERSION, type CoreState, type Producer, emptyState } from './core/state.ts'
import { ItxError } from './errors.ts'
import type { EncodedEvent, EncodedInput } from './event.ts'
import type { StreamPath } from './path.ts'
import { type Scheduler, nextTurn } from './scheduler.ts'
import { findStitched } from './storage/segments.ts'
import type { StoredStream, StreamRef, StreamStorage, WorkingReader, WriteTransaction } from './storage/port.ts'

/** Producers whose place an actor keeps in memory after a commit. */
const PRODUCERS_KEPT = 1000

const REPLAY_PAGE = { limit: 1000, maxBytes: 4 * 1024 * 1024, atLeastOne: true }

/** A stream as everyone but its own actor sees it. */
export interface CommittedStream {
  readonly ref: StreamRef
  readonly state: CoreState
}

/**
 * The actor: every write to a stream goes through its one `Stream`, one at a time and synchronously.
 *
 * It keeps two states. `working` includes what the open group holds and is what decisions see; `committed` is what
 * everyone else may see. Invariant: `committed` is `working` of the last group that was committed.
 */
export class Stream {
  readonly path: StreamPath
  readonly #storage: StreamStorage
  /** The state before the first event of the log: replay begins there. Null: the empty state. */
  readonly #base: CoreState | null
  #id: number | null
  #working: CoreState
  #committed: CommittedStream | null
  /** The state that the open group made the row with. */
  #inserted: CoreState | null = null
  /** Events of the open group, kept only while somebody listens. */
  #fresh: EncodedEvent[] = []
  /** How many events the open group holds. */
  #stored = 0
  #dirty = false
  /** Places of producers that were asked for or have changed; null: it has none. */
  readonly #producers = new Map<string, ProducerPlace | null>()
  /** Undefined: not asked for yet. */
  #streamSeq: string | null | undefined
  /** Those that the open group has changed. */
  readonly #changedProducers = new Set<string>()
  #streamSeqChanged = false
  /** When it was last read, milliseconds since the epoch; its state knows it a little later, or never. */
  #readAt = 0

  private constructor(
    storage: StreamStorage,
    id: number | null,
    working: CoreState,
    base: CoreState | null,
    committed: CommittedStream | null,
  ) {
    this.path = working.path
    this.#storage = storage
    this.#id = id
    this.#working = working
    this.#base = base
    this.#committed = committed
  }

  /** The actor of a stream that is stored, its state up to date with its log. */
  static stored(storage: StreamStorage, { id, state, baseState }: StoredStream): Stream {
    const stream = new Stream(storage, id, state, baseState, { ref: streamRef(id, state), state })
    // What it was used for since it was last written down is not known: it gets the benefit of the doubt.
    const { expiry } = state
    if (expiry && 'ttlSeconds' in expiry) stream.#readAt = (storedDeadline(state) ?? 0) - 1000 * expiry.ttlSeconds
    return stream
  }

  /** The actor of a stream that does not exist. `committed`: what readers still see of one that is being deleted. */
  static absent(
    storage: StreamStorage,
    path: StreamPath,
    incarnationId: string,
    committed: CommittedStream | null = null,
  ): Stream {
    return new Stream(storage, null, emptyState(path, incarnationId), null, committed)
  }

  /** The actor of a stream that begins a new life; readers see the old one until it is committed. */
  static reborn(storage: StreamStorage, base: CoreState, committed: CommittedStream | null): Stream {
    return new Stream(storage, null, base, base, committed)
  }

  /** Whether the stream exists, the open group included. */
  get exists(): boolean {
    return this.#working.maxOffset > 0
  }

  /** What the storage calls it; null while it does not exist. */
  get ref(): StreamRef | null {
    return this.#id === null ? null : streamRef(this.#id, this.#working)
  }

  /** Whether the open group holds events of this stream. */
  get dirty(): boolean {
    return this.#dirty
  }

  get working(): CoreState {
    return this.#working
  }

  /** What readers may see; null while the stream does not exist for them. */
  get committed(): CommittedStream | null {
    return this.#committed
  }

  /** Decides an append against the given state: the working one, or the one that a creation is about to make. */
  decide(
    state: CoreState,
    inputs: readonly EncodedInput[],
    now: number,
    coreTypes?: ReadonlySet<string>,
  ): AppendDecision {
    return decideAppend(state, inputs, now, (key) => this.#findKey(key), coreTypes)
  }

  /** Whether an event has this idempotency key, the open group included. */
  hasKey(key: string): boolean {
    return this.#findKey(key) !== null
  }

  #findKey(key: string): KeyedEvent | null {
    const { ref } = this
    return ref && findStitched((log, each) => this.#storage.working.findKey(log, each), ref, key)
  }

  /** What is known of a producer, the open group included. */
  producerPlace(id: string): ProducerPlace | null {
    let place = this.#producers.get(id)
    if (place === undefined) {
      const stored = this.#id === null ? null : this.#storage.working.findRecord(this.#id, 'producer', id)
      place = stored === null ? null : (JSON.parse(stored) as ProducerPlace)
      this.#producers.set(id, place)
    }
    return place
  }

  /** The last Stream-Seq, the open group included. */
  streamSeq(): string | null {
    if (this.#streamSeq === undefined) {
      const stored = this.#id === null ? null : this.#storage.working.findRecord(this.#id, 'stream-seq', '')
      this.#streamSeq = stored === null ? null : (JSON.parse(stored) as string)
    }
    return this.#streamSeq
  }

  /** Notes whose append was just written in the open group, and under which Stream-Seq; stored with it. */
  noteAppend(producer: Producer | undefined, streamSeq: string | undefined): void {
    if (producer) {
      this.#producers.set(producer.id, { epoch: producer.epoch, seq: producer.seq })
      this.#changedProducers.add(producer.id)
    }
    if (streamSeq !== undefined) {
      this.#streamSeq = streamSeq
      this.#streamSeqChanged = true
    }
  }

  /** When it ends by itself, milliseconds since the epoch; null: it does not. */
  get deadline(): number | null {
    return this.exists ? deadline(this.#working, this.#readAt) : null
  }

  /**
   * Notes that somebody reads it.
   *
   * @returns the state to be written down, where that is due; null where it is not
   */
  touch(now: number): CoreState | null {
    const { expiry, touchedAt, lastEventAt } = this.#working
    if (expiry === undefined || 'expiresAt' in expiry || now <= this.#readAt) return null
    this.#readAt = now
    const known = Math.max(touchedAt ?? 0, Date.parse(lastEventAt))
    return now - known < touchGrain(expiry.ttlSeconds) ? null : { ...this.#working, touchedAt: now }
  }

  /** Writes decided events inside the open group. An error here ends the group and drops this actor. */
  write(tx: WriteTransaction, events: readonly EncodedEvent[], state: CoreState, keep: boolean): void {
    this.#dirty = true
    if (this.#id === null) {
      this.#id = tx.insertStream(state, this.#base)
      this.#inserted = state
    }
    this.#working = state
    tx.insertEvents(streamRef(this.#id, state), events)
    this.#stored += events.length
    // One by one: a raw batch may hold more events than a call may have arguments.
    if (keep) for (const event of events) this.#fresh.push(event)
  }

  /** Writes the state row: once per group, whatever the number of appends. A row just made needs it only if they went on. */
  flush(tx: WriteTransaction): void {
    if (this.#id === null) return
    if (this.#working !== this.#inserted) tx.saveState(this.#id, this.#working, this.#base)
    for (const key of this.#changedProducers) {
      tx.saveRecord(this.#id, 'producer', { key, value: JSON.stringify(this.#producers.get(key)) })
    }
    if (this.#streamSeqChanged) {
      tx.saveRecord(this.#id, 'stream-seq', { key: '', value: JSON.stringify(this.#streamSeq) })
    }
  }

  /**
   * The group is on the disk: what was working is committed. Returns the events that listeners are owed, and how many
   * were stored.
   */
  settle(): { readonly events: readonly EncodedEvent[]; readonly state: CoreState; readonly stored: number } {
    const events = this.#fresh
    const state = this.#working
    const stored = this.#stored
    this.#fresh = []
    this.#stored = 0
    this.#inserted = null
    this.#dirty = false
    this.#changedProducers.clear()
    this.#streamSeqChanged = false
    if (this.#producers.size > PRODUCERS_KEPT) this.#producers.clear()
    if (this.#id !== null) this.#committed = { ref: streamRef(this.#id, state), state }
    return { events, state, stored }
  }
}

/** What names a stream to the storage, and what it reads in the logs of others. */
export function streamRef(id: number, { path, incarnationId, fork }: CoreState): StreamRef {
  return fork ? { id, path, incarnationId, segments: fork.segments } : { id, path, incarnationId }
}

/**
 * Brings a stored stream up to date with its log: rebuilt from the beginning when its state is of another version,
 * caught up when events follow it. Replay runs no effects. Yields to the event loop between pages.
 */
export async function recoverStream(
  storage: StreamStorage,
  stored: StoredStream,
  scheduler: Scheduler,
  now: () => number,
): Promise<StoredStream> {
  const base = stored.baseState ?? emptyState(stored.state.path, stored.state.incarnationId)
  const rebuilt = stored.stateVersion !== CORE_STATE_VERSION
  let state = rebuilt ? base : stored.state
  const ref = streamRef(stored.id, base)
  for (;;) {
    const page = storage.working.readEvents(ref, { after: state.maxOffset, ...REPLAY_PAGE })
    state = page.events.reduce(reduceCore, state)
    if (!page.full) {
      // When it was last read is lost with the old state: nothing may end because of that.
      if (rebuilt && state.expiry && 'ttlSeconds' in state.expiry) state = { ...state, touchedAt: now() }
      return { ...stored, state, stateVersion: CORE_STATE_VERSION }
    }
    await nextTurn(scheduler)
  }
}

/**
 * Whether a stored stream must be recovered before its first use.
 *
 * @throws {ItxError} INTERNAL when its log ends before its state: events are missing.
 */
export function needsRecovery(reader: Pick<WorkingReader, 'lastOffset'>, stored: StoredStream): boolean {
  if (stored.stateVersion !== CORE_STATE_VERSION) return true
  const last = reader.lastOffset(stored.id)
  if (last < stored.state.maxOffset) {
    throw new ItxError(
      'INTERNAL',
      `${stored.state.path}: the log ends at ${last}, but its state was written at ${stored.state.maxOffset}`,
      { reason: 'corrupt', path: stored.state.path, offset: last },
    )
  }
  return last > stored.state.maxOffset
}
