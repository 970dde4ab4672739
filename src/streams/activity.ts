import { type ClosedBy, closedError } from './actors.ts'
import { ItxError, itxErrorCode, shown } from './errors.ts'
import { type StreamPath, isBelow, parentPath, parsePath } from './path.ts'
import { type Scheduler, nextTurn } from './scheduler.ts'
import type { CatalogueRow } from './storage/port.ts'

/** How long a watcher is left in peace after it was told something, in milliseconds: twice a second at most. */
const REST_MS = 500
/** Paths of one watcher, at most. */
export const MAX_ACTIVITY_PATHS = 100
/** Changed children that are remembered for one watcher; beyond it, it is told to read anew. */
export const MAX_DUE_ROWS = 10_000
/** Rows of one batch, at most. What is due beyond it follows as soon as the batch was taken. */
const BATCH_ROWS = 500

export interface ActivityOptions {
  /** The streams whose children are watched, whether they exist or not. */
  readonly paths: readonly string[]
  /** True: a batch comes as well whenever what the project's overview says may have changed, anywhere in the project. */
  readonly overview?: boolean
}

export interface ActivityBatch {
  /** Children that were made or have changed, as they are now. To be applied after `removed`. */
  readonly rows: readonly CatalogueRow[]
  /** What is gone, with everything below it: children, or watched paths themselves. */
  readonly removed: readonly string[]
  /** More has changed than is kept track of: the children of all watched paths must be read anew. */
  readonly overflow?: true
  /** What the project's overview says may have changed. For those who asked for it. */
  readonly overview?: true
}

/** Receives a batch; its result, awaited, is the acknowledgement. A rejection ends the watching. */
export type OnActivity = (batch: ActivityBatch) => unknown

export interface ActivityClosed {
  readonly reason: 'stopped' | 'failed' | 'storage' | ClosedBy
  readonly code?: string
}

export interface Activity {
  /** Resolves once, when the watching has ended, with the reason. */
  closed(): Promise<ActivityClosed>
  /** Ends it: nothing arrives afterwards. */
  stop(): void
}

/** @throws {ItxError} BAD_REQUEST for no path, too many, or a bad one. */
export function activityPaths({ paths }: ActivityOptions): ReadonlySet<StreamPath> {
  if (!Array.isArray(paths)) {
    throw new ItxError('BAD_REQUEST', `paths must be a list, not ${shown(paths)}`, { field: 'paths' })
  }
  if (paths.length === 0 || paths.length > MAX_ACTIVITY_PATHS) {
    throw new ItxError('BAD_REQUEST', `activity takes 1 to ${MAX_ACTIVITY_PATHS} paths, not ${paths.length}`, {
      field: 'paths',
      limit: MAX_ACTIVITY_PATHS,
      count: paths.length,
    })
  }
  return new Set(paths.map(parsePath))
}

export interface ActivitiesHost {
  readonly scheduler: Scheduler
  /** The committed row of a stream; null when there is none. */
  readonly row: (path: StreamPath) => CatalogueRow | null
}

/** Who watches the children of which streams of one project. */
export class Activities {
  readonly #host: ActivitiesHost
  readonly #watchers = new Set<Watcher>()
  readonly #byPath = new Map<StreamPath, Set<Watcher>>()
  /** Those who want to know of any change. */
  readonly #ofOverview = new Set<Watcher>()
  #closed: ClosedBy | null = null

  constructor(host: ActivitiesHost) {
    this.#host = host
  }

  get size(): number {
    return this.#watchers.size
  }

  /** Watches from this very turn on: whoever reads the children afterwards misses nothing. */
  watch(paths: ReadonlySet<StreamPath>, onRows: OnActivity, overview = false): Activity {
    if (this.#closed) throw closedError(this.#closed)
    const watcher: Watcher = new Watcher(this.#host, onRows, () => this.#remove(watcher, paths))
    this.#watchers.add(watcher)
    if (overview) this.#ofOverview.add(watcher)
    for (const path of paths) {
      const there = this.#byPath.get(path)
      if (there) there.add(watcher)
      else this.#byPath.set(path, new Set([watcher]))
    }
    return watcher
  }

  /** A stream's row is another one, or may be. Called for every stream of every commit: cheap while nobody watches. */
  touch(path: StreamPath): void {
    if (this.#byPath.size === 0) return
    this.overview()
    const parent = parentPath(path)
    if (parent === null) return
    for (const watcher of this.#byPath.get(parent) ?? []) watcher.touch(path)
  }

  /** What the overview says may be different. Called as often as `touch`. */
  overview(): void {
    for (const watcher of this.#ofOverview) watcher.overview()
  }

  /** A stream is gone, with everything below it. */
  removed(path: StreamPath): void {
    for (const [watched, watchers] of this.#byPath) {
      if (watched !== path && !isBelow(watched, path)) continue
      for (const watcher of watchers) watcher.lost(watched)
    }
    this.touch(path)
  }

  /** Whether a stream is gone, with everything below it, is not known: who watches there has to look. */
  uncertain(path: StreamPath): void {
    for (const [watched, watchers] of this.#byPath) {
      if (watched !== path && !isBelow(watched, path)) continue
      for (const watcher of watchers) watcher.overflow()
    }
    this.touch(path)
  }

  endAll(reason: ClosedBy): void {
    this.#closed = reason
    for (const watcher of this.#watchers) watcher.end({ reason })
  }

  #remove(watcher: Watcher, paths: ReadonlySet<StreamPath>): void {
    this.#watchers.delete(watcher)
    this.#ofOverview.delete(watcher)
    for (const path of paths) {
      const there = this.#byPath.get(path)
      if (there?.delete(watcher) && there.size === 0) this.#byPath.delete(path)
    }
  }
}

/**
 * One reader of activity. Changes are kept as paths, each once, and rows are read when they are sent: a stream that
 * changed a thousand times is one row.
 *
 * Invariants: at most one batch is on its way; at most `MAX_DUE_ROWS` paths are kept; what was due when a batch was sent,
 * and is not in it, is due still.
 */
class Watcher implements Activity {
  readonly #host: ActivitiesHost
  readonly #onRows: OnActivity
  readonly #onEnd: () => void
  readonly #ended = Promise.withResolvers<ActivityClosed>()
  /** In the order in which they became due. */
  readonly #due = new Set<StreamPath>()
  /** Watched paths that went, though they may be there again: what was below them is not. */
  readonly #lost = new Set<StreamPath>()
  #overflow = false
  #overview = false
  /** How many of the due paths still belong to what is being told; those that change meanwhile wait for the next time. */
  #telling = 0
  #inFlight = false
  #scheduled = false
  /** Cancels the rest that follows what was told. */
  #rest: (() => void) | null = null
  #over = false

  constructor(host: ActivitiesHost, onRows: OnActivity, onEnd: () => void) {
    this.#host = host
    this.#onRows = onRows
    this.#onEnd = onEnd
  }

  closed(): Promise<ActivityClosed> {
    return this.#ended.promise
  }

  stop(): void {
    this.end({ reason: 'stopped' })
  }

  end(closed: ActivityClosed): void {
    if (this.#over) return
    this.#over = true
    this.#rest?.()
    this.#forget()
    this.#ended.resolve(closed)
    this.#onEnd()
  }

  touch(path: StreamPath): void {
    // Who reads everything anew finds this one too.
    if (this.#overflow) return
    if (this.#due.size >= MAX_DUE_ROWS && !this.#due.has(path)) return this.overflow()
    this.#due.add(path)
    this.#wake()
  }

  lost(path: StreamPath): void {
    if (this.#overflow) return
    this.#lost.add(path)
    this.#wake()
  }

  overflow(): void {
    this.#forget()
    this.#overflow = true
    this.#wake()
  }

  overview(): void {
    if (this.#overview) return
    this.#overview = true
    this.#wake()
  }

  #forget(): void {
    this.#due.clear()
    this.#lost.clear()
    this.#telling = 0
  }

  /** Tells what is due in the next turn, unless it is being told already or the reader is to be left in peace. */
  #wake(): void {
    if (this.#scheduled || this.#inFlight || this.#rest || this.#over) return
    if (this.#due.size + this.#lost.size === 0 && !this.#overflow && !this.#overview) return
    this.#scheduled = true
    this.#host.scheduler.immediate(() => {
      this.#scheduled = false
      if (!this.#over) void this.#tell()
    })
  }

  async #tell(): Promise<void> {
    this.#inFlight = true
    this.#telling = this.#due.size
    this.#rest = this.#host.scheduler.timer(REST_MS, () => {
      this.#rest = null
      this.#wake()
    })
    try {
      await this.#send(this.#next())
      while (!this.#over && this.#telling > 0) {
        // Whoever takes batches at once must not keep everybody else waiting for ten thousand rows.
        await nextTurn(this.#host.scheduler)
        if (!this.#over) await this.#send(this.#next())
      }
    } catch (error) {
      // Reading failed, not the one who asked: watching may begin anew once the cause is gone.
      this.end({ reason: 'storage', code: itxErrorCode(error) ?? 'INTERNAL' })
    }
    this.#inFlight = false
    this.#wake()
  }

  #next(): ActivityBatch {
    const overview = this.#overview ? { overview: true as const } : {}
    this.#overview = false
    if (this.#overflow) {
      this.#overflow = false
      return { rows: [], removed: [], overflow: true, ...overview }
    }
    const rows: CatalogueRow[] = []
    const removed = new Set<string>(this.#lost)
    this.#lost.clear()
    for (const path of this.#due) {
      if (this.#telling === 0 || rows.length + removed.size >= BATCH_ROWS) break
      this.#telling--
      this.#due.delete(path)
      const row = this.#host.row(path)
      if (row) rows.push(row)
      else removed.add(path)
    }
    return { rows, removed: [...removed], ...overview }
  }

  async #send(batch: ActivityBatch): Promise<void> {
    try {
      await this.#onRows(batch)
    } catch {
      // Who throws is dropped and told so through `closed`; nobody else is concerned.
      this.end({ reason: 'failed' })
    }
  }
}
