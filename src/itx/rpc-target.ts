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

/** What is wrong with an argument is told so far: who sends a hundred thousand wrong keys is not sent them back. */
const MOST_ISSUES = 10
const MOST_CHARACTERS = 500

/**
 * Validates an argument that came through a door.
 *
 * @throws {ItxError} BAD_REQUEST naming what is wrong with it.
 */
export function checked<T>(schema: ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const message = prettifyError(result.error).replaceAll('\n', ' ')
  throw new ItxError('BAD_REQUEST', `${what}: ${message.slice(0, MOST_CHARACTERS)}`, {
    issues: result.error.issues.slice(0, MOST_ISSUES).map((issue) => ({
      path: issue.path.map(String).join('.').slice(0, MOST_CHARACTERS),
      message: issue.message.slice(0, MOST_CHARACTERS),
    })),
  })
}
