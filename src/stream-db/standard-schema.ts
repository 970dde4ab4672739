import { shown } from '../streams/errors.ts'

/**
 * What validation libraries have agreed on (Standard Schema, version 1): the part of it that is needed here, so that no
 * package is.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** For the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** What a schema makes of a value: its output, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Issues that a message lists. */
const MOST_LISTED = 5

/**
 * Asks a schema. A promise when the schema answers with one, and only then. Neither throws nor rejects: a validator that
 * does has found the value wrong in its own way, and the value came from somebody else.
 */
export function validated<T>(
  schema: StandardSchema<unknown, T>,
  value: unknown,
): SchemaResult<T> | Promise<SchemaResult<T>> {
  let result: unknown
  try {
    result = schema['~standard'].validate(value)
  } catch (error) {
    return failure(error)
  }
  return isThenable(result) ? Promise.resolve(result).then(judged<T>, failure) : judged<T>(result)
}

/** What is wrong, in a line: `age: too small; name: required`. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  const lines = issues.slice(0, MOST_LISTED).map(({ message, path = [] }) => {
    const place = path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
    return place === '' ? message : `${place}: ${message}`
  })
  if (issues.length > MOST_LISTED) lines.push(`and ${issues.length - MOST_LISTED} more`)
  return lines.length === 0 ? 'the schema does not say why' : lines.join('; ')
}

/** A success may carry `issues`, as long as there are none: undefined. */
function judged<T>(result: unknown): SchemaResult<T> {
  if (typeof result !== 'object' || result === null) return wrong('the schema answered with no result')
  const { issues } = result as { issues?: unknown }
  if (issues === undefined || issues === null) return { value: (result as { value: T }).value }
  return Array.isArray(issues) ? { issues: issues as SchemaIssue[] } : wrong('the schema gave issues that are no list')
}

function failure(error: unknown): SchemaResult<never> {
  return wrong(`the schema failed: ${error instanceof Error ? error.message : shown(error)}`)
}

function wrong(message: string): SchemaResult<never> {
  return { issues: [{ message }] }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
