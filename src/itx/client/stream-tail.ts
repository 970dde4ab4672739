import { itxErrorCode } from '../../streams/errors.ts'
import type { EncodedEvent } from '../../streams/event.ts'
import type { WireBatch, WirePage, WireState } from '../handle.ts'
import type { Connection } from './connection.ts'
import { followStream, isFinal, pause } from './follow.ts'

/** Events a tail keeps; older ones are read as pages. */
const KEPT_EVENTS = 500
/** After the last reader has gone, a tail stays open this long: going back and forth costs nothing then. */
const LINGER_MS = 5000
/** Readers are told at most this often. */
const NOTIFY_MS = 100
const RETRY_MS = 1000
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
  /** Why it failed for good. */
  readonly error: unknown
}

const EMPTY: TailSnapshot = { status: 'connecting', events: [], maxOffset: 0, state: null, error: null }

/**
 * The live end of one stream, shared by all who show it in this tab.
 *
 * Invariant: `events` is a gapless run of one incarnation, and its last is the newest this tab has seen.
 */
export class StreamTail {
  readonly #connection: Connection
  readonly #project: string
  readonly #path: string
  readonly #onIdle: () => void
  readonly #listeners = new Set<() => void>()
  #snapshot: TailSnapshot = EMPTY
  #incarnationId: string | null = null
  #abort: AbortController | null = null
  #linger: ReturnType<typeof setTimeout> | undefined
  #notify: ReturnType<typeof setTimeout> | undefined

  constructor(connection: Connection, project: string, path: string, onIdle: () => void, first?: WirePage) {
    this.#connection = connection
    this.#project = project
    this.#path = path
    this.#onIdle = onIdle
    if (first) this.#begin(first)
  }

  getSnapshot = (): TailSnapshot => this.#snapshot

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    clearTimeout(this.#linger)
    if (!this.#abort) void this.#run()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#linger = setTimeout(() => this.#stop(), LINGER_MS)
    }
  }

  async #run(): Promise<void> {
    const abort = new AbortController()
    this.#abort = abort
    while (!abort.signal.aborted) {
      try {
        if (this.#incarnationId === null) await this.#readFirst()
        await followStream({
          connection: this.#connection,
          project: this.#project,
          path: this.#path,
          after: this.#snapshot.maxOffset,
          incarnationId: this.#incarnationId ?? undefined,
          state: true,
          onBatch: (batch) => this.#take(batch),
          onInterrupted: () => this.#change({ status: 'interrupted' }),
          signal: abort.signal,
        })
      } catch (error) {
        if (abort.signal.aborted) return
        if (!isFinal(error)) {
          // The first page did not come; `followStream` mends everything after it by itself.
          this.#change({ status: 'interrupted' })
          await pause(RETRY_MS, abort.signal)
          continue
        }
        if (itxErrorCode(error) !== 'CONFLICT') {
          this.#change({ status: 'failed', error })
          this.#abort = null
          return
        }
        // Another life of the stream: what is shown belongs to the one that is gone.
        this.#incarnationId = null
        this.#change(EMPTY)
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

  async #readFirst(): Promise<void> {
    using handle = await this.#connection.project(this.#project)
    using stream = handle.streams.get(this.#path)
    this.#begin(await stream.read({ order: 'desc', limit: FIRST_PAGE }))
  }

  #begin(page: WirePage): void {
    this.#incarnationId = page.incarnationId
    const events = page.events.toReversed()
    this.#snapshot = { ...this.#snapshot, events, maxOffset: events.at(-1)?.offset ?? 0 }
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

const tails = new WeakMap<Connection, Map<string, StreamTail>>()

/** The tail of a stream in this tab: one for everybody who shows it. `first` is used when it is made now. */
export function sharedTail(connection: Connection, project: string, path: string, first?: WirePage): StreamTail {
  const ofConnection = tails.get(connection) ?? new Map<string, StreamTail>()
  tails.set(connection, ofConnection)
  const key = `${project} ${path}`
  let tail = ofConnection.get(key)
  if (!tail) {
    tail = new StreamTail(connection, project, path, () => ofConnection.delete(key), first)
    ofConnection.set(key, tail)
  }
  return tail
}
