/**
 * A program that holds a stream as live collections, in a process of its own: with StreamDB, or with the published State
 * client. Its one argument says which.
 */
import { createStreamDB as createPublished } from '@durable-streams/state/db'
import { type Collection, createStateSchema, createStreamDB } from '../src/stream-db/db.ts'
import { answering, cpuMicros } from './answering.ts'
import { Child } from './child.ts'

/** Where the stream is, and what every request brings. */
export interface Place {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

export interface Loaded {
  /** From the call that begins to read until all of the stream is visible, in milliseconds. */
  readonly ms: number
  /** Until the first row was visible. */
  readonly firstRowMs: number
  readonly rows: number
  /** Processor time of this process meanwhile, in milliseconds. */
  readonly cpuMs: number
}

export interface Followed {
  /** From the first update that was visible to the last, in milliseconds. */
  readonly ms: number
  /** How often subscribers were told. */
  readonly told: number
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** A row is what it is: what schemas cost is the schemas' business. */
const anyRow = {
  '~standard': {
    version: 1,
    vendor: 'bench',
    validate: (value: unknown) => ({ value: value as Record<string, unknown> }),
  },
} as const

const state = createStateSchema({ rows: { schema: anyRow, type: 'row', primaryKey: 'id' } })

interface Database {
  readonly collections: { readonly rows: unknown }
  readonly preload: () => Promise<void>
  readonly close: () => unknown
  readonly utils: { readonly awaitTxId: (txid: string, timeout?: number) => Promise<unknown> }
}

const kind = process.argv[2]
let db: Database | undefined

function open(streamOptions: Place): Database {
  if (kind === 'ours') return createStreamDB({ streamOptions, state })
  return createPublished({ streamOptions, state: state as never }) as unknown as Database
}

function rowsOf({ collections }: Database): Collection<Record<string, unknown>, string> {
  return collections.rows as Collection<Record<string, unknown>, string>
}

const operations = {
  /** Makes everything visible that is in the stream. */
  load: async (place: Place): Promise<Loaded> => {
    db = open(place)
    const cpu = cpuMicros()
    const start = performance.now()
    let firstRowMs = 0
    const first = rowsOf(db).subscribeChanges(() => {
      firstRowMs = performance.now() - start
      first.unsubscribe()
    })
    await db.preload()
    const ms = performance.now() - start
    return { ms, firstRowMs, rows: rowsOf(db).size, cpuMs: (cpuMicros() - cpu) / 1000 }
  },

  /** Waits until the row `last` has `n`. What is appended meanwhile is somebody else's business. */
  follow: async ({ last, n }: { readonly last: string; readonly n: number }): Promise<Followed> => {
    if (db === undefined) throw new Error('nothing is loaded')
    const rows = rowsOf(db)
    const seen = Promise.withResolvers<number>()
    let begun = 0
    let told = 0
    const subscription = rows.subscribeChanges(() => {
      told++
      begun ||= performance.now()
      if (rows.get(last)?.['n'] === n) seen.resolve(performance.now() - begun)
    })
    const ms = await seen.promise
    subscription.unsubscribe()
    return { ms, told }
  },

  /** Appends transactions one after the other. @returns milliseconds from the answer of the append until each is visible. */
  transactions: async ({ url, headers, count }: Place & { readonly count: number }): Promise<readonly number[]> => {
    if (db === undefined) throw new Error('nothing is loaded')
    const waited: number[] = []
    for (let i = 0; i < count; i++) {
      const txid = `tx-${i}`
      const change = { type: 'row', key: 'k1', value: { id: 'k1', n: i }, headers: { operation: 'upsert', txid } }
      const start = performance.now()
      const visible = db.utils.awaitTxId(txid, 30_000)
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...headers, ...JSON_TYPE },
        body: JSON.stringify(change),
      })
      if (!answer.ok) throw new Error(`an append answered ${answer.status}`)
      await visible
      waited.push(performance.now() - start)
    }
    return waited
  },

  /** Bytes of live objects. */
  held: () => {
    globalThis.gc?.()
    return process.memoryUsage().heapUsed
  },
}

export type StreamDBClient = Child<typeof operations, null>

/** Stop it. */
export function startStreamDBClient(which: 'ours' | 'published'): Promise<StreamDBClient> {
  return Child.start('client-stream-db.ts', [which], { env: { NODE_ENV: 'production' }, flags: ['--expose-gc'] })
}

if (import.meta.main) answering(operations, null)
