import { RpcTarget } from 'capnweb'
import { outgoingError } from './errors-out.ts'
import type { Instance } from './instance.ts'

type Log = Pick<Instance, 'log' | 'dev'>

/**
 * The same target, and all that is reached through it, with errors as they may leave the server: whatever is thrown, be
 * it no error at all, is one with a code. Cap'n Web would send what is no `Error` as it is.
 */
export function codedErrors<T extends RpcTarget>(instance: Log, target: T): T {
  return new Proxy(target, {
    get(real, name) {
      const member: unknown = guarded(instance, () => Reflect.get(real, name, real))
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => guarded(instance, () => Reflect.apply(member, real, args))
    },
  })
}

function guarded(instance: Log, run: () => unknown): unknown {
  try {
    const result = run()
    if (!(result instanceof Promise)) return reached(instance, result)
    return result.then(
      (value: unknown) => reached(instance, value),
      (error: unknown) => {
        throw outgoingError(instance, error)
      },
    )
  } catch (error) {
    throw outgoingError(instance, error)
  }
}

function reached(instance: Log, value: unknown): unknown {
  return value instanceof RpcTarget ? codedErrors(instance, value) : value
}
