import type { CatalogueRow } from '../../itx/handle.ts'
import { CHILDREN_PAGE } from '../../itx/queries.ts'

/** What a row shows of a stream. */
export type Stream = Pick<CatalogueRow, 'path' | 'name' | 'eventCount' | 'paused' | 'childCount'> & {
  /** It does not exist yet. */
  readonly absent?: boolean
}

/** The children of a stream, as far as they are known. */
export interface Level {
  /** How many there are; null while nobody knows. */
  readonly total: number | null
  /** The pages that are loaded, of 200 each, by their number. */
  readonly pages: ReadonlyMap<number, readonly Stream[]>
  /** Why pages could not be loaded, by their number. Of the first page: nothing is known of the level. */
  readonly failed: ReadonlyMap<number, Error>
}

/** What there is to be laid out. */
export interface TreeShape {
  /** The children of an open stream. */
  level(path: string): Level
  /** The children of a stream that are open themselves. */
  opened(path: string): readonly string[]
  isOpen(path: string): boolean
  /** A stream, when something of it is known. */
  stream(path: string): Stream | null
  /** The open stream and all above it, the root first. */
  readonly course: readonly string[]
  /** The stream below which another is being made. */
  readonly draft: string | null
}

export const ROOT = '/'

/** How many children there are: by the level, or by what its stream said; pages that are there count in any case. */
export function totalOf({ total, pages }: Level, stream: Stream | null): number | null {
  const said = total ?? stream?.childCount ?? null
  let loaded = 0
  for (const [page, { length }] of pages) loaded = Math.max(loaded, length > 0 ? page * CHILDREN_PAGE + length : 0)
  return said === null && pages.size === 0 ? null : Math.max(said ?? 0, loaded)
}

export function streamAt({ pages }: Level, place: number): Stream | null {
  return pages.get(Math.floor(place / CHILDREN_PAGE))?.[place % CHILDREN_PAGE] ?? null
}

/** Pages are replaced, never changed: what is where in one is found out once. */
const placesInPage = new WeakMap<readonly Stream[], ReadonlyMap<string, number>>()

/** The place of a child; -1 when it is on no page that is loaded. */
export function placeOf({ pages }: Pick<Level, 'pages'>, path: string): number {
  for (const [number, page] of pages) {
    let places = placesInPage.get(page)
    if (!places) {
      places = new Map(page.map((stream, place) => [stream.path, place]))
      placesInPage.set(page, places)
    }
    const place = places.get(path)
    if (place !== undefined) return number * CHILDREN_PAGE + place
  }
  return -1
}

/** The child of a stream through which the course goes on; null when it does not. */
export function courseBelow({ course }: TreeShape, path: string): string | null {
  const at = course.indexOf(path)
  return at < 0 ? null : (course[at + 1] ?? null)
}

/** The child of `above` that is, or is above, `path`; null when that lies elsewhere. */
export function childTowards(above: string, path: string): string | null {
  const prefix = above === ROOT ? ROOT : `${above}/`
  if (!path.startsWith(prefix) || path.length === prefix.length) return null
  const end = path.indexOf('/', prefix.length)
  return end < 0 ? path : path.slice(0, end)
}

export function unknownStream(path: string): Stream {
  return {
    path: path as Stream['path'],
    name: path === ROOT ? ROOT : path.slice(path.lastIndexOf('/') + 1),
    eventCount: 0,
    paused: false,
    childCount: 0,
  }
}
