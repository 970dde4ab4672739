import { ItxError } from '../streams/errors.ts'
import type { CollectionShape } from './collection-sync.ts'
import type { ChangeEvent } from './messages.ts'
import type { SourceBatch, SourcePlace } from './source.ts'

/**
 * `idle`: nothing is read, `preload` reads (on). `connecting`, `loading`: on the way to being up to date. `live`: up to date.
 * `offline`: the connection broke and is being made again; what is shown may be old. `closed`: the stream has ended and all
 * of it is here. `error`: stopped for the reason in `error`; `preload` tries again. `stopped`: closed by its owner.
 */
export type StreamDBStatus = 'idle' | 'connecting' | 'loading' | 'live' | 'offline' | 'closed' | 'error' | 'stopped'

/** A piece of the stream, as hooks see it. */
export interface StreamDBBatch {
  readonly items: readonly unknown[]
  readonly offset: string
  readonly upToDate: boolean
  readonly streamClosed: boolean
}

/**
 * What went wrong. `message` and `schema`: one message cannot be used and is skipped. `hook`: a callback of the caller threw.
 * `subscriber`: somebody who was told of changes threw. `transaction`: one was too long to be kept back, and is shown in
 * part. `source`: nothing can be read any more.
 */
export interface StreamDBProblem {
  readonly kind: 'message' | 'schema' | 'hook' | 'subscriber' | 'transaction' | 'source'
  readonly message: string
  /** Of the end of the batch that it came with. */
  readonly offset: string
  /** The message that cannot be used. */
  readonly value?: unknown
  readonly cause?: unknown
}

export interface StreamDBProgress {
  /** Since this reading began. */
  readonly messages: number
  readonly rows: number
  readonly offset: string
  readonly upToDate: boolean
}

/** What a database held, and where its stream can be read on. Rows are what the schemas made of them. */
export interface StreamDBSnapshot {
  readonly place: SourcePlace
  readonly rows: Readonly<Record<string, readonly (readonly [key: string, row: object])[]>>
}

export interface DatabaseHooks {
  /** Every change that can be used, in order, whether the state names its type or not. */
  readonly onEvent?: ((event: ChangeEvent) => void) | undefined
  readonly onBeforeBatch?: ((batch: StreamDBBatch) => void) | undefined
  /** When what the batch made visible is visible. */
  readonly onBatch?: ((batch: StreamDBBatch) => void) | undefined
  /** Answer `stop` to end with status `error`; else it goes on where it can. */
  readonly onError?: ((problem: StreamDBProblem) => unknown) | undefined
  /** After each batch until the stream is up to date. */
  readonly onProgress?: ((progress: StreamDBProgress) => void) | undefined
}

export interface DatabaseOptions extends DatabaseHooks {
  readonly live: boolean
  readonly from?: StreamDBSnapshot | undefined
  readonly maxTransactionMessages?: number | undefined
}

export function seenByHooks({ messages, place, upToDate, closed: streamClosed }: SourceBatch): StreamDBBatch {
  return { items: messages, offset: place.offset, upToDate, streamClosed }
}

/** @throws BAD_REQUEST for rows of a collection that the state does not name */
export function checkSnapshot(
  from: StreamDBSnapshot | undefined,
  state: Readonly<Record<string, CollectionShape>>,
): void {
  const unknown = Object.keys(from?.rows ?? {}).find((name) => !Object.hasOwn(state, name))
  if (unknown === undefined) return
  const message = `the snapshot has rows of ${JSON.stringify(unknown)}, which is no collection of the state`
  throw new ItxError('BAD_REQUEST', message, { reason: 'from', value: unknown })
}
