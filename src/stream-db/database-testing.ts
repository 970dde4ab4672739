import { type CreateStreamDBOptions, createStreamDB } from './create-stream-db.ts'
import type { StreamDBProblem } from './database-options.ts'
import type { Operation } from './messages.ts'
import { createStateSchema } from './schema.ts'
import { ScriptedSource } from './source-testing.ts'
import type { StandardSchema } from './standard-schema.ts'

// Databases over scripted streams, and what is told to them.

export interface TestRow {
  id?: string | number
  name?: string
  age?: number
}

/** Takes every object as it is. */
export const anyRow: StandardSchema<TestRow> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      typeof value === 'object' && value !== null
        ? { value: value as TestRow }
        : { issues: [{ message: 'not an object' }] },
  },
}

export const state = createStateSchema({
  users: { schema: anyRow, type: 'user', primaryKey: 'id' },
  posts: { schema: anyRow, type: 'post', primaryKey: 'id' },
})

export type TestOptions = Partial<Omit<CreateStreamDBOptions<typeof state>, 'state' | 'source' | 'actions'>>

/** Ours, and what was told to `onError`. */
export function scripted(options: TestOptions = {}) {
  const source = new ScriptedSource()
  const problems: StreamDBProblem[] = []
  const onError = (problem: StreamDBProblem) => void problems.push(problem)
  const db = createStreamDB({ state, source, onError, ...options })
  return { db, source, problems }
}

/** Ours, up to date with these messages. */
export async function live(messages: readonly unknown[] = [], options: TestOptions = {}) {
  const it = scripted(options)
  const loaded = it.db.preload()
  await it.source.push(messages)
  await loaded
  return it
}

export function change(operation: Operation, type: string, key: string, value?: unknown, txid?: string) {
  const headers = txid === undefined ? { operation } : { operation, txid }
  return value === undefined ? { type, key, headers } : { type, key, value, headers }
}

export const insert = (type: string, key: string, value: unknown = { id: key }, txid?: string) =>
  change('insert', type, key, value, txid)

export const update = (type: string, key: string, value: unknown, txid?: string) =>
  change('update', type, key, value, txid)

export const control = (name: string) => ({ headers: { control: name } })

/** What TanStack DB adds to the rows it shows. */
const VIRTUAL = /^\$/

export function rowsOf(collection: { entries(): Iterable<[string, object]> }): Record<string, object> {
  return Object.fromEntries([...collection.entries()].map(([key, row]) => [key, plain(row)]))
}

export function plain(row: object | undefined): object {
  return Object.fromEntries(Object.entries(row ?? {}).filter(([name]) => !VIRTUAL.test(name)))
}

export function deferred<T = void>() {
  return Promise.withResolvers<T>()
}

/** What a promise was refused with; waited for from now on, so that no refusal goes unheard. */
export function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'not refused',
    (error: unknown) => error,
  )
}
