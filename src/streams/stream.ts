import { type AppendDecision, decideAppend } from './core/decide.ts'
import { reduceCore } from './core/reducer.ts'
import { CORE_STATE_VERSION, type CoreState, emptyState } from './core/state.ts'
import { ItxError } from './errors.ts'
import type { EncodedEvent, EncodedInput } from './event.ts'
import type { StreamPath } from './path.ts'
import { type Scheduler, nextTurn } from './scheduler.ts'
import type { StoredStream, StreamRef, StreamStorage, WorkingReader, WriteTransaction } from './storage/port.ts'

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
  #dirty = false

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
    const ref = { id, path: state.path, incarnationId: state.incarnationId }
    return new Stream(storage, id, state, baseState, { ref, state })
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
    const id = this.#id
    const findKey = (key: string) => (id === null ? null : this.#storage.working.findKey(id, key))
    return decideAppend(state, inputs, now, findKey, coreTypes)
  }

  /** Whether an event has this idempotency key, the open group included. */
  hasKey(key: string): boolean {
    return this.#id !== null && this.#storage.working.findKey(this.#id, key) !== null
  }

  /** Writes decided events inside the open group. An error here ends the group and drops this actor. */
  write(tx: WriteTransaction, events: readonly EncodedEvent[], state: CoreState, keep: boolean): void {
    this.#dirty = true
    if (this.#id === null) {
      this.#id = tx.insertStream(state, this.#base)
      this.#inserted = state
    }
    this.#working = state
    tx.insertEvents({ id: this.#id, path: this.path, incarnationId: state.incarnationId }, events)
    // One by one: a raw batch may hold more events than a call may have arguments.
    if (keep) for (const event of events) this.#fresh.push(event)
  }

  /** Writes the state row: once per group, whatever the number of appends. A row just made needs it only if they went on. */
  flush(tx: WriteTransaction): void {
    if (this.#id !== null && this.#working !== this.#inserted) tx.saveState(this.#id, this.#working, this.#base)
  }

  /** The group is on the disk: what was working is committed. Returns the events that listeners are owed. */
  settle(): { readonly events: readonly EncodedEvent[]; readonly state: CoreState } {
    const events = this.#fresh
    const state = this.#working
    this.#fresh = []
    this.#inserted = null
    this.#dirty = false
    if (this.#id !== null) {
      this.#committed = { ref: { id: this.#id, path: this.path, incarnationId: state.incarnationId }, state }
    }
    return { events, state }
  }
}

/**
 * Brings a stored stream up to date with its log: rebuilt from the beginning when its state is of another version,
 * caught up when events follow it. Replay runs no effects. Yields to the event loop between pages.
 */
export async function recoverStream(
  storage: StreamStorage,
  stored: StoredStream,
  scheduler: Scheduler,
): Promise<StoredStream> {
  const base = stored.baseState ?? emptyState(stored.state.path, stored.state.incarnationId)
  let state = stored.stateVersion === CORE_STATE_VERSION ? stored.state : base
  const ref: StreamRef = { id: stored.id, path: stored.state.path, incarnationId: stored.state.incarnationId }
  for (;;) {
    const page = storage.working.readEvents(ref, { after: state.maxOffset, ...REPLAY_PAGE })
    state = page.events.reduce(reduceCore, state)
    if (!page.full) return { ...stored, state, stateVersion: CORE_STATE_VERSION }
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
