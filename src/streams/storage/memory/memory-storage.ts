import { CORE_STATE_VERSION, type CoreState } from '../../core/state.ts'
import { ItxError, itxErrorCode } from '../../errors.ts'
import type { Scheduler } from '../../scheduler.ts'
import type {
  CommittedReader,
  GroupParticipant,
  NotAsync,
  StreamStorage,
  WorkingReader,
  WriteTransaction,
} from '../port.ts'
import { sourcesOf } from '../segments.ts'
import { type StateText, type Write, decodeGroup, encodeGroup } from './group-record.ts'
import type { MemoryDisk } from './memory-disk.ts'
import { MemoryTables } from './memory-tables.ts'

interface Group {
  readonly writes: Write[]
  readonly participants: Set<GroupParticipant>
  readonly settled: PromiseWithResolvers<void>
}

/**
 * The storage port in plain memory: the model that other storages are held against, and what simulations run on.
 *
 * It keeps two sets of tables. A group's writes change the working ones at once, the committed ones when it ends; a
 * group that fails leaves the committed ones, of which the working ones are a copy again.
 */
export class MemoryStorage implements StreamStorage {
  readonly working: WorkingReader
  readonly committed: CommittedReader
  readonly #scheduler: Scheduler
  readonly #disk: MemoryDisk | null
  readonly #tx: WriteTransaction
  #workingTables: MemoryTables
  readonly #committedTables = new MemoryTables()
  /** Records of the disk that the committed tables hold. */
  #known = 0
  #open: Group | null = null
  #closed = false

  /**
   * Opens what the disk holds; without one, nothing is kept beyond this object.
   *
   * @throws {ItxError} INTERNAL when a record other than the last is damaged.
   */
  constructor(scheduler: Scheduler, disk: MemoryDisk | null = null) {
    this.#scheduler = scheduler
    this.#disk = disk
    this.#readDisk()
    this.#workingTables = this.#committedTables.copy()
    this.#tx = this.#writeTransaction()
    const working = this.#reading(() => this.#workingTables)
    this.working = {
      loadStream: working('loadStream'),
      findKey: working('findKey'),
      lastOffset: working('lastOffset'),
      readEvents: working('readEvents'),
      findSnapshot: working('findSnapshot'),
      snapshotOffsets: working('snapshotOffsets'),
      findRecord: working('findRecord'),
      listRecords: working('listRecords'),
      isRetained: working('isRetained'),
      hasGarbage: working('hasGarbage'),
    }
    const committed = this.#reading(() => this.#committedTables)
    this.committed = {
      loadStream: committed('loadStream'),
      lastOffset: committed('lastOffset'),
      readEvents: committed('readEvents'),
      findEvent: committed('findEvent'),
      children: committed('children'),
      countChildren: committed('countChildren'),
      countBelow: committed('countBelow'),
      listProcessed: committed('listProcessed'),
      findRecord: committed('findRecord'),
      listRecords: committed('listRecords'),
      isRetained: committed('isRetained'),
      listExpired: committed('listExpired'),
      nextExpiry: committed('nextExpiry'),
      list: committed('list'),
      countEvents: committed('countEvents'),
      listRecent: committed('listRecent'),
      listPaused: committed('listPaused'),
      countPaused: committed('countPaused'),
      listParked: committed('listParked'),
    }
  }

  transactionSync<T>(participant: GroupParticipant, write: (tx: WriteTransaction) => NotAsync<T>): T {
    const group = this.#open ?? this.#begin()
    group.participants.add(participant)
    try {
      return write(this.#tx) as T
    } catch (error) {
      throw this.#fail(group, error)
    }
  }

  durable(): Promise<void> {
    return this.#open?.settled.promise ?? Promise.resolve()
  }

  close(): void {
    if (this.#open) this.#end(this.#open)
    this.#closed = true
  }

  #begin(): Group {
    this.#check('begin')
    const group: Group = { writes: [], participants: new Set(), settled: Promise.withResolvers<void>() }
    // Whoever appends awaits it; a group nobody waits for must not end the process.
    group.settled.promise.catch(() => {})
    this.#open = group
    this.#scheduler.immediate(() => this.#end(group))
    return group
  }

  #end(group: Group): void {
    if (this.#open !== group) return
    try {
      for (const participant of group.participants) participant.flush(this.#tx)
      if (this.#disk) {
        this.#disk.append(encodeGroup(group.writes))
        this.#known++
      }
    } catch (error) {
      this.#fail(group, error)
      return
    }
    for (const write of group.writes) this.#committedTables.apply(write)
    this.#open = null
    for (const participant of group.participants) participant.committed()
    group.settled.resolve()
  }

  #fail(group: Group, cause: unknown): ItxError {
    const error = coded(cause)
    this.#open = null
    // The disk may have stored the group all the same.
    this.#readDisk()
    this.#workingTables = this.#committedTables.copy()
    for (const participant of group.participants) participant.rolledBack(error)
    group.settled.reject(error)
    return error
  }

  #readDisk(): void {
    const records = this.#disk?.read() ?? []
    for (; this.#known < records.length; this.#known++) {
      const writes = decodeGroup(records[this.#known] ?? '')
      if (writes) for (const write of writes) this.#committedTables.apply(write)
      else if (this.#known === records.length - 1) {
        this.#disk?.truncate(this.#known)
        return
      } else throw new ItxError('INTERNAL', `record ${this.#known} is damaged`, { reason: 'corrupt' })
    }
  }

  #writeTransaction(): WriteTransaction {
    const perform = (write: Write) => {
      this.#check('write')
      this.#workingTables.apply(write)
      this.#open?.writes.push(write)
    }
    return {
      insertStream: (state, base) => {
        const id = this.#workingTables.nextId
        const row = stateText(state, base)
        const sources = state.fork ? { sources: [...sourcesOf(state.fork)] } : {}
        perform({ kind: 'insert-stream', id, path: state.path, row, ...sources })
        return id
      },
      insertEvents: (stream, events) => perform({ kind: 'insert-events', stream, events }),
      saveState: (id, state, base) => perform({ kind: 'save-state', id, row: stateText(state, base) }),
      removeStreams: (path, below) => perform({ kind: 'remove-streams', path, below }),
      saveSnapshot: (stream, processor, snapshot) => perform({ kind: 'save-snapshot', stream, processor, snapshot }),
      deleteSnapshots: (id, processor, from, to) => perform({ kind: 'delete-snapshots', id, processor, from, to }),
      saveRecord: (id, kind, { key, value }) => perform({ kind: 'save-record', id, record: { kind, key, value } }),
      deleteRecord: (id, kind, key) => perform({ kind: 'delete-record', id, record: { kind, key } }),
      collectGarbage: (rows) => perform({ kind: 'collect-garbage', rows }),
    }
  }

  /** The reading methods of the tables, behind the disk's leave. */
  #reading(tables: () => MemoryTables) {
    return <K extends Exclude<keyof MemoryTables, 'nextId' | 'copy' | 'apply'>>(method: K): MemoryTables[K] => {
      const read = (...args: unknown[]): unknown => {
        this.#check('read')
        return (tables()[method] as (...args: unknown[]) => unknown)(...args)
      }
      return read as MemoryTables[K]
    }
  }

  #check(access: 'begin' | 'read' | 'write'): void {
    try {
      if (this.#closed) throw new Error('the storage is closed')
      this.#disk?.check(access)
    } catch (error) {
      throw coded(error)
    }
  }
}

function stateText(state: CoreState, base: CoreState | null): StateText {
  return {
    state: JSON.stringify(state),
    stateVersion: CORE_STATE_VERSION,
    baseState: base === null ? null : JSON.stringify(base),
  }
}

/** A coded error stays what it is; anything else was not foreseen. */
function coded(error: unknown): ItxError {
  if (itxErrorCode(error) !== undefined) return error as ItxError
  return new ItxError('INTERNAL', 'the storage failed in an unforeseen way', { reason: 'storage' }, { cause: error })
}
