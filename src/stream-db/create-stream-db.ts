import { DurableStream, type DurableStreamOptions } from '@durable-streams/client'
import type { Collection } from '@tanstack/db'
import { ItxError } from '../streams/errors.ts'
import { type ActionDefinitions, type ActionMap, optimisticActions } from './actions.ts'
import { Database } from './database.ts'
import type { DatabaseHooks, StreamDBSnapshot, StreamDBStatus } from './database-options.ts'
import { httpSource } from './http-source.ts'
import { type ItxSourceOptions, itxSource } from './itx-source.ts'
import type { CollectionDefinition, RowOf } from './schema.ts'
import type { SourcePlace, StreamSource } from './source.ts'

/** What `createStateSchema` makes, whatever its rows are. */
export type StateOfStream = Readonly<Record<string, Pick<CollectionDefinition, 'schema' | 'type' | 'primaryKey'>>>

/** A stream of the published client, or a client of ours and a path. */
export type StreamHandle = DurableStream | ItxSourceOptions

export interface CreateStreamDBOptions<
  S extends StateOfStream = StateOfStream,
  A extends ActionDefinitions = ActionDefinitions,
> extends DatabaseHooks {
  /** Where the stream is. One of the three says where it comes from: this, `stream` or `source`. */
  readonly streamOptions?: DurableStreamOptions | undefined
  readonly stream?: StreamHandle | undefined
  readonly source?: StreamSource | undefined
  readonly state: S
  /** `false`: over when it is up to date; the next `preload` reads on. */
  readonly live?: boolean | undefined
  readonly actions?:
    | ((context: { readonly db: StreamDB<S>; readonly stream: StreamHandle | undefined }) => A)
    | undefined
  /** What `snapshot` answered another time: shown at the first `preload`, and read on from. */
  readonly from?: StreamDBSnapshot | undefined
  /** Messages of a transaction that are kept back until it is whole, at most; 100,000 when absent. */
  readonly maxTransactionMessages?: number | undefined
}

export type CollectionMap<S extends StateOfStream> = {
  readonly [K in keyof S]: Collection<RowOf<S[K]> & object, string>
}

export interface StreamDBUtils {
  /**
   * Resolves when all of a transaction is visible in all collections. Waits 5,000 ms when not told how long. Inside an
   * action it resolves when TanStack DB has it, which shows it when the action is over.
   *
   * @throws UNAVAILABLE, `timeout`; at once when the database is closed or fails, or the stream ends
   */
  readonly awaitTxId: (txid: string, timeout?: number) => Promise<void>
  /** Messages that could not be used. */
  readonly skipped: number
}

export interface StreamDB<S extends StateOfStream = StateOfStream> {
  readonly collections: CollectionMap<S>
  readonly stream: StreamHandle | undefined
  /** Where reading on loses nothing: never ahead of what is visible. `-1` at the start. */
  readonly offset: string
  /** The same with the life of the stream that it belongs to. */
  readonly place: SourcePlace | undefined
  readonly status: StreamDBStatus
  readonly error: Error | undefined
  /** Called after each change of `status` or `error`; answers what ends it. */
  readonly subscribeStatus: (listener: () => void) => () => void
  /** Connects, and resolves when the stream is up to date. Safe to call as often as one likes; after a failure it tries again. */
  readonly preload: () => Promise<void>
  /** Ends it and gives back its memory; who waits is refused. `preload` begins it anew. */
  readonly close: () => Promise<void>
  readonly snapshot: () => StreamDBSnapshot | null
  readonly utils: StreamDBUtils
}

export type StreamDBWithActions<S extends StateOfStream, A extends ActionDefinitions> = StreamDB<S> & {
  readonly actions: ActionMap<A>
}

const AWAIT_TXID_MS = 5000

/**
 * A stream as live collections. Nothing is asked of the network before `preload`.
 *
 * @throws BAD_REQUEST when no stream is given or more than one, and for a snapshot or an action that cannot be used
 */
export function createStreamDB<S extends StateOfStream>(
  options: CreateStreamDBOptions<S> & { readonly actions?: undefined },
): StreamDB<S>
export function createStreamDB<S extends StateOfStream, A extends ActionDefinitions>(
  options: CreateStreamDBOptions<S, A>,
): StreamDBWithActions<S, A>
export function createStreamDB<S extends StateOfStream>(
  options: CreateStreamDBOptions<S>,
): StreamDB<S> & { readonly actions?: unknown } {
  const { stream, source } = sourceOf(options)
  const { live = true, state } = options
  const database = new Database(source, state, { ...options, live })
  const db: StreamDB<S> = {
    collections: database.collections as unknown as CollectionMap<S>,
    stream,
    get offset() {
      return database.offset
    },
    get place() {
      return database.place
    },
    get status() {
      return database.status
    },
    get error() {
      return database.error
    },
    subscribeStatus: (listener) => database.subscribeStatus(listener),
    preload: () => database.preload(),
    close: () => database.close(),
    snapshot: () => database.snapshot(),
    utils: {
      awaitTxId: (txid, timeout = AWAIT_TXID_MS) => database.awaitTxId(txid, timeout),
      get skipped() {
        return database.skipped
      },
    },
  }
  if (options.actions === undefined) return db
  return Object.defineProperty(db, 'actions', {
    value: optimisticActions(options.actions({ db, stream })),
    enumerable: true,
  })
}

function sourceOf({
  streamOptions,
  stream,
  source,
}: Pick<CreateStreamDBOptions, 'streamOptions' | 'stream' | 'source'>): {
  readonly stream: StreamHandle | undefined
  readonly source: StreamSource
} {
  const given = [streamOptions, stream, source].filter((one) => one !== undefined).length
  if (given === 1) {
    if (source !== undefined) return { stream: undefined, source }
    if (streamOptions !== undefined) {
      return { stream: new DurableStream(streamOptions), source: httpSource({ streamOptions }) }
    }
    if (stream !== undefined) {
      return { stream, source: 'client' in stream ? itxSource(stream) : httpSource({ stream }) }
    }
  }
  const message = `${given} streams are given; exactly one of streamOptions, stream and source says where it comes from`
  throw new ItxError('BAD_REQUEST', message, { reason: 'stream', limit: 1, value: given })
}
