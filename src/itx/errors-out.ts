import { randomUUID } from 'node:crypto'
import { ItxError, itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import type { Instance } from './instance.ts'

/**
 * An error as it may leave the server: a coded one as it is, without its stack; anything else as INTERNAL. Every INTERNAL
 * has a correlation id, under which the log has the rest. In dev its message and its stack go along.
 */
export function outgoingError(instance: Pick<Instance, 'log' | 'dev'>, error: unknown): ItxError {
  const code = itxErrorCode(error)
  const details = itxErrorDetails(error)
  // It went through here before: a handle in this process is held by a door.
  const known = details?.['correlationId']
  if (code !== undefined && (code !== 'INTERNAL' || typeof known === 'string')) {
    const stack = instance.dev && code === 'INTERNAL' ? stackOf(error) : undefined
    return withStack(new ItxError(code, messageOf(error) ?? code, details), stack)
  }
  const correlationId = randomUUID()
  instance.log(`internal error ${correlationId}`, error)
  const shown = code !== undefined || instance.dev ? messageOf(error) : undefined
  const outgoing = new ItxError('INTERNAL', shown ?? 'something failed inside the server', {
    ...details,
    correlationId,
  })
  return withStack(outgoing, instance.dev ? stackOf(error) : undefined)
}

function messageOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { message } = error as { message?: unknown }
  return typeof message === 'string' ? message : undefined
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined
}

/** Cap'n Web sends the stack of what `onSendError` returns. */
function withStack(error: ItxError, stack?: string): ItxError {
  if (stack === undefined) delete error.stack
  else error.stack = stack
  return error
}
