/**
 * Single messages appended over HTTP, each a request that waits for its answer, to our built server and to the published one
 * with file storage: the same client, in a process of its own, sends both the same bytes but for address and token. Beside
 * them a bare node:http server that reads a request, keeps nothing and answers 204: what the client can do at most.
 */
import type { AppendLoad, AppendsMade } from './client-appends.ts'
import { interleaved, median, ratio } from './figures.ts'
import { startPeer } from './peer.ts'
import { type Case, type Goal, atLeast, figure, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { startStreamClient } from './stream-client.ts'
import { type StreamServer, startBuilt, startPublished } from './stream-server.ts'
import { Connection } from './wire.ts'

const CLIENTS = 64
const ROUNDS = scaled(5, 1)
const MS = scaled(800, 300)

const client = await startStreamClient()
const [ours, published, peer] = [await startBuilt(), await startPublished(), await startPeer('accept')]
const bare: StreamServer = { port: peer.started.port, pid: 0, prefix: '/', headers: {}, stop: () => peer.stop() }

interface Kind {
  readonly name: string
  readonly connections: number
  readonly streams: number
  readonly form?: 'text'
  readonly producers?: true
  readonly goal: number
}

/** The streams of one kind on one server, and what they should hold. */
interface Streams {
  readonly paths: readonly string[]
  acknowledged: number
}

async function makeStreams(server: StreamServer, { name, streams, form }: Kind): Promise<Streams> {
  const place = `${server.prefix}${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}`
  const paths = Array.from({ length: streams }, (_, i) => `${place}-${i}`)
  if (server === bare) return { paths, acknowledged: 0 }
  const connection = await Connection.open(server.port)
  const headers = { ...server.headers, 'content-type': form === 'text' ? 'text/plain' : 'application/json' }
  for (const path of paths) await connection.ask({ method: 'PUT', path, headers }, 201)
  connection.close()
  return { paths, acknowledged: 0 }
}

/** One round. @throws when the streams do not hold exactly what was acknowledged */
async function append(server: StreamServer, kind: Kind, streams: Streams, round: number): Promise<AppendsMade> {
  const { port, headers } = server
  const { paths } = streams
  const { connections, form = 'json' } = kind
  const epoch = kind.producers ? round : null
  const expected = epoch === null || server === bare ? 204 : 200
  const load: AppendLoad = { port, headers, paths, connections, form, epoch, expected, warmUpMs: MS / 4, ms: MS }
  const appended = await client.ask('appends', load)
  if (server === bare) return appended
  streams.acknowledged += appended.acknowledged
  const stored = await client.ask('count', { port, headers, paths, form })
  if (stored !== streams.acknowledged) {
    throw new Error(`${streams.acknowledged} messages were acknowledged, ${stored} are there: ${kind.name}`)
  }
  return appended
}

async function measured(kind: Kind): Promise<Case> {
  const all: Record<string, AppendsMade[]> = { ours: [], published: [], bare: [] }
  const measure = async (who: string, server: StreamServer) => {
    const streams = await makeStreams(server, kind)
    return async (round: number) => {
      const appended = await append(server, kind, streams, round)
      all[who]?.push(appended)
      return appended.perSecond
    }
  }
  const rates = await interleaved(ROUNDS, {
    ours: await measure('ours', ours),
    published: await measure('published', published),
    bare: await measure('bare', bare),
  })
  const middle = (who: string, key: 'p50' | 'busy') => median((all[who] ?? []).map((each) => each[key]))
  const toPublished = ratio(rates.ours, rates.published)
  const goal: Goal = atLeast(`at least ${kind.goal} times the published server`, kind.goal, toPublished)
  return {
    name: kind.name,
    figures: {
      Tributary: figure(median(rates.ours), 'appends/s'),
      'published server': figure(median(rates.published), 'appends/s'),
      'bare node:http, keeps nothing': figure(median(rates.bare), 'appends/s'),
      'Tributary, p50': milliseconds(middle('ours', 'p50')),
      'published server, p50': milliseconds(middle('published', 'p50')),
      'client, share of a processor, Tributary': figure(middle('ours', 'busy') * 100, '%'),
      'client, share of a processor, published server': figure(middle('published', 'busy') * 100, '%'),
    },
    ratios: {
      'Tributary / published server': toPublished,
      'Tributary / bare node:http': ratio(rates.ours, rates.bare),
    },
    goals: [goal],
  }
}

const kinds: readonly Kind[] = [
  { name: `JSON, ${CLIENTS} clients on one stream`, connections: CLIENTS, streams: 1, goal: 15 },
  { name: `text, ${CLIENTS} clients on one stream`, connections: CLIENTS, streams: 1, form: 'text', goal: 15 },
  {
    name: `${CLIENTS} idempotent producers on one stream`,
    connections: CLIENTS,
    streams: 1,
    producers: true,
    goal: 15,
  },
  { name: `JSON, ${CLIENTS} clients on ${CLIENTS} streams`, connections: CLIENTS, streams: CLIENTS, goal: 8 },
  { name: 'JSON, one client, one after the other', connections: 1, streams: 1, goal: 1 },
]
const cases: Case[] = []
for (const kind of kinds) cases.push(await measured(kind))
await client.stop()
await Promise.all([ours.stop(), published.stop(), bare.stop()])

report('http-appends', {
  what: 'single messages of 100 bytes appended over HTTP, connections kept open, nothing pipelined',
  cases,
  notes: [
    'after every round the streams are read and hold exactly what was acknowledged',
    'both wait for fdatasync before they answer: ours once for all appends of a turn, with offsets, producers and catalogue in the same commit; the published server once for each append of a stream, with offsets and producers in another file that is flushed later',
    'streams are kept for all rounds: the published server has 100 files open at most, and answers 404 to appends in flight to a stream whose file it closes',
    'where the rate comes near that of bare node:http, the client or its processor is what is measured',
    'TRIBUTARY_CALLS_PER_SECOND is raised: one credential may make 10,000 requests a second by default',
  ],
})
