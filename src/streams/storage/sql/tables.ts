import type { StreamPath } from '../../path.ts'
import type { CommittedReader, WorkingReader, WriteTransaction } from '../port.ts'
import { CatalogueReader } from './catalogue-reader.ts'
import { DiscardedLogs } from './discarded-logs.ts'
import { EventReader } from './event-reader.ts'
import { EventWriter } from './event-writer.ts'
import { SnapshotRows } from './snapshot-rows.ts'
import type { Sql } from './sql.ts'
import { StateRows } from './state-rows.ts'
import { storageError } from './storage-error.ts'

/** The port's readers and writer over the tables; what is left to a host is the connection and its transactions. */

export function writeTransaction(sql: Sql): WriteTransaction {
  const rows = new StateRows(sql)
  const writer = new EventWriter(sql)
  const garbage = new DiscardedLogs(sql)
  const snapshots = new SnapshotRows(sql)
  return {
    insertStream: (state, base) => rows.insert(state, base),
    insertEvents: (stream, events) => writer.insert(stream, events),
    saveState: (id, state, base) => rows.save(id, state, base),
    saveSnapshot: (stream, processor, snapshot) => snapshots.save(stream, processor, snapshot),
    deleteSnapshots: (id, processor, from, to) => snapshots.delete(id, processor, from, to),
    removeStreams: (path, below) => garbage.discard(path, below),
    collectGarbage: (limit) => garbage.collect(limit),
  }
}

export function workingReader(sql: Sql): WorkingReader {
  const rows = new StateRows(sql)
  const events = new EventReader(sql)
  const snapshots = new SnapshotRows(sql)
  const anyDiscarded = sql.query('select 1 from discarded_logs limit 1')
  const findKey = sql.query('select offset, created_at from events where stream_id = ? and key = ?')
  return {
    loadStream: guarded((path: StreamPath) => rows.load(path)),
    findKey: guarded((id: number, key: string) => {
      const row = findKey.get(id, key) as [number, string] | undefined
      return row ? { offset: row[0], createdAt: row[1] } : null
    }),
    lastOffset: guarded(events.lastOffset.bind(events)),
    readEvents: guarded(events.page.bind(events)),
    findSnapshot: guarded(snapshots.find.bind(snapshots)),
    snapshotOffsets: guarded(snapshots.offsets.bind(snapshots)),
    hasGarbage: guarded(() => anyDiscarded.get() !== undefined),
  }
}

export function committedReader(sql: Sql): CommittedReader {
  const rows = new StateRows(sql)
  const events = new EventReader(sql)
  const catalogue = new CatalogueReader(sql)
  return {
    loadStream: guarded((path: StreamPath) => rows.load(path)),
    lastOffset: guarded(events.lastOffset.bind(events)),
    readEvents: guarded(events.page.bind(events)),
    findEvent: guarded(events.byKey.bind(events)),
    children: guarded(catalogue.children.bind(catalogue)),
    countChildren: guarded(catalogue.countChildren.bind(catalogue)),
    listProcessed: guarded(catalogue.processed.bind(catalogue)),
    list: guarded(catalogue.list.bind(catalogue)),
  }
}

/** A read whose failures are coded errors. */
function guarded<A extends unknown[], R>(read: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    try {
      return read(...args)
    } catch (error) {
      throw storageError(error)
    }
  }
}
