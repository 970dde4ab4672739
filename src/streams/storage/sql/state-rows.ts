import { CORE_STATE_VERSION, type CoreState } from '../../core/state.ts'
import { ItxError } from '../../errors.ts'
import { type StreamPath, parentPath, pathName } from '../../path.ts'
import type { StoredStream } from '../port.ts'
import { stateChecksum } from './checksum.ts'
import type { Sql, SqlCommand, SqlQuery, SqlValue } from './sql.ts'

const COLUMNS = [
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
  'state',
  'state_version',
  'base_state',
  'checksum',
] as const

/** The `streams` table as the actors use it: one row per stream, its core state beside the catalogue's columns. */
export class StateRows {
  readonly #load: SqlQuery
  readonly #insert: SqlQuery
  readonly #save: SqlCommand

  constructor(sql: Sql) {
    this.#load = sql.query('select id, state, state_version, base_state, checksum from streams where path = ?')
    this.#insert = sql.query(
      `insert into streams (path, parent, name, ${COLUMNS.join(', ')})
       values (?, ?, ?, ${COLUMNS.map(() => '?').join(', ')}) returning id`,
    )
    this.#save = sql.command(`update streams set ${COLUMNS.map((column) => `${column} = ?`).join(', ')} where id = ?`)
  }

  /** @throws {ItxError} INTERNAL when the checksum does not match. */
  load(path: StreamPath): StoredStream | null {
    const row = this.#load.get(path) as [number, string, number, string | null, number] | undefined
    if (!row) return null
    const [id, state, stateVersion, baseState, checksum] = row
    if (stateChecksum(path, stateVersion, state, baseState) !== checksum) {
      throw new ItxError('INTERNAL', `the stored state of ${path} does not match its checksum`, {
        reason: 'corrupt',
        path,
      })
    }
    return {
      id,
      state: JSON.parse(state) as CoreState,
      stateVersion,
      baseState: baseState === null ? null : (JSON.parse(baseState) as CoreState),
    }
  }

  insert(state: CoreState, base: CoreState | null): number {
    const { path } = state
    const row = this.#insert.get(path, parentPath(path), pathName(path), ...this.#values(state, base)) as [number]
    return row[0]
  }

  save(id: number, state: CoreState, base: CoreState | null): void {
    this.#save.run(...this.#values(state, base), id)
  }

  #values(state: CoreState, base: CoreState | null): SqlValue[] {
    const json = JSON.stringify(state)
    const baseJson = base === null ? null : JSON.stringify(base)
    return [
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
      json,
      CORE_STATE_VERSION,
      baseJson,
      stateChecksum(state.path, CORE_STATE_VERSION, json, baseJson),
    ]
  }
}
