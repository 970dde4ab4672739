/** `tributary/stream-db`: the State protocol without a database. `tributary/stream-db/db` adds the collections. */
export { ItxError, itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
export type { ItxErrorCode, ItxErrorDetails } from '../streams/errors.ts'
export type {
  AwaitedEventHelpers,
  CollectionEventHelpers,
  DeleteParams,
  EventHeaders,
  UpdateParams,
  WriteParams,
} from './event-helpers.ts'
export { MaterializedState, type MaterializedStateOptions } from './materialized-state.ts'
export { isChangeEvent, isControlEvent, isPoison, readMessage } from './messages.ts'
export type {
  ChangeEvent,
  ChangeHeaders,
  Control,
  ControlEvent,
  Operation,
  Poison,
  Row,
  StateEvent,
  StateMessage,
  Value,
} from './messages.ts'
export { createStateSchema } from './schema.ts'
export type {
  CollectionDefinition,
  CollectionWithHelpers,
  InputOf,
  RowOf,
  StateSchema,
  StreamStateDefinition,
} from './schema.ts'
export type { SchemaIssue, SchemaResult, StandardSchema } from './standard-schema.ts'
