import { z } from 'zod'
import type { ProjectStreams } from '../project-streams.ts'
import type { StreamPath } from '../path.ts'
import { until } from '../testing.ts'
import { defineProcessor } from './contract.ts'
import type { ProcessorInfo } from './host.ts'

/** Answers every `echo/input` with an `echo/output` that carries the count so far: the fixture of the processors' tests. */
export const echo = defineProcessor({
  slug: 'echo',
  version: '1',
  state: z.object({ seen: z.number() }),
  initialState: { seen: 0 },
  consumes: ['echo/input'],
  events: { 'echo/input': z.object({ text: z.string() }) },
  reduce: ({ seen }) => ({ seen: seen + 1 }),
  processEvent: async ({ event, after, append }) => {
    await append({ type: 'echo/output', payload: { text: event.payload.text, seen: after.seen } })
  },
})

/** Waits until a processor of a stream is at rest, or stands still. */
export async function settled(streams: ProjectStreams, path: StreamPath, slug: string): Promise<ProcessorInfo> {
  let info: ProcessorInfo | undefined
  let asking = false
  await until(() => {
    if (!asking) {
      asking = true
      void streams.processors.list(path).then((list) => {
        info = list.find((each) => each.slug === slug)
        asking = false
      })
    }
    return info !== undefined && (info.status === 'parked' || (info.status === 'caught-up' && info.lag === 0))
  }, `${slug} at ${path}`)
  if (!info) throw new Error('unreachable: it was waited for')
  return info
}
