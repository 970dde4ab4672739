import type { StreamPath } from '../../path.ts'
import type { CommittedReader, EventPage, EventRange, StreamRef, WorkingReader, WriteTransaction } from '../port.ts'
import { readStitched } from '../segments.ts'
import { CatalogueReader } from './catalogue-reader.ts'
import { DiscardedLogs } from './discarded-logs.ts'
import { EventReader } from './event-reader.ts'
import { EventWriter } from './event-writer.ts'
import { ForkRows } from './fork-rows.ts'
import { RecordRows } from './record-rows.ts'
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
  const records = new RecordRows(sql)
  const forks = new ForkRows(sql)
  return {
    insertStream: (state, base) => {
      const id = rows.insert(state, base)
      if (state.fork) forks.insert(id, state.fork)
      return id
    },
    insertEvents: (stream, events) => writer.insert(stream, events),
    saveState: (id, state, base) => rows.save(id, state, base),
    saveSnapshot: (stream, processor, snapshot) => snapshots.save(stream, processor, snapshot),
    deleteSnapshots: (id, processor, from, to) => snapshots.delete(id, processor, from, to),
    saveRecord: (id, kind, record) => records.save(id, kind, record),
    deleteRecord: (id, kind, key) => records.delete(id, kind, key),
    removeStreams: (path, below) => garbage.discard(path, below),
    collectGarbage: (limit) => garbage.collect(limit),
  }
}

export function workingReader(sql: Sql): WorkingReader {
  const rows = new StateRows(sql)
  const events = new EventReader(sql)
  const snapshots = new SnapshotRows(sql)
  const records = new RecordRows(sql)
  const forks = new ForkRows(sql)
  const garbage = new DiscardedLogs(sql)
  const nameOf = pathById(sql)
  return {
    loadStream: guarded((path) => rows.load(path), itself),
    // The event that has the key already is held against its checksum, as any that is read.
    findKey: guarded(events.byKey.bind(events), pathOf),
    lastOffset: guarded(events.lastOffset.bind(events), nameOf),
    readEvents: guarded(stitched(events), pathOf),
    findSnapshot: guarded(snapshots.find.bind(snapshots), pathOf),
    snapshotOffsets: guarded(snapshots.offsets.bind(snapshots)),
    findRecord: guarded(records.find.bind(records), nameOf),
    listRecords: guarded(records.list.bind(records), nameOf),
    isRetained: guarded((path: StreamPath) => forks.isRetained(path), itself),
    hasGarbage: guarded(() => garbage.any()),
  }
}

export function committedReader(sql: Sql): CommittedReader {
  const rows = new StateRows(sql)
  const events = new EventReader(sql)
  const catalogue = new CatalogueReader(sql)
  const records = new RecordRows(sql)
  const forks = new ForkRows(sql)
  const nameOf = pathById(sql)
  return {
    loadStream: guarded((path) => rows.load(path), itself),
    lastOffset: guarded(events.lastOffset.bind(events), nameOf),
    readEvents: guarded(stitched(events), pathOf),
    findEvent: guarded(events.byKey.bind(events), pathOf),
    children: guarded(catalogue.children.bind(catalogue), itself),
    countChildren: guarded(catalogue.countChildren.bind(catalogue), itself),
    countBelow: guarded(catalogue.countBelow.bind(catalogue), itself),
    listProcessed: guarded(catalogue.processed.bind(catalogue)),
    findRecord: guarded(records.find.bind(records), nameOf),
    listRecords: guarded(records.list.bind(records), nameOf),
    isRetained: guarded((path: StreamPath) => forks.isRetained(path), itself),
    listExpired: guarded(catalogue.expired.bind(catalogue)),
    nextExpiry: guarded(catalogue.nextExpiry.bind(catalogue)),
    list: guarded(catalogue.list.bind(catalogue), itself),
    countEvents: guarded(catalogue.countEvents.bind(catalogue)),
    listRecent: guarded(catalogue.recent.bind(catalogue)),
    listPaused: guarded(catalogue.paused.bind(catalogue)),
    countPaused: guarded(catalogue.countPaused.bind(catalogue)),
    listParked: guarded(catalogue.parked.bind(catalogue)),
  }
}

const itself = (path: StreamPath): StreamPath => path
const pathOf = ({ path }: StreamRef): StreamPath => path

function stitched(events: EventReader) {
  const readLog = events.page.bind(events)
  return (stream: StreamRef, range: EventRange): EventPage => readStitched(readLog, stream, range)
}

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
