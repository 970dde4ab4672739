import { ItxError } from '../streams/errors.ts'
import { type ChangeEvent, type StateEvent, type StateMessage, isPoison, readMessage } from './messages.ts'

type Rows = Map<string, Map<string, unknown>>

export interface MaterializedStateOptions {
  /**
   * Told of each message that was skipped because it is none, when the rest of its batch was applied. Without it such a
   * message is thrown.
   */
  readonly onError?: (error: ItxError) => void
}

/**
 * Rows by type and key, as the messages of a stream say: kept in memory, no database needed.
 *
 * Between `snapshot-start` and `snapshot-end` rows gather aside, and what was there stays visible; the end replaces
 * everything at once. A start without an end begins the snapshot anew, an end without a start does nothing. `reset` drops
 * everything, an unfinished snapshot included. Values are kept as they came, and are the caller's.
 */
export class MaterializedState {
  readonly #onError: ((error: ItxError) => void) | undefined
  #rows: Rows = new Map()
  /** What an unfinished snapshot has brought. */
  #snapshot: Rows | undefined
  #skipped = 0

  constructor({ onError }: MaterializedStateOptions = {}) {
    this.#onError = onError
  }

  /** As `applyBatch` of one. */
  apply(event: StateEvent): void {
    this.applyBatch([event])
  }

  /**
   * Applies messages in order. Anything may be passed: what is no message is skipped, counted and reported.
   *
   * @throws ItxError BAD_REQUEST with the reason `poison`, when there is no `onError`; nothing was applied then
   */
  applyBatch(events: readonly StateEvent[]): void {
    const messages: StateMessage[] = []
    const errors: ItxError[] = []
    for (const [index, event] of events.entries()) {
      const message = readMessage(event)
      if (isPoison(message)) errors.push(poisonError(message.poison, index))
      else messages.push(message)
    }
    const [first] = errors
    if (first !== undefined && this.#onError === undefined) throw first
    for (const message of messages) this.#apply(message)
    this.#skipped += errors.length
    for (const error of errors) this.#onError?.(error)
  }

  get<T = unknown>(type: string, key: string): T | undefined {
    return this.#rows.get(type)?.get(key) as T | undefined
  }

  /** The rows of a type by key: a copy, which later messages do not change. */
  getType(type: string): Map<string, unknown> {
    return new Map(this.#rows.get(type))
  }

  /** Forgets all rows, those of an unfinished snapshot too. */
  clear(): void {
    this.#rows = new Map()
    this.#snapshot = undefined
  }

  /** How many types have rows. */
  get typeCount(): number {
    return this.#rows.size
  }

  /** The types that have rows. */
  get types(): string[] {
    return [...this.#rows.keys()]
  }

  /** How many messages were skipped. */
  get skipped(): number {
    return this.#skipped
  }

  #apply(message: StateMessage): void {
    if (!('control' in message.headers)) {
      applyChange(this.#snapshot ?? this.#rows, message as ChangeEvent)
      return
    }
    switch (message.headers.control) {
      case 'reset':
        this.clear()
        break
      case 'snapshot-start':
        this.#snapshot = new Map()
        break
      case 'snapshot-end':
        this.#rows = this.#snapshot ?? this.#rows
        this.#snapshot = undefined
        break
    }
  }
}

/** A type is there while it has rows. */
function applyChange(rows: Rows, { type, key, value, headers }: ChangeEvent): void {
  const ofType = rows.get(type)
  if (headers.operation !== 'delete') {
    if (ofType === undefined) rows.set(type, new Map([[key, value]]))
    else ofType.set(key, value)
  } else if (ofType?.delete(key) && ofType.size === 0) {
    rows.delete(type)
  }
}

function poisonError(poison: string, index: number): ItxError {
  return new ItxError('BAD_REQUEST', `message ${index + 1} of the batch: ${poison}`, { reason: 'poison', index })
}
