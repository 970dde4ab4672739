import { z } from 'zod'
import { checked } from './rpc-target.ts'

/** One parameter of a method: its name, what `describe` shows of it, and how the boundary takes it. */
export interface Parameter<T = unknown, In = unknown> {
  readonly name: string
  readonly schema: z.ZodType<unknown, In>
  /** @throws {ItxError} BAD_REQUEST naming what is wrong. */
  take(value: unknown, method: string): T
}

/** A parameter that its schema checks. */
export function parameter<T, In>(name: string, schema: z.ZodType<T, In>): Parameter<T, In> {
  return { name, schema, take: (value, method) => checked(schema, value, method, name) }
}

/** A parameter that a function of the engine checks; the schema says the same to those who ask. */
export function checkedBy<T, In>(
  name: string,
  schema: z.ZodType<unknown, In>,
  take: (value: unknown) => T,
): Parameter<T, In> {
  return { name, schema, take }
}

/** A function of the caller, called back until what was begun is over. */
export function callback<V>(
  name: string,
  description: string,
): Parameter<(value: V) => unknown, (value: V) => unknown> {
  const schema = z
    .custom<(value: V) => unknown>((value) => typeof value === 'function', { error: 'a function is needed' })
    .meta({ description })
  return { name, schema, take: (value, method) => checked(schema, value, method, name) }
}
