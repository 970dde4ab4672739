import type { CloseReason } from './delivery/batch.ts'
import { wholeNumber } from './directory.ts'
import { ItxError, itxErrorCode, shown, trimmedBelow } from './errors.ts'
import { type EncodedEvent, encodedBytes } from './event.ts'
import { isCoreType } from './core/core-events.ts'
import { type EventFilter, compileFilter } from './filter.ts'
import { type StreamPath, isBelow } from './path.ts'
import { type Scheduler, nextTurn } from './scheduler.ts'
import type { EventPage, EventRange } from './storage/port.ts'
import type { CommittedStream } from './stream.ts'

/** How long one turn of the event loop may judge events. One event may take longer, but is then the last of its turn. */
const SLICE_MS = 5
/** Matches of one batch, at most; a batch holds at least one, however large. */
const BATCH_EVENTS = 500
const BATCH_BYTES = 512 * 1024
/** A scan tells how far it is after so many events, or so long, without a batch. */
const PROGRESS_EVENTS = 5000
const PROGRESS_MS = 1000
const PAGE = { limit: BATCH_EVENTS, maxBytes: BATCH_BYTES, atLeastOne: true }

export interface ScanOptions {
  /** The expression events must match; see `compileFilter`. */
  readonly filter: string
  /** Exclusive; the beginning of the log when absent. */
  readonly after?: number
  /** Exclusive; the head at the start of the scan when absent. */
  readonly before?: number
  /** Only these types are judged at all. */
  readonly types?: readonly string[]
  readonly order?: 'asc' | 'desc'
  /** The life of the stream that `after` belongs to: another one is CONFLICT `incarnation`, never a splice. */
  readonly incarnationId?: string
  /** Leave core events out, as the HTTP door does. */
  readonly visibleOnly?: boolean
}

export interface ScanBatch {
  /** Matches, in the scan's order. */
  readonly events: readonly EncodedEvent[]
  /** The offset this batch covers, what did not match included: go on `after` it, or `before` it when descending. */
  readonly through: number
  /** Events looked at since the scan began. */
  readonly scanned: number
  /** Events since the scan began that cost too much to judge; they are not among the matches. */
  readonly unjudged: number
  /** The head of the stream when the scan began. */
  readonly maxOffset: number
  /** Null when the stream did not exist. */
  readonly incarnationId: string | null
}

/** Receives a batch; its result, awaited, is the acknowledgement. A rejection ends the scan. */
export type OnScanBatch = (batch: ScanBatch) => unknown

export type ScanCloseReason = Exclude<CloseReason, 'unsubscribed'> | 'done' | 'stopped'

export interface ScanClosed {
  readonly reason: ScanCloseReason
  readonly code?: string
}

export interface Scan {
  /** Resolves once, when the scan has ended, with the reason: `done` when everything was looked at. */
  closed(): Promise<ScanClosed>
  /** Ends it: nothing arrives afterwards. */
  stop(): void
}

/** What a scan runs on. */
export interface ScanHost {
  readonly scheduler: Scheduler
  /** A clock for lengths of time, in milliseconds. */
  readonly elapsed: () => number
  /** Reads committed events; they are expected to be there. */
  readonly readPage: (stream: CommittedStream, range: EventRange) => EventPage
}

/** The scans of one project that are running. */
export class Scans {
  readonly #host: ScanHost
  readonly #running = new Set<Scanner>()

  constructor(host: ScanHost) {
    this.#host = host
  }

  get size(): number {
    return this.#running.size
  }

  /** Starts a scan over what is committed now. */
  start(path: StreamPath, stream: CommittedStream | null, plan: ScanPlan, onBatch: OnScanBatch): Scan {
    const scanner: Scanner = new Scanner(this.#host, path, stream, plan, onBatch, () => this.#running.delete(scanner))
    this.#running.add(scanner)
    scanner.start()
    return scanner
  }

  /** A life of a stream, and perhaps of all below it, is over: a scan must not go on in the next one. */
  end(path: StreamPath, reason: CloseReason, below: boolean): void {
    for (const scan of this.#running) {
      if (scan.path === path || (below && isBelow(scan.path, path))) scan.end({ reason: reason as ScanCloseReason })
    }
  }

  endAll(reason: 'shutdown' | 'deleted'): void {
    for (const scan of this.#running) scan.end({ reason })
  }
}

/** Options of a scan that were found good. */
export interface ScanPlan {
  readonly options: ScanOptions
  readonly filter: EventFilter
}

/** @throws {ItxError} BAD_REQUEST for a bad option or a filter that cannot be used. */
export function planScan(options: ScanOptions): ScanPlan {
  const { after, before, order } = options
  if (after !== undefined) wholeNumber(after, 'after')
  if (before !== undefined) wholeNumber(before, 'before')
  if (order !== undefined && order !== 'asc' && order !== 'desc') {
    throw new ItxError('BAD_REQUEST', `order must be asc or desc, not ${shown(order)}`, { field: 'order' })
  }
  return { options, filter: compileFilter(options.filter) }
}

/**
 * One pass over a log, up to the head it had at the start, in slices of a few milliseconds.
 *
 * Invariant: everything between the beginning of the range and `#cursor` was judged; nothing beyond it was.
 */
class Scanner implements Scan {
  readonly path: StreamPath
  readonly #host: ScanHost
  readonly #stream: CommittedStream | null
  readonly #plan: ScanPlan
  readonly #onBatch: OnScanBatch
  readonly #onEnd: () => void
  readonly #types: ReadonlySet<string> | null
  readonly #descending: boolean
  readonly #ended = Promise.withResolvers<ScanClosed>()
  /** What is left to read: exclusive at both ends. */
  #after: number
  #before: number
  #page: readonly EncodedEvent[] = []
  #next = 0
  #found: EncodedEvent[] = []
  #foundBytes = 0
  #scanned = 0
  #reported = 0
  #reportedAt = 0
  #over = false

  constructor(
    host: ScanHost,
    path: StreamPath,
    stream: CommittedStream | null,
    plan: ScanPlan,
    onBatch: OnScanBatch,
    onEnd: () => void,
  ) {
    const { after, before = Infinity, types, order, incarnationId } = plan.options
    if (incarnationId !== undefined && incarnationId !== stream?.state.incarnationId) {
      throw new ItxError('CONFLICT', `${path} has another incarnation`, { reason: 'incarnation', path })
    }
    const firstOffset = stream?.state.firstOffset ?? 1
    if (after !== undefined && after + 1 < firstOffset) throw trimmedBelow(path, after, firstOffset)
    this.path = path
    this.#host = host
    this.#stream = stream
    this.#plan = plan
    this.#onBatch = onBatch
    this.#onEnd = onEnd
    this.#types = types ? new Set(types) : null
    this.#descending = order === 'desc'
    this.#after = after ?? firstOffset - 1
    this.#before = Math.min(before, (stream?.state.maxOffset ?? 0) + 1)
  }

  start(): void {
    this.#reportedAt = this.#host.elapsed()
    void this.#run()
  }

  closed(): Promise<ScanClosed> {
    return this.#ended.promise
  }

  stop(): void {
    this.end({ reason: 'stopped' })
  }

  end(closed: ScanClosed): void {
    if (this.#over) return
    this.#over = true
    this.#page = []
    this.#found = []
    this.#ended.resolve(closed)
    this.#onEnd()
  }

  async #run(): Promise<void> {
    try {
      // Whoever asked has the scan in hand before anything arrives.
      await nextTurn(this.#host.scheduler)
      while (!this.#over) {
        const done = this.#slice()
        if (done ? this.#hasNews : this.#isDue()) await this.#send()
        if (done) this.end({ reason: 'done' })
        if (!this.#over) await nextTurn(this.#host.scheduler)
      }
    } catch (error) {
      // Reading failed, not the one who asked: the scan may be repeated once the cause is gone.
      this.end({ reason: 'storage', code: itxErrorCode(error) ?? 'INTERNAL' })
    }
  }

  /** Judges events until the slice of time is over or a batch is due. @returns whether nothing is left. */
  #slice(): boolean {
    const until = this.#host.elapsed() + SLICE_MS
    do {
      const event = this.#page[this.#next] ?? this.#readPage()
      if (!event) return true
      if (this.#matches(event)) {
        const bytes = encodedBytes(event)
        // Left for the next batch, which holds it whatever its size.
        if (this.#found.length > 0 && this.#foundBytes + bytes > BATCH_BYTES) {
          this.#foundBytes = Infinity
          return false
        }
        this.#found.push(event)
        this.#foundBytes += bytes
      }
      this.#next++
      this.#scanned++
      if (this.#descending) this.#before = event.offset
      else this.#after = event.offset
    } while (!this.#isDue() && this.#host.elapsed() < until)
    return false
  }

  #readPage(): EncodedEvent | undefined {
    if (this.#stream === null || this.#after + 1 >= this.#before) return undefined
    const range = { after: this.#after, before: this.#before, descending: this.#descending, ...PAGE }
    this.#page = this.#host.readPage(this.#stream, range).events
    this.#next = 0
    return this.#page[0]
  }

  #matches(event: EncodedEvent): boolean {
    if (this.#types && !this.#types.has(event.type)) return false
    if (this.#plan.options.visibleOnly && isCoreType(event.type)) return false
    return this.#plan.filter.matches(event)
  }

  /** Whether the last batch, or there having been none, leaves something unsaid. */
  get #hasNews(): boolean {
    return this.#scanned > this.#reported || this.#reported === 0
  }

  #isDue(): boolean {
    return (
      this.#found.length >= BATCH_EVENTS ||
      this.#foundBytes >= BATCH_BYTES ||
      this.#scanned - this.#reported >= PROGRESS_EVENTS ||
      (this.#scanned > this.#reported && this.#host.elapsed() - this.#reportedAt >= PROGRESS_MS)
    )
  }

  /** Sends what was found and waits until it was taken. */
  async #send(): Promise<void> {
    const events = this.#found
    this.#found = []
    this.#foundBytes = 0
    this.#reported = this.#scanned
    try {
      await this.#onBatch({
        events,
        through: this.#descending ? this.#before : this.#after,
        scanned: this.#scanned,
        unjudged: this.#plan.filter.unjudged,
        maxOffset: this.#stream?.state.maxOffset ?? 0,
        incarnationId: this.#stream?.state.incarnationId ?? null,
      })
    } catch {
      // Who throws is dropped and told so through `closed`; nobody else is concerned.
      this.end({ reason: 'failed' })
    }
    this.#reportedAt = this.#host.elapsed()
  }
}
