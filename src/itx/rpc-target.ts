import type { RpcTarget } from 'capnweb'
import type { ZodType } from 'zod'
import type { $ZodIssue } from 'zod/v4/core'
import { ItxError, shown } from '../streams/errors.ts'

declare const api: unique symbol

/** The names of an interface, each exactly once. */
export type Allowlist<Api> = readonly string[] & { readonly [api]?: Api }

/** What a class shows beyond an interface: its private parts are `#private`, and so no names at all. */
type Beyond<Target, Api> = Exclude<keyof Target & string, (keyof Api & string) | keyof RpcTarget>

/**
 * Holds a target to its allowlist: Cap'n Web exposes every member of the prototype, so a method that was added without
 * being listed does not compile, and where types were talked round, does not start. Called once per class, when its
 * module loads.
 *
 * The list is tied to the public interface by `members`, which compiles with every name of it and no other.
 */
export function allowOnly<Target extends RpcTarget, Api>(
  target: { readonly name: string; readonly prototype: Target },
  allowed: Allowlist<Api> &
    ([Beyond<Target, Api>] extends [never] ? unknown : ['the interface lacks', Beyond<Target, Api>]),
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
  ): Allowlist<T> => names
}

/** What is wrong with an argument is told so far: who sends a hundred thousand wrong keys is not sent them back. */
const MOST_ISSUES = 10
const MOST_CHARACTERS = 500

/**
 * Validates an argument that came through a door.
 *
 * @param what names the operation
 * @param name of the argument, where the operation has several
 * @throws {ItxError} BAD_REQUEST naming what is wrong with it.
 */
export function checked<T>(schema: ZodType<T>, value: unknown, what: string, name = ''): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issues = result.error.issues.slice(0, MOST_ISSUES).map((issue) => ({
    path: issue.path.map(String).join('.').slice(0, MOST_CHARACTERS),
    message: `${issue.message}${butWas(issue, value)}`.slice(0, MOST_CHARACTERS),
  }))
  const told = issues.map(({ path, message }) =>
    [[name, path].filter(Boolean).join('.'), message].filter(Boolean).join(': '),
  )
  throw new ItxError('BAD_REQUEST', `${what}: ${told.join('; ').slice(0, MOST_CHARACTERS)}`, {
    field: issues[0]?.path || name || what,
    issues,
  })
}

/** The value, where the message does not tell it: an error names the limit and what was beyond it. */
function butWas(issue: $ZodIssue, value: unknown): string {
  if (!TELLS_NO_VALUE.has(issue.code)) return ''
  let found = value
  for (const key of issue.path) {
    if (typeof found !== 'object' || found === null) return ''
    found = (found as Record<PropertyKey, unknown>)[key]
  }
  return `, not ${typeof found === 'string' && issue.code.startsWith('too_') ? `${found.length}` : shown(found)}`
}

const TELLS_NO_VALUE: ReadonlySet<string> = new Set([
  'too_big',
  'too_small',
  'invalid_value',
  'invalid_format',
  'invalid_union',
])
