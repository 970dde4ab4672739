import { ItxError } from '../streams/errors.ts'
import { type Checked, checkMessages, isUnusable } from './checked-messages.ts'
import { type CollectionShape, CollectionSet } from './collection-sync.ts'
import {
  type DatabaseOptions,
  type StreamDBSnapshot,
  type StreamDBStatus,
  checkSnapshot,
  seenByHooks,
} from './database-options.ts'
import { CallerCode, asError } from './caller-code.ts'
import type { ChangeEvent, StateMessage } from './messages.ts'
import { RowState } from './row-changes.ts'
import type { SourceBatch, SourcePlace, SourceReading, StreamSource } from './source.ts'
import { TransactionWaits } from './transaction-waits.ts'
import { TransactionBuffer } from './transactions.ts'

/**
 * A stream as live collections: reads a source, and makes visible what it says.
 *
 * What always holds: rows, seen transactions and `place` change together, with no turn of the event loop between; `place` is
 * never ahead of what is visible, so reading on from it loses nothing (and may say again what is known, which changes
 * nothing). A reading that was ended has no effect any more, whatever of it is still under way.
 */
export class Database {
  readonly #source: StreamSource
  readonly #state: Readonly<Record<string, CollectionShape>>
  readonly #options: DatabaseOptions
  readonly #schemas: ReadonlyMap<string, CollectionShape['schema']>
  readonly #set: CollectionSet
  readonly #waits = new TransactionWaits()
  readonly #caller: CallerCode
  readonly #buffer: TransactionBuffer
  readonly #listeners = new Set<() => void>()
  #rows: RowState
  #status: StreamDBStatus = 'idle'
  #error: Error | undefined
  #place: SourcePlace | undefined
  /** Stands for the reading under way; what belongs to another is void. */
  #session: symbol | null = null
  #reading: SourceReading | null = null
  #ending: Promise<unknown> | null = null
  #releasing: Promise<unknown> | null = null
  #preloading: PromiseWithResolvers<void> | null = null
  #loaded = false
  #messages = 0
  #skipped = 0
  /** Transactions with a change of a type that is shown here. */
  readonly #ours = new Set<string>()
  /** Whole, but inside a snapshot that has not ended. */
  #unseen: string[] = []

  /** @throws BAD_REQUEST when `from` names a collection that the state does not */
  constructor(source: StreamSource, state: Readonly<Record<string, CollectionShape>>, options: DatabaseOptions) {
    this.#source = source
    this.#state = state
    this.#options = options
    this.#schemas = new Map(Object.values(state).map(({ type, schema }) => [type, schema]))
    const { maxTransactionMessages: most, from } = options
    this.#buffer = new TransactionBuffer(most === undefined ? {} : { most })
    this.#caller = new CallerCode(options, (error) => {
      if (this.#session !== null) this.#stop(error)
    })
    this.#rows = this.#noRows()
    checkSnapshot(from, state)
    this.#set = new CollectionSet(source.id, state, (type) => this.#rows.rows(type))
    this.#place = from?.place
  }

  get collections() {
    return this.#set.collections
  }

  get status(): StreamDBStatus {
    return this.#status
  }

  get error(): Error | undefined {
    return this.#error
  }

  get place(): SourcePlace | undefined {
    return this.#place
  }

  get offset(): string {
    return this.#place?.offset ?? '-1'
  }

  get skipped(): number {
    return this.#skipped
  }

  subscribeStatus(listener: () => void): () => void {
    const own = () => listener()
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  /**
   * Reads until the stream is up to date; begins to when nothing is read, after a failure or a close as well.
   *
   * @throws what made the reading fail; UNAVAILABLE, `closed`, when the database is closed meanwhile
   */
  preload(): Promise<void> {
    if (this.#loaded && (this.#session !== null || this.#status === 'closed')) return Promise.resolve()
    this.#preloading ??= Promise.withResolvers()
    const { promise } = this.#preloading
    if (this.#session === null) this.#open()
    return promise
  }

  /** Gives back all that it holds, and refuses those who wait. It can be preloaded again, and then begins anew. */
  async close(): Promise<void> {
    if (this.#status !== 'stopped') {
      this.#end('stopped', undefined, closed())
      this.#rows = this.#noRows()
      this.#place = this.#options.from?.place
      this.#loaded = false
      this.#waits.forget()
      this.#releasing = this.#set.release()
    }
    await Promise.all([this.#ending, this.#releasing])
  }

  /** What is here, to begin with another time; null before anything of the stream is. */
  snapshot(): StreamDBSnapshot | null {
    if (this.#place === undefined || this.#status === 'stopped') return null
    const rows = Object.entries(this.#state).map(([name, { type }]) => [name, [...this.#rows.rows(type)]])
    return { place: this.#place, rows: Object.fromEntries(rows) }
  }

  /**
   * Resolves when the transaction is visible, all of it, in all collections.
   *
   * @throws UNAVAILABLE, `timeout` after `timeout` milliseconds; at once when nothing will be read any more
   */
  async awaitTxId(txid: string, timeout: number): Promise<void> {
    if (!this.#waits.has(txid)) {
      if (this.#status === 'stopped') throw closed()
      if (this.#status === 'closed') throw ended()
      if (this.#error !== undefined) throw this.#error
    }
    await this.#waits.wait(txid, timeout)
  }

  #open(): void {
    const session = Symbol('reading')
    this.#session = session
    this.#loaded = false
    this.#messages = 0
    this.#become('connecting')
    const before = [this.#ending, this.#releasing].filter((one) => one !== null)
    if (before.length === 0) this.#begin(session)
    else void Promise.allSettled(before).then(() => this.#begin(session))
  }

  #begin(session: symbol): void {
    if (session !== this.#session) return
    try {
      this.#set.start()
      this.#restore()
      const { live } = this.#options
      const reading = this.#source.open(this.#place === undefined ? { live } : { live, from: this.#place }, {
        batch: (batch) => this.#batch(session, batch),
        restarted: () => this.#restarted(session),
        connected: (is) => {
          if (session === this.#session) this.#become(is ? (this.#loaded ? 'live' : 'loading') : 'offline')
        },
        failed: (error) => this.#failed(session, error),
      })
      // It may have failed before it was open.
      if (session === this.#session) this.#reading = reading
      else this.#ending = settled(reading.close())
    } catch (error) {
      this.#failed(session, asError(error))
    }
  }

  /** The rows that the caller kept, when there are no newer ones. */
  #restore(): void {
    const { from } = this.#options
    if (from === undefined || this.#place !== from.place || this.#rows.size > 0) return
    for (const [name, rows] of Object.entries(from.rows)) {
      const type = this.#state[name]?.type
      if (type !== undefined) for (const [key, row] of rows) this.#rows.put(type, key, row)
    }
    this.#show(from.place)
  }

  #batch(session: symbol, batch: SourceBatch): void | Promise<void> {
    if (session !== this.#session) return
    if (!this.#loaded || this.#status === 'offline') this.#become(this.#loaded ? 'live' : 'loading')
    this.#caller.call('onBeforeBatch', seenByHooks(batch), batch.place.offset)
    const checked = checkMessages(batch.messages, this.#schemas)
    return checked instanceof Promise
      ? checked.then((it) => this.#apply(session, batch, it))
      : this.#apply(session, batch, checked)
  }

  #apply(session: symbol, batch: SourceBatch, checked: readonly Checked[]): void {
    const { offset } = batch.place
    const messages: StateMessage[] = []
    for (const one of checked) {
      // The caller may have closed, or said stop, in any of its hooks.
      if (session !== this.#session) return
      if (isUnusable(one)) {
        this.#skipped++
        this.#caller.report({ kind: one.kind, message: one.reason, offset, value: one.value })
        continue
      }
      messages.push(one.message)
      if ('operation' in one.message.headers) this.#noteChange(one.message as ChangeEvent, one.event, offset)
    }
    if (session !== this.#session) return
    this.#messages += batch.messages.length
    const upToDate = batch.upToDate || batch.closed
    this.#take(messages, upToDate, batch.place)
    if (session === this.#session) this.#caller.call('onBatch', seenByHooks(batch), offset)
    if (session === this.#session) this.#arrive(batch, upToDate)
  }

  #noteChange(message: ChangeEvent, event: unknown, offset: string): void {
    const { txid } = message.headers
    if (txid !== undefined && this.#schemas.has(message.type)) this.#ours.add(txid)
    this.#caller.call('onEvent', event as ChangeEvent, offset)
  }

  #take(messages: readonly StateMessage[], upToDate: boolean, place: SourcePlace): void {
    const { ready, whole, overflowed } = this.#buffer.take(messages, upToDate)
    for (const message of ready) this.#rows.apply(message)
    const session = this.#session
    // Nothing that waits is behind it, so reading on from here misses nothing.
    const isSafe = this.#buffer.waiting === 0 && !this.#rows.inSnapshot
    this.#show(isSafe ? place : this.#place)
    if (session !== this.#session) return
    for (const txid of whole) if (this.#ours.delete(txid)) this.#unseen.push(txid)
    if (!this.#rows.inSnapshot) for (const txid of this.#unseen.splice(0)) this.#waits.saw(txid)
    if (!overflowed) return
    const message = 'a transaction has more messages than may be kept back, and is shown in part'
    this.#caller.report({ kind: 'transaction', message, offset: place.offset })
  }

  #arrive(batch: SourceBatch, upToDate: boolean): void {
    const session = this.#session
    const { offset } = batch.place
    if (!this.#loaded) {
      this.#caller.call('onProgress', { messages: this.#messages, rows: this.#rows.size, offset, upToDate }, offset)
      if (session !== this.#session) return
    }
    if (!upToDate) return
    if (!this.#loaded) {
      this.#loaded = true
      this.#caller.guard('subscriber', () => this.#set.markReady(), offset)
      if (session !== this.#session) return
      this.#preloading?.resolve()
      this.#preloading = null
    }
    if (batch.closed) this.#end('closed', undefined, ended())
    else if (!this.#options.live) this.#end('idle')
    else this.#become('live')
  }

  #restarted(session: symbol): void {
    if (session !== this.#session) return
    this.#buffer.clear()
    this.#rows.abandon()
    this.#rows.reset()
    this.#waits.forget()
    this.#ours.clear()
    this.#unseen = []
    this.#loaded = false
    this.#show(undefined)
    if (session === this.#session) this.#become('loading')
  }

  #failed(session: symbol, error: Error): void {
    if (session !== this.#session) return
    this.#caller.report({ kind: 'source', message: error.message, offset: this.offset, cause: error })
    if (session === this.#session) this.#stop(error)
  }

  #stop(error: Error): void {
    this.#loaded = false
    this.#end('error', error, error)
    this.#set.markError(error)
  }

  /** The end of a reading; those who wait are refused when there is a reason. */
  #end(status: StreamDBStatus, error?: Error, refusal?: Error): void {
    this.#session = null
    const reading = this.#reading
    this.#reading = null
    if (reading !== null) this.#ending = settled(reading.close())
    this.#buffer.clear()
    this.#rows.abandon()
    this.#ours.clear()
    this.#unseen = []
    if (refusal !== undefined) {
      this.#preloading?.reject(refusal)
      this.#preloading = null
      this.#waits.reject(refusal)
    }
    this.#become(status, error)
  }

  #show(place: SourcePlace | undefined): void {
    const session = this.#session
    const changes = this.#rows.take()
    if (changes.size > 0) this.#caller.guard('subscriber', () => this.#set.commit(changes), this.offset)
    if (session === this.#session) this.#place = place
  }

  #become(status: StreamDBStatus, error?: Error): void {
    if (this.#status === status && this.#error === error) return
    this.#status = status
    this.#error = error
    for (const listener of this.#listeners) this.#caller.guard('hook', listener, this.offset)
  }

  #noRows(): RowState {
    return new RowState(this.#schemas.keys())
  }
}

function closed(): ItxError {
  return new ItxError('UNAVAILABLE', 'the database was closed', { reason: 'closed' })
}

function ended(): ItxError {
  return new ItxError('UNAVAILABLE', 'the stream has ended: nothing more comes', { reason: 'ended' })
}

function settled(ending: Promise<unknown>): Promise<unknown> {
  // A source that fails to end has nothing more to say to anybody.
  return ending.catch(() => undefined)
}
