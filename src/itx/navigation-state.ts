import type { CatalogueRow } from './handle.ts'
import type { StreamPath } from '../streams/path.ts'

/**
 * What tree, breadcrumbs, index and detail pages need to know of a stream: one entry of the cache for all of them.
 *
 * Read leniently. A tab lives longer than the server it was loaded from: what another version adds is left out, what it
 * lacks is filled with what is true of nothing. A tree must not break for a field that it could do without.
 */
export interface NavigationState extends Omit<CatalogueRow, 'name' | 'incarnationId' | 'contentType'> {
  readonly exists: boolean
  /** The first page of children, by name. */
  readonly children: readonly CatalogueRow[]
  readonly nextAfter: string | null
}

/** The part of a stream's state that navigation uses. @param asked the path that it was asked of */
export function navigationOf(state: unknown, asked: string): Omit<NavigationState, 'children' | 'nextAfter'> {
  const row = catalogueRow(state, asked)
  const { name: _name, incarnationId: _incarnationId, contentType: _contentType, ...rest } = row
  const { exists } = fields(state)
  // A server that does not say so has told of one that is there.
  return { ...rest, exists: typeof exists === 'boolean' ? exists : rest.eventCount > 0 }
}

/** A page of children; rows without a path are nothing that could be shown or opened. */
export function childrenOf(page: unknown): Pick<NavigationState, 'children' | 'nextAfter'> {
  const { children, nextAfter } = fields(page)
  return {
    children: catalogueRowsOf(children),
    nextAfter: typeof nextAfter === 'string' && nextAfter !== '' ? nextAfter : null,
  }
}

/** The rows of a list that have a path. */
export function catalogueRowsOf(value: unknown): CatalogueRow[] {
  return listOf(value).flatMap((row) => {
    const { path } = fields(row)
    return typeof path === 'string' && path.startsWith('/') ? [catalogueRow(row, path)] : []
  })
}

function catalogueRow(value: unknown, asked: string): CatalogueRow {
  const row = fields(value)
  const path = text(row['path']) ?? asked
  const createdAt = text(row['createdAt']) ?? ''
  return {
    path: path as StreamPath,
    name: text(row['name']) ?? path.slice(path.lastIndexOf('/') + 1),
    incarnationId: text(row['incarnationId']) ?? '',
    contentType: text(row['contentType']) ?? '',
    eventCount: count(row['eventCount']),
    maxOffset: count(row['maxOffset']),
    createdAt,
    lastEventAt: text(row['lastEventAt']) ?? createdAt,
    paused: row['paused'] === true,
    closed: row['closed'] === true,
    childCount: count(row['childCount']),
    descendantCount: count(row['descendantCount']),
  }
}

export function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** A count that is none is nothing counted. */
export function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0
}
