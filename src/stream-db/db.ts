/** `tributary/stream-db/db`: all of `tributary/stream-db`, and streams as live collections of TanStack DB. */
export * from './index.ts'
export type { ActionContext, ActionDefinition, ActionDefinitions, ActionMap } from './actions.ts'
export { getStreamDBCollectionId } from './collection-sync.ts'
export { createStreamDB } from './create-stream-db.ts'
export type {
  CollectionMap,
  CreateStreamDBOptions,
  StateOfStream,
  StreamDB,
  StreamDBUtils,
  StreamDBWithActions,
  StreamHandle,
} from './create-stream-db.ts'
export type {
  StreamDBBatch,
  StreamDBProblem,
  StreamDBProgress,
  StreamDBSnapshot,
  StreamDBStatus,
} from './database-options.ts'
export { httpSource, type HttpSourceOptions } from './http-source.ts'
export { itxSource, type ItxSourceOptions } from './itx-source.ts'
export type { SourceBatch, SourceListener, SourceOptions, SourcePlace, SourceReading, StreamSource } from './source.ts'

// What is written beside a database, from the one copy of TanStack DB that its collections are of.
export type { Collection, SyncConfig, Transaction } from '@tanstack/db'
export {
  and,
  avg,
  coalesce,
  concat,
  count,
  createCollection,
  createLiveQueryCollection,
  createOptimisticAction,
  createTransaction,
  deepEquals,
  eq,
  gt,
  gte,
  ilike,
  inArray,
  isNull,
  isUndefined,
  like,
  localOnlyCollectionOptions,
  lt,
  lte,
  max,
  min,
  not,
  or,
  queryOnce,
  sum,
  toArray,
} from '@tanstack/db'
