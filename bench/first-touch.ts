import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parsePath } from '../src/streams/path.ts'
import type { ProjectStreams } from '../src/streams/project-streams.ts'
import { PeakRss, memory } from './memory.ts'

/** Asks for a stream's state for the first time, and watches the event loop and the memory until the answer is there. */
export async function firstTouch(streams: ProjectStreams, { path }: { readonly path: string }) {
  const before = await memory()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const peak = new PeakRss()
  delay.enable()
  const start = performance.now()
  const { maxOffset } = await streams.state(parsePath(path))
  const took = performance.now() - start
  delay.disable()
  return {
    took,
    maxOffset,
    delay: { longest: delay.max / 1e6, p99: delay.percentile(99) / 1e6 },
    peak: peak.stop(),
    before,
    after: await memory(),
  }
}
