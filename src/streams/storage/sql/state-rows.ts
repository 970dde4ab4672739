import { CORE_STATE_VERSION, type CoreState } from '../../core/state.ts'
import { type StreamPath, parentPath, pathName } from '../../path.ts'
import type { StoredStream } from '../port.ts'
import {
  CATALOGUE_COLUMNS,
  CHANGING_COLUMNS,
  catalogueValues,
  changingValues,
  checkedCatalogueRow,
  corruptStream,
} from './catalogue-columns.ts'
import { holdsBytes, stateChecksum } from './checksum.ts'
import type { Sql, SqlCommand, SqlQuery, SqlRow, SqlValue } from './sql.ts'

const STATE_COLUMNS = ['state', 'state_version', 'base_state', 'checksum'] as const

/** The `streams` table as the actors use it: one row per stream, its core state beside the catalogue's columns. */
export class StateRows {
  readonly #load: SqlQuery
  readonly #atPlace: SqlQuery
  readonly #insert: SqlQuery
  readonly #save: SqlCommand

  constructor(sql: Sql) {
    const inserted = [...CATALOGUE_COLUMNS, ...STATE_COLUMNS]
    const saved = [...CHANGING_COLUMNS, ...STATE_COLUMNS]
    this.#load = sql.query(
      `select id, ${STATE_COLUMNS.join(', ')}, ${CATALOGUE_COLUMNS.join(', ')} from streams where path = ?`,
    )
    this.#atPlace = sql.query('select 1 from streams where parent is ? and name = ?')
    this.#insert = sql.query(
      `insert into streams (${inserted.join(', ')}) values (${inserted.map(() => '?').join(', ')}) returning id`,
    )
    this.#save = sql.command(`update streams set ${saved.map((column) => `${column} = ?`).join(', ')} where id = ?`)
  }

  /** @throws {ItxError} INTERNAL when a checksum does not match, or when the row is there under another path. */
  load(path: StreamPath): StoredStream | null {
    const row = this.#load.get(path) as SqlRow | undefined
    if (!row) return this.#absent(path)
    const [id, state, stateVersion, baseState, checksum, ...catalogue] = row as [
      number,
      string,
      number,
      string | null,
      number,
      ...SqlValue[],
    ]
    if (stateChecksum(path, stateVersion, state, baseState) !== checksum || holdsBytes(row)) {
      throw corruptStream(path, `the stored state of ${path} does not match its checksum`)
    }
    checkedCatalogueRow(catalogue)
    return {
      id,
      state: JSON.parse(state) as CoreState,
      stateVersion,
      baseState: baseState === null ? null : (JSON.parse(baseState) as CoreState),
    }
  }

  insert(state: CoreState, base: CoreState | null): number {
    const row = this.#insert.get(...catalogueValues(state), ...stateValues(state, base)) as [number]
    // A damaged file may hand out numbers that JavaScript rounds: two streams would share one.
    if (!Number.isSafeInteger(row[0])) throw corruptStream(state.path, 'the file has no sound number for a new stream')
    return row[0]
  }

  save(id: number, state: CoreState, base: CoreState | null): void {
    this.#save.run(...changingValues(state), ...stateValues(state, base), id)
  }

  /** A path with a flipped bit is not found any more. Taken for absent, the stream would begin anew beside its log. */
  #absent(path: StreamPath): null {
    if (this.#atPlace.get(parentPath(path), pathName(path)) === undefined) return null
    throw corruptStream(path, `the row of ${path} is in its place, but its path is another`)
  }
}

function stateValues(state: CoreState, base: CoreState | null): SqlValue[] {
  const json = JSON.stringify(state)
  const baseJson = base === null ? null : JSON.stringify(base)
  return [json, CORE_STATE_VERSION, baseJson, stateChecksum(state.path, CORE_STATE_VERSION, json, baseJson)]
}
