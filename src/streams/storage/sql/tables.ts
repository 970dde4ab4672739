import type { StreamPath } from '../../path.ts'
import type { CommittedReader, StreamRef, WorkingReader, WriteTransaction } from '../port.ts'
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
  const garbage = new DiscardedLogs(sql)
  const refOf = sql.query('select path, incarnation from streams where id = ?')
  const nameOf = pathById(sql)
  return {
    loadStream: guarded((path) => rows.load(path), itself),
    // The event that has the key already is held against its checksum, as any that is read.
    findKey: guarded((id: number, key: string) => {
      const [path, incarnationId] = refOf.get(id) as [StreamPath, string]
      return events.byKey({ id, path, incarnationId }, key)
    }, nameOf),
    lastOffset: guarded(events.lastOffset.bind(events), nameOf),
    readEvents: guarded(events.page.bind(events), pathOf),
    findSnapshot: guarded(snapshots.find.bind(snapshots), pathOf),
    snapshotOffsets: guarded(snapshots.offsets.bind(snapshots)),
    hasGarbage: guarded(() => garbage.any()),
  }
}

export function committedReader(sql: Sql): CommittedReader {
  const rows = new StateRows(sql)
  const events = new EventReader(sql)
  const catalogue = new CatalogueReader(sql)
  return {
    loadStream: guarded((path) => rows.load(path), itself),
    lastOffset: guarded(events.lastOffset.bind(events), pathById(sql)),
    readEvents: guarded(events.page.bind(events), pathOf),
    findEvent: guarded(events.byKey.bind(events), pathOf),
    children: guarded(catalogue.children.bind(catalogue), itself),
    countChildren: guarded(catalogue.countChildren.bind(catalogue), itself),
    countBelow: guarded(catalogue.countBelow.bind(catalogue), itself),
    listProcessed: guarded(catalogue.processed.bind(catalogue)),
    list: guarded(catalogue.list.bind(catalogue), itself),
  }
}

const itself = (path: StreamPath): StreamPath => path
const pathOf = ({ path }: StreamRef): StreamPath => path

/** The path of a stream's number, for an error that is about to name it. */
function pathById(sql: Sql): (id: number) => StreamPath | undefined {
  const find = sql.query('select path from streams where id = ?')
  return (id) => {
    try {
      return (find.get(id) as [StreamPath] | undefined)?.[0]
    } catch {
      // Damaged there as well: the error goes without a name.
      return undefined
    }
  }
}

/** A read whose failures are coded errors; a damaged file names the stream that was being read. */
function guarded<A extends unknown[], R>(
  read: (...args: A) => R,
  streamOf: (subject: A[0]) => StreamPath | undefined = () => undefined,
): (...args: A) => R {
  return (...args) => {
    try {
      return read(...args)
    } catch (error) {
      const path = streamOf(args[0])
      throw storageError(error, path === undefined ? {} : { path })
    }
  }
}
