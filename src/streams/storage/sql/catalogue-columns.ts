import type { CoreState } from '../../core/state.ts'
import { ItxError } from '../../errors.ts'
import { parentPath, pathName } from '../../path.ts'
import { expiresAt } from '../expires-at.ts'
import type { CatalogueRow } from '../port.ts'
import { catalogueChecksum, holdsBytes } from './checksum.ts'
import type { SqlRow, SqlValue } from './sql.ts'

/** Where a stream has its place in the tree: written when it is created, and never again. */
const PLACE = ['path', 'parent', 'name'] as const
/** What of a stream's state is listed without reading its state; written whenever that is. */
const FACTS = [
  'incarnation',
  'content_type',
  'first_offset',
  'max_offset',
  'last_visible_offset',
  'event_count',
  'created_at',
  'last_event_at',
  'paused',
  'closed',
  'child_count',
  'descendant_count',
  'processor_count',
  'expires_at',
] as const

/** The columns of `streams` that the catalogue lists, all under one checksum: what is listed is held against it. */
export const CATALOGUE_COLUMNS = [...PLACE, ...FACTS, 'catalogue_checksum'] as const
/** Those that change with the state. */
export const CHANGING_COLUMNS = [...FACTS, 'catalogue_checksum'] as const

/** Values of `CATALOGUE_COLUMNS`. */
export function catalogueValues(state: CoreState): SqlValue[] {
  const { path } = state
  const values = [
    path,
    parentPath(path),
    pathName(path),
    state.incarnationId,
    state.contentType,
    state.firstOffset,
    state.maxOffset,
    state.lastVisibleOffset,
    state.eventCount,
    state.createdAt,
    state.lastEventAt,
    state.paused ? 1 : 0,
    state.closed ? 1 : 0,
    state.childCount,
    state.descendantCount,
    state.processors.filter((processor) => !processor.detached).length,
    expiresAt(state),
  ]
  return [...values, catalogueChecksum(values)]
}

/** Values of `CHANGING_COLUMNS`. */
export function changingValues(state: CoreState): SqlValue[] {
  return catalogueValues(state).slice(PLACE.length)
}

/**
 * A row of `CATALOGUE_COLUMNS`, held against its checksum.
 *
 * @throws {ItxError} INTERNAL naming the stream.
 */
export function checkedCatalogueRow(row: SqlRow): CatalogueRow {
  // Instead of a time, an empty text has the checksum of none.
  if (catalogueChecksum(row.slice(0, -1)) !== row.at(-1) || holdsBytes(row) || row[16] === '') {
    throw corruptStream(String(row[0]), `the catalogue's row of ${String(row[0])} does not match its checksum`)
  }
  return {
    path: row[0] as CatalogueRow['path'],
    name: row[2] as string,
    incarnationId: row[3] as string,
    contentType: row[4] as string,
    eventCount: row[8] as number,
    maxOffset: row[6] as number,
    createdAt: row[9] as string,
    lastEventAt: row[10] as string,
    paused: row[11] === 1,
    closed: row[12] === 1,
    childCount: row[13] as number,
    descendantCount: row[14] as number,
  }
}

/** What lies on the disk of a stream is not what was written there. */
export function corruptStream(path: string, message: string): ItxError {
  return new ItxError('INTERNAL', message, { reason: 'corrupt', path })
}
