import { ItxError } from '../streams/errors.ts'
import { CallerCode, asError } from './caller-code.ts'
import { type Checked, checkMessages, isUnusable } from './checked-messages.ts'
import type { CollectionShape } from './collection-sync.ts'
import { Contents } from './contents.ts'
import {
  type DatabaseOptions,
  type StreamDBSnapshot,
  type StreamDBStatus,
  checkSnapshot,
  seenByHooks,
} from './database-options.ts'
import type { ChangeEvent, StateMessage } from './messages.ts'
import type { SourceBatch, SourcePlace, SourceReading, StreamSource } from './source.ts'

/**
 * A stream as live collections: reads a source, and makes visible what it says. A reading that was ended has no effect any
 * more, whatever of it is still under way.
 *
 * Until the stream is up to date, what was read becomes visible at once and then each time when as much again was read:
 * soon, and yet at a cost that does not grow with the number of pieces.
 */
export class Database {
  readonly #source: StreamSource
  readonly #options: DatabaseOptions
  readonly #schemas: ReadonlyMap<string, CollectionShape['schema']>
  readonly #contents: Contents
  readonly #caller: CallerCode
  readonly #listeners = new Set<() => void>()
  #status: StreamDBStatus = 'idle'
  #error: Error | undefined
  /** Stands for the reading under way; what belongs to another is void. */
  #session: symbol | null = null
  #reading: SourceReading | null = null
  #ending: Promise<unknown> | null = null
  #releasing: Promise<unknown> | null = null
  #preloading: PromiseWithResolvers<void> | null = null
  #loaded = false
  /** Since this reading began, and how many of them were visible when it was shown last. */
  #messages = 0
  #shown = 0
  #skipped = 0

  /** @throws BAD_REQUEST when `from` names a collection that the state does not */
  constructor(source: StreamSource, state: Readonly<Record<string, CollectionShape>>, options: DatabaseOptions) {
    this.#source = source
    this.#options = options
    this.#schemas = new Map(Object.values(state).map(({ type, schema }) => [type, schema]))
    this.#caller = new CallerCode(options, (error) => {
      if (this.#session !== null) this.#stop(error)
    })
    const { maxTransactionMessages, from } = options
    checkSnapshot(from, state)
    const guard = (step: () => void) => this.#caller.guard('subscriber', step, this.offset)
    this.#contents = new Contents({ id: source.id, state, from, maxTransactionMessages, guard })
  }

  get collections() {
    return this.#contents.set.collections
  }

  get status(): StreamDBStatus {
    return this.#status
  }

  get error(): Error | undefined {
    return this.#error
  }

  get place(): SourcePlace | undefined {
    return this.#contents.place
  }

  get offset(): string {
    return this.place?.offset ?? '-1'
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
      this.#loaded = false
      this.#releasing = this.#contents.release()
    }
    await Promise.all([this.#ending, this.#releasing])
  }

  /** What is here, to begin with another time; null before anything of the stream is. */
  snapshot(): StreamDBSnapshot | null {
    return this.#status === 'stopped' ? null : this.#contents.snapshot()
  }

  /**
   * Resolves when the transaction is visible, all of it, in all collections.
   *
   * @throws UNAVAILABLE, `timeout` after `timeout` milliseconds; at once when nothing will be read any more
   */
  async awaitTxId(txid: string, timeout: number): Promise<void> {
    if (!this.#contents.waits.has(txid)) {
      if (this.#status === 'stopped') throw closed()
      if (this.#status === 'closed') throw ended()
      if (this.#error !== undefined) throw this.#error
    }
    await this.#contents.waits.wait(txid, timeout)
  }

  #open(): void {
    const session = Symbol('reading')
    this.#session = session
    this.#loaded = false
    this.#messages = 0
    this.#shown = 0
    this.#become('connecting')
    const before = [this.#ending, this.#releasing].filter((one) => one !== null)
    if (before.length === 0) this.#begin(session)
    else void Promise.allSettled(before).then(() => this.#begin(session))
  }

  #begin(session: symbol): void {
    if (session !== this.#session) return
    try {
      this.#contents.set.start()
      this.#contents.begin()
      const { live } = this.#options
      const { place } = this
      const reading = this.#source.open(place === undefined ? { live } : { live, from: place }, {
        batch: (batch) => this.#batch(session, batch),
        restarted: () => this.#restarted(session),
        connected: (is) => this.#connected(session, is),
        failed: (error) => this.#failed(session, error),
      })
      // It may have failed before it was open.
      if (session === this.#session) this.#reading = reading
      else this.#ending = settled(reading.close())
    } catch (error) {
      this.#failed(session, asError(error))
    }
  }

  #connected(session: symbol, is: boolean): void {
    if (session !== this.#session) return
    if (!is) this.#show()
    if (session === this.#session) this.#become(is ? (this.#loaded ? 'live' : 'loading') : 'offline')
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
    for (const [at, one] of checked.entries()) {
      if (isUnusable(one)) {
        this.#skipped++
        this.#caller.report({ kind: one.kind, message: one.reason, offset, value: one.value })
      } else {
        messages.push(one)
        if ('operation' in one.headers) this.#caller.call('onEvent', batch.messages[at] as ChangeEvent, offset)
      }
      // The caller may have closed, or said stop, in any of its hooks.
      if (session !== this.#session) return
    }
    this.#messages += batch.messages.length
    const upToDate = batch.upToDate || batch.closed
    const overflowed = this.#contents.take(messages, batch.messages.length, upToDate, batch.place)
    if (upToDate || this.#loaded || overflowed || this.#messages >= 2 * this.#shown) this.#show()
    if (session !== this.#session) return
    if (overflowed) {
      const message = 'a transaction has more messages than may be kept back, and is shown in part'
      this.#caller.report({ kind: 'transaction', message, offset })
    }
    if (session === this.#session) this.#caller.call('onBatch', seenByHooks(batch), offset)
    if (session === this.#session) this.#arrive(batch, upToDate)
  }

  #show(): void {
    this.#shown = this.#messages
    this.#contents.show()
  }

  #arrive(batch: SourceBatch, upToDate: boolean): void {
    const session = this.#session
    const { offset } = batch.place
    if (!this.#loaded) {
      this.#caller.call('onProgress', { messages: this.#messages, rows: this.#contents.size, offset, upToDate }, offset)
      if (session !== this.#session) return
    }
    if (!upToDate) return
    if (!this.#loaded) {
      this.#loaded = true
      this.#caller.guard('subscriber', () => this.#contents.set.markReady(), offset)
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
    this.#loaded = false
    this.#shown = this.#messages = 0
    this.#contents.restart()
    if (session === this.#session) this.#become('loading')
  }

  #failed(session: symbol, error: Error): void {
    if (session === this.#session) this.#show()
    if (session !== this.#session) return
    this.#caller.report({ kind: 'source', message: error.message, offset: this.offset, cause: error })
    if (session === this.#session) this.#stop(error)
  }

  #stop(error: Error): void {
    this.#loaded = false
    this.#end('error', error, error)
    this.#contents.set.markError(error)
  }

  /** The end of a reading; those who wait are refused when there is a reason. */
  #end(status: StreamDBStatus, error?: Error, refusal?: Error): void {
    this.#session = null
    const reading = this.#reading
    this.#reading = null
    if (reading !== null) this.#ending = settled(reading.close())
    this.#contents.abandon()
    if (refusal !== undefined) {
      this.#preloading?.reject(refusal)
      this.#preloading = null
      this.#contents.waits.reject(refusal)
    }
    this.#become(status, error)
  }

  #become(status: StreamDBStatus, error?: Error): void {
    if (this.#status === status && this.#error === error) return
    this.#status = status
    this.#error = error
    for (const listener of this.#listeners) this.#caller.guard('hook', listener, this.offset)
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
