import type { RpcTarget } from 'capnweb'
import { type ZodType, prettifyError } from 'zod'
import { ItxError } from '../streams/errors.ts'

/**
 * Holds a target to its allowlist: Cap'n Web exposes every member of the prototype, so a method that was added without
 * being listed must not start. Called once per class, when its module loads.
 *
 * The list is tied to the public interface by `members`, which compiles with every name of it and no other.
 */
export function allowOnly(
  target: { readonly name: string; readonly prototype: RpcTarget },
  allowed: readonly string[],
): void {
  const actual = Object.getOwnPropertyNames(target.prototype).filter((name) => name !== 'constructor')
  const extra = actual.filter((name) => !allowed.includes(name))
  const missing = allowed.filter((name) => !actual.includes(name))
  if (extra.length > 0 || missing.length > 0) {
    throw new Error(
      `${target.name} exposes ${extra.join(', ') || 'nothing'} too much and lacks ${missing.join(', ') || 'nothing'}`,
    )
  }
}

/** The names of an interface, each exactly once: `members<StreamApi>()('append', 'read', …)`. */
export function members<T>() {
  return <const M extends readonly (keyof T & string)[]>(
    ...names: [keyof T & string] extends [M[number]]
      ? M
      : ['this allowlist lacks', Exclude<keyof T & string, M[number]>]
  ): readonly string[] => names
}

/**
 * Validates an argument that came through a door.
 *
 * @throws {ItxError} BAD_REQUEST naming what is wrong with it.
 */
export function checked<T>(schema: ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new ItxError('BAD_REQUEST', `${what}: ${prettifyError(result.error).replaceAll('\n', ' ')}`, {
    issues: result.error.issues.map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message })),
  })
}
