import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'

/** Failures that every test runner knows how to show. */

/** @throws {AssertionError} saying what is wrong in one line, without a comparison. */
export function fail(message: string, from: Function, cause?: unknown): never {
  throw withCause(new AssertionError({ message, stackStartFn: from }), cause)
}

/** @throws {AssertionError} with a diff below the message, when the two differ in anything that JSON could tell apart. */
export function equal(actual: unknown, expected: unknown, message: string, from: Function): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new AssertionError({ message, actual, expected, operator: 'deepStrictEqual', stackStartFn: from })
}

/** @throws {AssertionError} when what an error says is not what was expected of it. */
export function saysAsExpected(error: unknown, expected: string | RegExp, from: Function): void {
  const said = saidBy(error)
  const fits = typeof expected === 'string' ? said.includes(expected) : expected.test(said)
  if (fits) return
  const wanted = typeof expected === 'string' ? JSON.stringify(expected) : String(expected)
  fail(`it fails with ${JSON.stringify(said)}, which is not ${wanted}`, from, error)
}

export function saidBy(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function withCause(error: AssertionError, cause: unknown): AssertionError {
  if (cause !== undefined) error.cause = cause
  return error
}
