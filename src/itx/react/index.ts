/**
 * `tributary/react`: live streams in React, for programs of others. React and @tanstack/react-query are theirs.
 */
export { ItxError, itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
export type { EncodedEvent, EncodedInput, Receipt } from '../../streams/event.ts'
export type { ConnectionState, ConnectionStatus, SignedOutReason } from '../client/connection.ts'
export type { TailSnapshot, TailStatus } from '../client/stream-tail.ts'
export type { ItxQueryDefinition, ProjectQuery, RootQuery } from '../queries.ts'
export { type ItxQueryOptions, useItxMutation, useItxQuery, useItxStatus, useStreamTail } from './hooks.ts'
export { ItxProvider, type ItxProviderProps, useItxConnection } from './provider.ts'
