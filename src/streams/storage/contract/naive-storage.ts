import type { CoreState } from '../../core/state.ts'
import type { EncodedEvent } from '../../event.ts'
import { isBelow, parentPath, pathName } from '../../path.ts'
import type { CataloguePage, CatalogueRow, EventRange, Snapshot, StreamRef } from '../port.ts'

export interface NaiveStream {
  readonly ref: StreamRef
  state: CoreState
  base: CoreState | null
  events: EncodedEvent[]
  snapshots: { readonly processor: string; readonly snapshot: Snapshot }[]
}

/**
 * The port's answers without its mechanisms: one list of streams, and for every question a look at all of it. So plain
 * that it can be seen to be right; what the contract's random histories are held against.
 */
export class NaiveStorage {
  streams: NaiveStream[] = []
  /** Whether logs are discarded: nobody but the storage knows when the last of their rows is gone. */
  garbage: 'none' | 'some' | 'unknown' = 'none'

  copy(): NaiveStorage {
    const copy = new NaiveStorage()
    copy.streams = this.streams.map((stream) => ({
      ...stream,
      events: [...stream.events],
      snapshots: [...stream.snapshots],
    }))
    copy.garbage = this.garbage
    return copy
  }

  find(path: string): NaiveStream | undefined {
    return this.streams.find((stream) => stream.ref.path === path)
  }

  remove(path: string, below: boolean): void {
    const left = this.streams.filter(
      ({ ref }) => ref.path !== path && !(below && isBelow(ref.path, path as typeof ref.path)),
    )
    if (left.length < this.streams.length) this.garbage = 'some'
    this.streams = left
  }

  children(parent: string, { after = '', skip = 0, limit, match = '' }: CataloguePage): CatalogueRow[] {
    return this.#rows(({ path, name }) => parentPath(path) === parent && name > after && has(name, match)).slice(
      skip,
      skip + limit,
    )
  }

  list(prefix: string, { after = '', limit, match = '' }: CataloguePage): CatalogueRow[] {
    const inside = (path: string) =>
      path === prefix || isBelow(path as CatalogueRow['path'], prefix as CatalogueRow['path'])
    return this.#rows(({ path }) => inside(path) && path > after && has(path, match)).slice(0, limit)
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
function has(text: string, match: string): boolean {
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
