import { setTimeout as wait } from 'node:timers/promises'
import { parsePath } from '../src/streams/path.ts'
import type { ProjectStreams } from '../src/streams/project-streams.ts'
import { memory } from './memory.ts'

export interface ReadersOptions {
  readonly path: string
  readonly readers: number
  /** Events of the stream. */
  readonly events: number
  /** Events that each reader takes. */
  readonly each: number
}

/** Where reader `i` begins: spread over the stream, each with enough before it to the end. */
export function startOf(i: number, { readers, events, each }: ReadersOptions): number {
  return Math.floor(((events - each) / readers) * i)
}

/**
 * Lets in-process subscribers read at offsets of their own, all at once. Each takes its share a batch at a time, then keeps its
 * acknowledgement back, as a slow reader does.
 *
 * @returns what the process holds before, and while they all are in the midst of the stream
 */
export async function readAtDifferentOffsets(streams: ProjectStreams, options: ReadersOptions) {
  const before = await memory()
  const start = performance.now()
  const never = new Promise<void>(() => {})
  let left = options.readers
  let batches = 0
  const { promise: allRead, resolve } = Promise.withResolvers<void>()
  const subscriptions = await Promise.all(
    Array.from({ length: options.readers }, async (_, i) => {
      let taken = 0
      return streams.subscribe(parsePath(options.path), { after: startOf(i, options) }, (batch) => {
        taken += batch.events.length
        batches++
        if (taken < options.each) return
        if (taken - batch.events.length < options.each && --left === 0) resolve()
        return never
      })
    }),
  )
  await allRead
  const seconds = (performance.now() - start) / 1000
  // Until their windows are full they are sent more.
  for (let seen = -1; seen !== batches; await wait(50)) seen = batches
  const during = await memory()
  for (const subscription of subscriptions) subscription.unsubscribe()
  return { before, during, seconds }
}
