import { itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import type { EncodedEvent } from '../../streams/event.ts'
import type { WireBatch, WirePage, WireState } from '../handle.ts'
import { followStream, isFinal } from './follow.ts'
import { type HandleSource, Backoff, pause, signedInAgain } from './retry.ts'

/** Events a tail keeps; older ones are read as pages. */
const KEPT_EVENTS = 500
/** After the last reader has gone, a tail stays open this long: going back and forth costs nothing then. */
const LINGER_MS = 5000
/** Readers are told at most this often. */
const NOTIFY_MS = 100
/** What a tail begins with when the page brought nothing. */
const FIRST_PAGE = 100

export type TailStatus = 'connecting' | 'live' | 'interrupted' | 'failed'

/** What a tail knows. Replaced, never changed. */
export interface TailSnapshot {
  readonly status: TailStatus
  /** The newest events, oldest first, gapless. */
  readonly events: readonly EncodedEvent[]
  readonly maxOffset: number
  readonly state: WireState | null
  /** Why it failed: for good, or until somebody is signed in again; or why it has nothing to begin with yet. */
  readonly error: unknown
}

/** What a tail begins with, and the life of the stream that it belongs to; null: not known yet. */
interface TailStart {
  readonly snapshot: TailSnapshot
  readonly incarnationId: string | null
}

const EMPTY: TailSnapshot = { status: 'connecting', events: [], maxOffset: 0, state: null, error: null }

function startOf(page: WirePage | undefined): TailStart {
  if (!page) return { snapshot: EMPTY, incarnationId: null }
  const events = page.events.toReversed()
  const maxOffset = events.at(-1)?.offset ?? page.maxOffset
  return { snapshot: { ...EMPTY, events, maxOffset }, incarnationId: page.incarnationId }
}

/**
 * The live end of one stream, shared by all who show it in this tab.
 *
 * Invariant: `events` is a gapless run of one incarnation, and its last is the newest this tab has seen.
 */
class StreamTail {
  readonly #source: HandleSource
  readonly #project: string
  readonly #path: string
  readonly #onIdle: () => void
  readonly #listeners = new Set<() => void>()
  #snapshot: TailSnapshot
  #incarnationId: string | null
  #abort: AbortController | null = null
  #linger: ReturnType<typeof setTimeout> | undefined
  #notify: ReturnType<typeof setTimeout> | undefined

  constructor(source: HandleSource, project: string, path: string, start: TailStart, onIdle: () => void) {
    this.#source = source
    this.#project = project
    this.#path = path
    this.#onIdle = onIdle
    this.#snapshot = start.snapshot
    this.#incarnationId = start.incarnationId
  }

  get snapshot(): TailSnapshot {
    return this.#snapshot
  }

  subscribe(onChange: () => void): () => void {
    // Each reader has an entry of its own: two may have brought the same function.
    const listener = () => onChange()
    this.#listeners.add(listener)
    clearTimeout(this.#linger)
    if (!this.#abort) void this.#run()
    return () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return
      this.#linger = setTimeout(() => this.#stop(), LINGER_MS)
    }
  }

  async #run(): Promise<void> {
    const abort = new AbortController()
    const { signal } = abort
    this.#abort = abort
    const backoff = new Backoff()
    while (!signal.aborted) {
      try {
        if (this.#incarnationId === null) await this.#readFirst(signal)
        backoff.reset()
        await followStream({
          connection: this.#source,
          project: this.#project,
          path: this.#path,
          after: this.#snapshot.maxOffset,
          incarnationId: this.#incarnationId ?? undefined,
          state: true,
          onBatch: (batch) => this.#take(batch),
          onInterrupted: () => this.#change({ status: 'interrupted' }),
          signal,
        })
      } catch (error) {
        if (signal.aborted) return
        if (!isFinal(error)) {
          // The first page did not come; `followStream` mends everything after it by itself.
          this.#change({ status: 'interrupted', error })
          await pause(backoff.next(), signal, this.#source)
        } else if (isSignedOut(error)) {
          this.#change({ status: 'failed', error })
          if (this.#source.status?.state === 'signed-out') await signedInAgain(this.#source, signal)
          else await pause(backoff.next(), signal, this.#source)
          this.#change({ status: 'connecting', error: null })
        } else if (itxErrorCode(error) === 'CONFLICT') {
          // Another life of the stream: what is shown belongs to the one that is gone.
          this.#incarnationId = null
          this.#change(EMPTY)
        } else {
          this.#change({ status: 'failed', error })
          this.#abort = null
          return
        }
      }
    }
  }

  #stop(): void {
    this.#abort?.abort()
    this.#abort = null
    clearTimeout(this.#notify)
    this.#notify = undefined
    this.#onIdle()
  }

  async #readFirst(signal: AbortSignal): Promise<void> {
    using handle = await this.#source.project(this.#project)
    using stream = handle.streams.get(this.#path)
    const page = await stream.read({ order: 'desc', limit: FIRST_PAGE })
    // Of a run that has ended meanwhile nothing counts.
    if (signal.aborted) return
    const { snapshot, incarnationId } = startOf(page)
    this.#incarnationId = incarnationId
    this.#snapshot = { ...this.#snapshot, events: snapshot.events, maxOffset: snapshot.maxOffset }
  }

  #take(batch: WireBatch): void {
    const { maxOffset, events } = this.#snapshot
    this.#incarnationId = batch.incarnationId
    const fresh = batch.events.filter((event) => event.offset > maxOffset)
    this.#change({
      status: 'live',
      error: null,
      ...(fresh.length === 0 ? {} : { events: [...events, ...fresh].slice(-KEPT_EVENTS) }),
      maxOffset: Math.max(batch.through, maxOffset),
      ...(batch.state ? { state: batch.state } : {}),
    })
  }

  #change(change: Partial<TailSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change }
    this.#notify ??= setTimeout(() => {
      this.#notify = undefined
      for (const listener of this.#listeners) listener()
    }, NOTIFY_MS)
  }
}

function isSignedOut(error: unknown): boolean {
  return itxErrorDetails(error)?.['reason'] === 'signed-out'
}

const tails = new WeakMap<HandleSource, Map<string, StreamTail>>()

/** The tail of a stream, made for `useSyncExternalStore`. */
export interface TailStore {
  subscribe(listener: () => void): () => void
  getSnapshot(): TailSnapshot
  /** What is known before anything was subscribed to; the same for good. */
  getInitialSnapshot(): TailSnapshot
}

/**
 * The tail of a stream in this tab or process: one subscription for everybody who shows it. Making a store costs nothing
 * and leaves nothing behind (a render may be thrown away): the tail begins with its first reader.
 *
 * @param first a page that was read before, newest first: whoever comes first begins the tail with it
 */
export function tailStore(source: HandleSource, project: string, path: string, first?: WirePage): TailStore {
  const key = `${project} ${path}`
  const start = startOf(first)
  return {
    subscribe: (listener) => {
      const ofSource = tails.get(source) ?? new Map<string, StreamTail>()
      tails.set(source, ofSource)
      let tail = ofSource.get(key)
      if (!tail) {
        tail = new StreamTail(source, project, path, start, () => ofSource.delete(key))
        ofSource.set(key, tail)
      }
      return tail.subscribe(listener)
    },
    getSnapshot: () => tails.get(source)?.get(key)?.snapshot ?? start.snapshot,
    getInitialSnapshot: () => start.snapshot,
  }
}
