import { ItxError } from '../../errors.ts'
import type { Snapshot, StreamRef } from '../port.ts'
import { holdsBytes, snapshotChecksum } from './checksum.ts'
import type { Sql, SqlCommand, SqlQuery } from './sql.ts'

type Row = [
  offset: number,
  version: string,
  state: string,
  effectsAfter: number,
  parked: string | null,
  checksum: number,
]

/** The `snapshots` table: what each processor has made of a stream, at some of its offsets. */
export class SnapshotRows {
  readonly #find: SqlQuery
  readonly #offsets: SqlQuery
  readonly #save: SqlCommand
  readonly #delete: SqlCommand

  constructor(sql: Sql) {
    this.#find = sql.query(
      `select offset, version, state, effects_after, parked, checksum from snapshots
       where stream_id = ? and processor = ? and offset <= ? order by offset desc limit 1`,
    )
    this.#offsets = sql.query('select offset from snapshots where stream_id = ? and processor = ? order by offset')
    this.#save = sql.command(
      `insert or replace into snapshots
         (stream_id, processor, offset, incarnation, version, state, effects_after, parked, checksum)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#delete = sql.command('delete from snapshots where stream_id = ? and processor = ? and offset between ? and ?')
  }

  /** @throws {ItxError} INTERNAL when the checksum does not match: another incarnation's row does not either. */
  find(stream: StreamRef, processor: string, atMost: number): Snapshot | null {
    const row = this.#find.get(stream.id, processor, atMost) as Row | undefined
    if (!row) return null
    const [offset, version, state, effectsAfter, parked, checksum] = row
    const snapshot: Snapshot = { offset, version, state, effectsAfter, parked }
    if (snapshotChecksum(stream, processor, snapshot) !== checksum || holdsBytes(row)) {
      throw new ItxError(
        'INTERNAL',
        `the snapshot of ${processor} at ${stream.path} ${offset} does not match its checksum`,
        { reason: 'corrupt', path: stream.path, offset, processor },
      )
    }
    return snapshot
  }

  offsets(streamId: number, processor: string): number[] {
    return (this.#offsets.all(streamId, processor) as [number][]).map(([offset]) => offset)
  }

  save(stream: StreamRef, processor: string, snapshot: Snapshot): void {
    const { offset, version, state, effectsAfter, parked } = snapshot
    const checksum = snapshotChecksum(stream, processor, snapshot)
    this.#save.run(stream.id, processor, offset, stream.incarnationId, version, state, effectsAfter, parked, checksum)
  }

  delete(streamId: number, processor: string, from: number, to: number): void {
    this.#delete.run(streamId, processor, from, to)
  }
}
