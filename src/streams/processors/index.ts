/** `tributary/processors`: what a module with processors imports. Loads nothing but the rules of events and processors. */
export { ItxError, type ItxErrorCode, type ItxErrorDetails, itxErrorCode, itxErrorDetails } from '../errors.ts'
export type { EventInput, EventSource, Receipt, StreamEvent } from '../event.ts'
export type { ProcessorEntry } from './builtin/index.ts'
export {
  type AnyProcessor,
  type BatchContext,
  type ConsumedEvent,
  type EffectContext,
  type EffectStream,
  type PayloadSchemas,
  type ProcessorDefinition,
  type Schema,
  type SchemaResult,
  defineProcessor,
  schemaOf,
} from './contract.ts'
