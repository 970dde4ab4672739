/**
 * What 10,000 idle sockets cost: the pages of a server's process before and after as many programs have connected, have made
 * one call each, and say nothing more. Beside it, in the same run: a bare `ws` server with as many sockets, each of which has
 * been answered once.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Child } from './child.ts'
import { interleaved, median, ratio } from './figures.ts'
import type { Operations as Clients } from './idle-client.ts'
import type { Memory } from './memory.ts'
import { startPeer } from './peer.ts'
import { BenchDirectory } from './place.ts'
import { atMost, figure, mebibytes, report } from './report.ts'
import { scaled } from './scale.ts'
import { BenchServer } from './server.ts'

const SOCKETS = scaled(10_000, 1000)
const CLIENTS = 4
const OPEN_FILES = 65_536
/** Until a server is asked how large it is: it must have passed a ping, and its garbage collector what comes of connecting. */
const REST_MS = scaled(20_000, 2000)
/** `whoami()` as capnweb says it. */
const WHOAMI = ['["push",["pipeline",0,["whoami"],[]]]', '["pull",1]']

using directory = new BenchDirectory()
const openFiles: Record<string, number> = {}

interface Measured {
  /** Pages of the process. */
  readonly before: number
  readonly after: number
  /** What one socket holds, in bytes of live objects and buffers. */
  readonly each: number
}
const measured: Record<string, Measured[]> = {}

interface Subject {
  readonly url: string
  readonly headers: Record<string, string>
  readonly messages: string[]
  rss(): Promise<number>
  memory(): Promise<Memory>
  openFiles(): Promise<number>
  stop(): Promise<void>
}

async function tributary(): Promise<Subject> {
  const server = await BenchServer.start(directory.path, { openFiles: OPEN_FILES })
  return {
    url: `${server.url.replace('http', 'ws')}/api/itx`,
    headers: { authorization: `Bearer ${server.token}` },
    messages: WHOAMI,
    rss: () => server.ask('rss'),
    memory: () => server.ask('memory'),
    openFiles: () => server.ask('openFiles'),
    stop: () => server.stop(),
  }
}

async function bare(): Promise<Subject> {
  const peer = await startPeer('sockets', { openFiles: OPEN_FILES })
  return {
    url: `ws://127.0.0.1:${peer.started.port}`,
    headers: {},
    messages: WHOAMI.slice(0, 1),
    rss: () => peer.ask('rss'),
    memory: () => peer.ask('memory'),
    openFiles: () => peer.ask('openFiles'),
    stop: () => peer.stop(),
  }
}

/** Bytes of a server's process once all sockets are open and at rest. */
async function held(name: string, start: () => Promise<Subject>): Promise<number> {
  const subject = await start()
  openFiles[name] = await subject.openFiles()
  if (openFiles[name] < SOCKETS + 1000)
    throw new Error(`${openFiles[name]} open files are too few for ${SOCKETS} sockets`)
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, () => Child.start<Clients, null>('idle-client.ts', [], { openFiles: OPEN_FILES })),
  )
  const before = await subject.rss()
  const { url, headers, messages } = subject
  await Promise.all(clients.map((client) => client.ask('open', { url, headers, messages, count: SOCKETS / CLIENTS })))
  await wait(REST_MS)
  const after = await subject.rss()
  const lost = await Promise.all(clients.map((client) => client.ask('lost')))
  if (lost.some((count) => count > 0)) throw new Error(`${name} has closed ${lost.join(' + ')} sockets`)
  const open = await subject.memory()
  await Promise.all(clients.map((client) => client.stop()))
  await wait(REST_MS / 4)
  const closed = await subject.memory()
  await subject.stop()
  ;(measured[name] ??= []).push({ before, after, each: (open.live - closed.live) / SOCKETS })
  return after
}

const after = await interleaved(scaled(3, 1), {
  tributary: () => held('tributary', tributary),
  bare: () => held('bare', bare),
})
const before = (name: string) => median((measured[name] ?? []).map((each) => each.before))
const perSocket = (name: string) => (measured[name] ?? []).map(({ each }) => each)
console.log(`  open files allowed: ${openFiles['tributary']} for the server, ${openFiles['bare']} for its peer`)

report('idle-sockets', {
  what: `${SOCKETS.toLocaleString('en-GB')} sockets that have authenticated, made one call and are silent`,
  cases: [
    {
      name: `${SOCKETS.toLocaleString('en-GB')} idle sockets`,
      figures: {
        'rss, all open': mebibytes(median(after.tributary)),
        'rss, before': mebibytes(before('tributary')),
        'live, for each socket': figure(median(perSocket('tributary')) / 1024, 'KiB'),
        'bare ws: rss, all open': mebibytes(median(after.bare)),
        'bare ws: rss, before': mebibytes(before('bare')),
        'bare ws: live, for each socket': figure(median(perSocket('bare')) / 1024, 'KiB'),
        'open files allowed': figure(openFiles['tributary'] ?? 0, 'files'),
      },
      ratios: {
        'rss / bare ws': ratio(after.tributary, after.bare),
        'live, for each socket / bare ws': ratio(perSocket('tributary'), perSocket('bare')),
      },
      goals: [atMost('at most 400 MB in all', 400, median(after.tributary) / 1_000_000)],
    },
  ],
  notes: [
    `read ${REST_MS / 1000} s after the last one was open, no garbage collected for the occasion; live is after a collection, less what is left once all are closed`,
    'all sockets bring the same token',
  ],
})
