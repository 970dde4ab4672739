/** The client that loads the servers of Durable Streams, in a process of its own: the same for both of them. */
import { answering } from './answering.ts'
import { Child } from './child.ts'
import { type AppendLoad, appendAsFastAsItGoes } from './client-appends.ts'
import { type CatchUp, type Counted, catchUp, countMessages } from './client-catch-up.ts'
import { type SseLoad, deliverLive } from './client-sse.ts'

const operations = {
  appends: (load: AppendLoad) => appendAsFastAsItGoes(load),
  catchUp: (asked: CatchUp) => catchUp(asked),
  count: (counted: Counted) => countMessages(counted),
  deliver: (load: SseLoad) => deliverLive(load),
}

export type StreamClient = Child<typeof operations, null>

/** Stop it. */
export function startStreamClient(): Promise<StreamClient> {
  return Child.start('stream-client.ts', [])
}

if (import.meta.main) answering(operations, null)
