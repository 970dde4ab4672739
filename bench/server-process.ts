/**
 * A Tributary in a process of its own, whole but for its pages, which need a build. The benchmark that forked it asks it for
 * things over the process channel: how much memory it holds, to fill a stream, to serve a peer beside itself.
 */
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { toNodeHandler } from 'srvx/node'
import { loadConfig, withPort } from '../app.config.ts'
import { findProject } from '../src/control-plane/projects.ts'
import { createToken } from '../src/control-plane/tokens.ts'
import { handleUpgrade } from '../src/itx/socket.ts'
import { answer } from '../src/server/answer.ts'
import { createHttpServer } from '../src/server/http-server.ts'
import { beginStop, finishStop, startInstance } from '../src/server/start.ts'
import { parsePath } from '../src/streams/path.ts'
import { answering, cpuMicros, openFileLimit } from './answering.ts'
import { FloodPeer, relayPeer, replayPeer } from './bare-socket.ts'
import { steps } from './event.ts'
import { firstTouch } from './first-touch.ts'
import { PeakRss, memory } from './memory.ts'
import { readAtDifferentOffsets } from './many-readers.ts'

const [dataDir = '', given = '{}'] = process.argv.slice(2)
const settings = JSON.parse(given) as Record<string, string>
const handle = toNodeHandler((request) => answer(request, () => new Response('a page'))) as RequestListener
const { server } = createHttpServer({ handle, handleUpgrade })
await new Promise<void>((resolve) => server.listen(Number(settings['PORT'] ?? 0), '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo
const config = loadConfig({ ...settings, TRIBUTARY_DATA_DIR: dataDir, PORT: String(port) })
const instance = await startInstance(withPort(config, port))
const project = findProject(instance.control, 'demo')
if (!project) throw new Error('a server begins with a project named demo')
const streams = () => instance.engine.project(project.id)

let peak: PeakRss | null = null
const delay = monitorEventLoopDelay({ resolution: 10 })
const flood = new FloodPeer()

const operations = {
  /** Appends so many events in batches, one after the other. */
  fill: async ({ path, events, batch }: { path: string; events: number; batch: number }) => {
    for (let left = events; left > 0; left -= batch) {
      await streams().append(parsePath(path), steps(Math.min(batch, left)))
    }
  },
  memory: () => memory(),
  /** Pages of the process as they are, no garbage collected for the occasion. */
  rss: () => process.memoryUsage.rss(),
  cpu: () => cpuMicros(),
  openFiles: () => openFileLimit(),
  /** How long the event loop was held up since the server was ready, in milliseconds. */
  loopDelay: () => ({ longest: delay.max / 1e6, p99: delay.percentile(99) / 1e6 }),
  watch: async () => {
    peak = new PeakRss()
  },
  /** The most pages this process has had since `watch`. */
  peak: async () => {
    const rss = peak?.stop() ?? 0
    peak = null
    return rss
  },
  firstTouch: (options: { path: string }) => firstTouch(streams(), options),
  readers: (options: { path: string; readers: number; events: number; each: number }) =>
    readAtDifferentOffsets(streams(), options),
  /** Starts a bare socket server that replays the same events. @returns its port. */
  replayPeer: ({ path }: { path: string }) => replayPeer(streams(), parsePath(path)),
  relayPeer: () => relayPeer(),
  floodPeer: () => flood.listen(),
  flood: (events: { events: number; payload: string }) => flood.send(events),
}

export type Operations = typeof operations

const { token } = createToken(instance.control, { projectId: project.id, role: 'admin' })
delay.enable()
answering(operations, { url: `http://127.0.0.1:${port}`, token, projectId: project.id }, async () => {
  await beginStop()
  await finishStop()
})
