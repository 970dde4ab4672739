import { RpcStub, type RpcTarget } from 'capnweb'
import { codedErrors } from './coded-errors.ts'
import { outgoingError } from './errors-out.ts'
import type { Instance } from './instance.ts'

/**
 * A stub over a target for code in this process: no socket, and the same errors as over one. What has no code becomes
 * INTERNAL here too, since a page may show what it gets. Dispose it.
 */
export function inProcessStub<Api>(instance: Pick<Instance, 'log' | 'dev'>, target: RpcTarget): Api & Disposable {
  return new RpcStub(codedErrors(instance, target)) as unknown as Api & Disposable
}

/** Runs something on behalf of code in this process that may show what it gets. */
export async function outgoing<T>(instance: Pick<Instance, 'log' | 'dev'>, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw outgoingError(instance, error)
  }
}
