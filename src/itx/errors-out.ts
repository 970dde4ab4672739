import { randomUUID } from 'node:crypto'
import { ItxError, itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import type { Instance } from './instance.ts'

/**
 * An error as it may leave the server: a coded one as it is, without its stack; anything else as INTERNAL with a
 * correlation id under which the log has the rest.
 */
export function outgoingError(instance: Pick<Instance, 'log' | 'dev'>, error: unknown): ItxError {
  const code = itxErrorCode(error)
  if (code !== undefined) {
    const coded = new ItxError(code, error instanceof Error ? error.message : code, itxErrorDetails(error))
    if (code === 'INTERNAL') instance.log('a coded internal error left the server', error)
    return withoutStack(coded)
  }
  const correlationId = randomUUID()
  instance.log(`internal error ${correlationId}`, error)
  const message = instance.dev && error instanceof Error ? error.message : 'something failed inside the server'
  return withoutStack(new ItxError('INTERNAL', message, { correlationId }))
}

/** Cap'n Web sends the stack of what `onSendError` returns. */
function withoutStack(error: ItxError): ItxError {
  delete error.stack
  return error
}
