import { createStreamDB as createPublished } from '@durable-streams/state/db'
import { createStreamDB, type StreamDB } from './create-stream-db.ts'
import { state } from './database-testing.ts'
import type { SourceBatch, SourceListener, SourcePlace } from './source.ts'
import { ScriptedSource } from './source-testing.ts'

/** A listener that keeps what it is told, in order. Its next batches can be held up, or refused. */
export class Recorder implements SourceListener {
  readonly batches: SourceBatch[] = []
  /** Messages since the last life began. */
  messages: unknown[] = []
  readonly connections: boolean[] = []
  restarts = 0
  failure: Error | null = null
  /** Awaited before a batch counts as taken. */
  taking: (batch: SourceBatch) => void | Promise<void> = () => {}
  /** Batches that are being taken at this moment, and the most there ever were. */
  inside = 0
  mostInside = 0

  async batch(batch: SourceBatch): Promise<void> {
    this.mostInside = Math.max(this.mostInside, ++this.inside)
    await this.taking(batch)
    this.inside--
    this.batches.push(batch)
    // Not spread: there may be more of them than a call can have arguments.
    for (const message of batch.messages) this.messages.push(message)
  }

  restarted(): void {
    this.restarts++
    this.messages = []
  }

  connected(is: boolean): void {
    this.connections.push(is)
  }

  failed(error: Error): void {
    this.failure = error
  }

  get last(): SourceBatch | undefined {
    return this.batches.at(-1)
  }

  /** Where it has come to. */
  get place(): SourcePlace {
    if (!this.last) throw new Error('nothing was read yet')
    return this.last.place
  }

  get isUpToDate(): boolean {
    return this.last?.upToDate === true
  }
}

type Db = StreamDB<typeof state>

/** How a piece of a stream came. */
interface Piece {
  readonly upToDate?: boolean
}

/** A database over a stream that says what it is told. */
export interface Scripted {
  readonly db: Db
  /** Of the first `preload`. Never unheard when it is refused. */
  readonly loaded: Promise<'loaded' | Error>
  push(messages: readonly unknown[], piece?: Piece): Promise<void>
  /** The reading ends with an error, before its first answer or after. */
  fail(error: Error): Promise<void>
  /** Where it began to read, each time. */
  readonly openings: readonly (string | undefined)[]
}

/**
 * One of the two databases that the same is done with: ours, and the one that is published. A scenario is written once and
 * told of nothing but this, so that what comes of it differs by the database alone.
 */
export interface Contestant {
  scripted(options?: Readonly<Record<string, unknown>>): Scripted
  /** Up to date with these messages. */
  live(messages?: readonly unknown[], options?: Readonly<Record<string, unknown>>): Promise<Scripted>
  /** Over the network. Nothing is asked before its `preload`. */
  over(options: Readonly<Record<string, unknown>>): Db
}

function contestant(
  scripted: Contestant['scripted'],
  create: (options: Readonly<Record<string, unknown>>) => unknown,
): Contestant {
  return {
    scripted,
    live: async (messages = [], options = {}) => {
      const it = scripted(options)
      await it.push(messages)
      await it.loaded
      return it
    },
    over: (options) => create({ state, ...options }) as Db,
  }
}

function loadedOf(db: Db): Promise<'loaded' | Error> {
  return db.preload().then(
    () => 'loaded',
    (error: Error) => error,
  )
}

export const ours = contestant((options = {}) => {
  const source = new ScriptedSource()
  const db = createStreamDB({ state, source, ...options })
  return {
    db,
    loaded: loadedOf(db),
    // A reading begins a turn after it was asked for, when there was one before.
    push: (messages, piece) => nextTurn().then(() => source.push(messages, piece)),
    fail: (error) => source.fail(error),
    get openings() {
      return source.openings.map(({ from }) => from?.offset)
    },
  }
}, createStreamDB as never)

/** `@durable-streams/state` 0.3.1. It prints what it does not survive. */
export const published = contestant((options = {}) => {
  const stream = new PublishedStream()
  // Its types differ from ours in what TanStack DB adds; what is asked of it here is the same.
  const db = createPublished({ stream, state, ...options } as never) as unknown as Db
  return {
    db,
    loaded: loadedOf(db),
    push: (messages, piece) => stream.push(messages, piece),
    fail: (error) => stream.fail(error),
    openings: stream.openings,
  }
}, createPublished as never)

interface PublishedBatch {
  readonly items: readonly unknown[]
  readonly offset: string
  readonly upToDate: boolean
}

/** As much of a stream of the published client as the published database asks of one. */
class PublishedStream {
  readonly url = 'http://published.test/stream'
  readonly openings: (string | undefined)[] = []
  #listener: ((batch: PublishedBatch) => unknown) | undefined
  #offset = 0
  #answer = Promise.withResolvers<void>()
  #closed = Promise.withResolvers<void>()

  /** Answers with the first thing that is said: as a request does. */
  async stream({ signal, offset }: { signal: AbortSignal; offset?: string }) {
    this.openings.push(offset)
    await this.#answer.promise
    return {
      offset: '-1',
      closed: this.#closed.promise,
      subscribeJson: (listener: (batch: PublishedBatch) => unknown) => {
        this.#listener = listener
        // An aborted reading says nothing more.
        signal.addEventListener('abort', () => (this.#listener = undefined))
      },
    }
  }

  async push(items: readonly unknown[], { upToDate = true }: Piece = {}): Promise<void> {
    this.#answer.resolve()
    await nextTurn()
    this.#offset += items.length
    await this.#listener?.({ items, offset: String(this.#offset), upToDate })
  }

  async fail(reason: Error): Promise<void> {
    const answered = this.#listener !== undefined
    this.#listener = undefined
    if (answered) this.#closed.reject(reason)
    else {
      this.#answer.reject(reason)
      this.#answer = Promise.withResolvers()
    }
    await nextTurn()
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
