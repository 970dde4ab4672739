import type { CoreState } from '../../core/state.ts'
import type { EncodedEvent } from '../../event.ts'
import { isBelow, parentPath, pathName } from '../../path.ts'
import type {
  CataloguePage,
  CatalogueRow,
  EventRange,
  ParkedSnapshot,
  SiblingsPage,
  Snapshot,
  StreamRef,
} from '../port.ts'

export interface NaiveStream {
  readonly ref: StreamRef
  state: CoreState
  base: CoreState | null
  /** All that can be read; of a fork, what it shares is a copy at the beginning. */
  events: EncodedEvent[]
  snapshots: { readonly processor: string; readonly snapshot: Snapshot }[]
  /** By kind and key. */
  records: Map<string, string>
}

/** A log without a stream. */
interface Discarded {
  readonly ref: StreamRef
  /** Nobody but the storage knows when the last of its rows is gone. */
  collected: 'no' | 'maybe'
}

/** That a fork reads a log; or, that its source is this. */
interface Reads {
  readonly forkId: number
  readonly sourceId: number
  readonly sourcePath: string
}

/**
 * The port's answers without its mechanisms: one list of streams, and for every question a look at all of it. So plain
 * that it can be seen to be right; what the contract's random histories are held against.
 */
export class NaiveStorage {
  streams: NaiveStream[] = []
  #discarded: Discarded[] = []
  #reads: Reads[] = []
  /** Records of the project, by kind and key. */
  records = new Map<string, string>()

  copy(): NaiveStorage {
    const copy = new NaiveStorage()
    copy.streams = this.streams.map((stream) => ({
      ...stream,
      events: [...stream.events],
      snapshots: [...stream.snapshots],
      records: new Map(stream.records),
    }))
    copy.#discarded = this.#discarded.map((log) => ({ ...log }))
    copy.#reads = [...this.#reads]
    copy.records = new Map(this.records)
    return copy
  }

  find(path: string): NaiveStream | undefined {
    return this.streams.find((stream) => stream.ref.path === path)
  }

  insert(stream: NaiveStream): void {
    this.streams.push(stream)
    const { fork } = stream.state
    if (!fork) return
    const sources = new Map([[fork.id, fork.path], ...fork.segments.map(({ id, path }) => [id, path] as const)])
    for (const [sourceId, sourcePath] of sources) this.#reads.push({ forkId: stream.ref.id, sourceId, sourcePath })
  }

  remove(path: string, below: boolean): void {
    const leaves = ({ ref }: NaiveStream) => ref.path === path || (below && isBelow(ref.path, path as typeof ref.path))
    for (const stream of this.streams) if (leaves(stream)) this.#discarded.push({ ref: stream.ref, collected: 'no' })
    this.streams = this.streams.filter((stream) => !leaves(stream))
  }

  collect(): void {
    for (let before = -1; before !== this.#reads.length;) {
      before = this.#reads.length
      const gone = new Set(this.#discarded.filter(({ ref }) => !this.#isRead(ref.id)).map(({ ref }) => ref.id))
      this.#reads = this.#reads.filter(({ forkId }) => !gone.has(forkId))
    }
    for (const log of this.#discarded) if (!this.#isRead(log.ref.id)) log.collected = 'maybe'
  }

  /** Null: nobody but the storage knows. */
  get hasGarbage(): boolean | null {
    const free = this.#discarded.filter(({ ref }) => !this.#isRead(ref.id))
    if (free.length === 0) return false
    return free.some(({ collected }) => collected === 'no') || null
  }

  isRetained(path: string): boolean {
    return !this.find(path) && this.#reads.some(({ sourcePath }) => sourcePath === path)
  }

  listExpired(at: number): string[] {
    return this.#ending()
      .filter(({ end }) => end <= at)
      .map(({ path }) => path)
  }

  nextExpiry(): number | null {
    return this.#ending()[0]?.end ?? null
  }

  #ending(): { readonly path: string; readonly end: number }[] {
    return this.streams
      .flatMap(({ state: { path, expiry } }) =>
        expiry && 'expiresAt' in expiry ? [{ path, end: Date.parse(expiry.expiresAt) }] : [],
      )
      .toSorted((a, b) => a.end - b.end || (a.path < b.path ? -1 : 1))
  }

  #isRead(id: number): boolean {
    return this.#reads.some(({ sourceId }) => sourceId === id)
  }

  children(parent: string, { after = '', skip = 0, limit, match = '', order }: SiblingsPage): CatalogueRow[] {
    const passes = ({ path, name }: CatalogueRow) => parentPath(path) === parent && name > after && has(name, match)
    const rows = order === 'created' ? this.#newestFirst('createdAt').filter(passes) : this.#rows(passes)
    return rows.slice(skip, skip + limit)
  }

  countEvents(): { streams: number; events: number } {
    return {
      streams: this.streams.length,
      events: this.streams.reduce((sum, { state }) => sum + state.eventCount, 0),
    }
  }

  listRecent(): CatalogueRow[] {
    return this.#newestFirst('lastEventAt')
  }

  listParked(): ParkedSnapshot[] {
    return this.streams
      .toSorted((a, b) => a.ref.id - b.ref.id)
      .flatMap(({ ref: { path }, snapshots }) =>
        snapshots
          .filter(
            ({ processor, snapshot: { offset, parked } }) =>
              parked !== null &&
              !snapshots.some((other) => other.processor === processor && other.snapshot.offset > offset),
          )
          .map(({ processor, snapshot: { version } }) => ({ path, processor, version }))
          .toSorted((a, b) => (a.processor < b.processor ? -1 : 1)),
      )
  }

  #newestFirst(time: 'createdAt' | 'lastEventAt'): CatalogueRow[] {
    return this.streams
      .toSorted((a, b) => {
        const [x, y] = [a.state[time], b.state[time]]
        return x === y ? b.ref.id - a.ref.id : x < y ? 1 : -1
      })
      .map(({ state }) => rowOf(state))
  }

  list(prefix: string, { after = '', limit, match = '', fuzzy = false }: CataloguePage): CatalogueRow[] {
    const inside = (path: string) =>
      path === prefix || isBelow(path as CatalogueRow['path'], prefix as CatalogueRow['path'])
    return this.#rows(({ path }) => inside(path) && path > after && has(path, match, fuzzy)).slice(0, limit)
  }

  listProcessed(after: string, limit: number): string[] {
    return this.streams
      .filter(({ ref, state }) => ref.path > after && state.processors.some(({ detached }) => !detached))
      .map(({ ref }) => ref.path)
      .toSorted()
      .slice(0, limit)
  }

  #rows(passes: (row: CatalogueRow) => boolean): CatalogueRow[] {
    return this.streams
      .map(({ state }) => rowOf(state))
      .filter(passes)
      .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }
}

/** Paths are ASCII: their characters are in the order of their bytes. */
function has(text: string, match: string, fuzzy = false): boolean {
  if (fuzzy)
    return new RegExp(Array.from(match, (letter) => letter.replace(/[^\w/]/, '\\$&')).join('.*'), 'i').test(text)
  return text.toLowerCase().includes(match.toLowerCase())
}

function rowOf(state: CoreState): CatalogueRow {
  const { path, incarnationId, contentType, eventCount, maxOffset, createdAt, lastEventAt } = state
  const { paused, closed, childCount, descendantCount } = state
  return {
    path,
    name: pathName(path),
    incarnationId,
    contentType,
    eventCount,
    maxOffset,
    createdAt,
    lastEventAt,
    paused,
    closed,
    childCount,
    descendantCount,
  }
}

/** The events of a range, by their count alone. */
export function inRange(events: readonly EncodedEvent[], range: EventRange): EncodedEvent[] {
  const { after, before = Infinity, limit, descending, visibleOnly } = range
  const found = events.filter(
    ({ offset, type }) => offset > after && offset < before && !(visibleOnly && type.startsWith('stream/')),
  )
  return (descending ? found.toReversed() : found).slice(0, limit)
}
