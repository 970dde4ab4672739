import { ItxError } from '../../errors.ts'
import type {
  CommittedReader,
  GroupParticipant,
  NotAsync,
  StreamStorage,
  WorkingReader,
  WriteTransaction,
} from '../port.ts'
import { prepareSchema } from '../sql/schema.ts'
import { storageError } from '../sql/storage-error.ts'
import { committedReader, workingReader, writeTransaction } from '../sql/tables.ts'
import { type ObjectStorage, objectSql } from './object-sql.ts'

/** Transactions that have ended in this turn, and who is to be told. */
interface Ended {
  readonly participants: Set<GroupParticipant>
  readonly synced: PromiseWithResolvers<void>
}

/**
 * One project's streams in the database of a Durable Object.
 *
 * A group cannot be held open here, so every `transactionSync` is a group of its own: its states are flushed before it
 * ends. Participants hear `committed` as soon as the code that wrote has run to its next await, `durable` resolves when
 * the platform has synced. In between the platform's output gate holds whatever would leave the object, so nobody
 * outside sees what could still be lost. (decision 015)
 *
 * Invariant: while `#ended` is set, its participants have not been told, and a microtask that will is under way.
 */
export class DurableObjectStorage implements StreamStorage {
  readonly working: WorkingReader
  readonly committed: CommittedReader
  readonly #object: ObjectStorage
  readonly #tx: WriteTransaction
  #ended: Ended | null = null
  /** The last sync, while it is under way. */
  #syncing: Promise<void> | null = null
  /** Why nothing is written any more. */
  #refusal: ItxError | null = null

  /** @throws {ItxError} INTERNAL when the tables are of another version or damaged. */
  constructor(object: ObjectStorage) {
    this.#object = object
    const sql = objectSql(object)
    try {
      object.transactionSync(() => prepareSchema(sql, 'the object'))
      this.working = workingReader(sql)
      this.committed = committedReader(sql)
      this.#tx = writeTransaction(sql)
    } catch (error) {
      throw storageError(error)
    }
  }

  transactionSync<T>(participant: GroupParticipant, write: (tx: WriteTransaction) => NotAsync<T>): T {
    if (this.#refusal) throw this.#refusal
    let result: T
    try {
      result = this.#object.transactionSync(() => {
        const written = write(this.#tx) as T
        participant.flush(this.#tx)
        return written
      })
    } catch (cause) {
      const error = storageError(cause)
      participant.rolledBack(error)
      throw error
    }
    this.#end(participant)
    return result
  }

  durable(): Promise<void> {
    return this.#ended?.synced.promise ?? this.#syncing ?? Promise.resolve()
  }

  close(): void {
    this.#settle()
    this.#refusal ??= new ItxError('UNAVAILABLE', 'the storage is closed', { reason: 'shutting-down' })
  }

  #end(participant: GroupParticipant): void {
    if (!this.#ended) {
      const synced = Promise.withResolvers<void>()
      // Whoever appends awaits it; a transaction nobody waits for must not end the object.
      synced.promise.catch(() => {})
      this.#ended = { participants: new Set(), synced }
      // Not at once: who wrote is still noting down what becomes of it.
      queueMicrotask(() => this.#settle())
    }
    this.#ended.participants.add(participant)
  }

  #settle(): void {
    const ended = this.#ended
    if (!ended) return
    this.#ended = null
    for (const participant of ended.participants) participant.committed()
    const syncing = this.#object.sync().then(ended.synced.resolve, (cause: unknown) => {
      // What memory took for stored may be lost. The platform starts the object anew; until then nothing is added.
      this.#refusal ??= storageError(cause)
      ended.synced.reject(this.#refusal)
    })
    this.#syncing = ended.synced.promise
    void syncing.then(() => {
      if (this.#syncing === ended.synced.promise) this.#syncing = null
    })
  }
}
