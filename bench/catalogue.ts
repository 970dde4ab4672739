/**
 * A project of 100,000 streams: what creating, listing and starting cost. Some of it is wide (10,000 siblings), some deep
 * (chains of 16), most is runs under agents. Beside it, in the same run: bare SQL that writes and reads the same rows.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { StreamEngine } from '../src/streams/engine.ts'
import { type StreamPath, parsePath } from '../src/streams/path.ts'
import type { ProjectStreams } from '../src/streams/project-streams.ts'
import { BareLoop } from './bare-loop.ts'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { closedLoop } from './load.ts'
import { memory } from './memory.ts'
import { BenchDirectory } from './place.ts'
import { type Case, atMost, figure, mebibytes, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { BenchServer } from './server.ts'

const STREAMS = scaled(100_000, 5000)
const SIBLINGS = STREAMS / 10
const CHAINS = STREAMS / 1000
const DEPTH = 16
const READS = scaled(300, 50)

/** Paths of the streams that are created; ancestors that they bring with them are counted in. */
function paths(): StreamPath[] {
  const wide = Array.from({ length: SIBLINGS }, (_, i) => `/wide/job-${String(i).padStart(6, '0')}`)
  const deep = Array.from(
    { length: CHAINS },
    (_, i) => `/deep/${i}/${Array.from({ length: DEPTH }, () => 's').join('/')}`,
  )
  const left = STREAMS - SIBLINGS - CHAINS * (DEPTH + 1)
  const runs = Array.from({ length: left }, (_, i) => `/agents/a${i % 500}/run-${i}`)
  return [...wide, ...deep, ...runs].map(parsePath)
}

const created = (count: number, seconds: number) => figure(count / seconds, 'streams/s')

async function creation(streams: ProjectStreams, bareFile: string): Promise<Case> {
  const wanted = paths()
  const before = await memory()
  const seconds = await closedLoop(64, wanted.length, (i) => streams.create(wanted[i] ?? parsePath('/')))
  const after = await memory()
  const all = (await streams.state(parsePath('/'))).descendantCount + 1
  const bare = new BareLoop(bareFile)
  const start = performance.now()
  // 64 in a commit, as the callers of the engine come; `stream/created` and one announcement each.
  for (let i = 0; i < wanted.length; i += 64) {
    const numbers = bare.addStreams(wanted.slice(i, i + 64))
    await Promise.all(
      numbers.flatMap((id) => [bare.append(id, [{ path: wanted[i] }]), bare.append(1, [{ path: wanted[i] }])]),
    )
  }
  const bareSeconds = (performance.now() - start) / 1000
  bare.close()
  return {
    name: `creating ${all.toLocaleString('en-GB')} streams, 64 callers`,
    figures: {
      engine: created(all, seconds),
      'bare SQL, a row and two events per stream': created(wanted.length, bareSeconds),
      'memory, live, with 10,000 actors': mebibytes(after.live),
      'growth, rss': mebibytes(after.rss - before.rss),
    },
    ratios: { 'engine / bare SQL': all / seconds / (wanted.length / bareSeconds) },
  }
}

/** Latencies of a read and of its bare statement, one after the other. */
async function reads(
  name: string,
  read: (i: number) => Promise<{ readonly length: number }>,
  bare: (i: number) => { readonly length: number },
): Promise<Case> {
  const ours: number[] = []
  const theirs: number[] = []
  for (let i = -10; i < READS; i++) {
    let start = performance.now()
    const expected = bare(Math.max(i, 0)).length
    if (i >= 0) theirs.push(performance.now() - start)
    start = performance.now()
    const { length } = await read(Math.max(i, 0))
    if (i >= 0) ours.push(performance.now() - start)
    if (length !== expected) throw new Error(`${name}: ${length} rows, bare SQL finds ${expected}`)
  }
  const p99 = percentile(ours, 0.99)
  return {
    name,
    figures: {
      p99: milliseconds(p99),
      p50: milliseconds(percentile(ours, 0.5)),
      'bare SQL p50': milliseconds(percentile(theirs, 0.5)),
      'bare SQL p99': milliseconds(percentile(theirs, 0.99)),
    },
    ratios: { 'p50 / bare SQL p50': percentile(ours, 0.5) / percentile(theirs, 0.5) },
    goals: [atMost('in 50 ms (p99)', 50, p99)],
  }
}

async function listing(streams: ProjectStreams, file: string): Promise<Case[]> {
  const db = new Database(file, { readonly: true })
  const columns = 'path, name, incarnation, content_type, event_count, max_offset, created_at, last_event_at'
  const statement = (where: string) => db.prepare(`select ${columns} from streams where ${where} limit ?`).raw()
  const byName = statement('parent = ? and name > ? order by name')
  const byPath = statement(`path > ? and path < '0' order by path`)
  const matching = statement(`path >= '/' and path < '0' and instr(lower(path), lower(?)) > 0 order by path`)
  const skipping = db.prepare(`select ${columns} from streams where parent = ? order by name limit ? offset ?`).raw()
  const wide = parsePath('/wide')
  const somewhere = (i: number) => `job-${String(Math.floor((SIBLINGS / READS) * i * 0.9)).padStart(6, '0')}`
  const run = (i: number) => `/agents/a${i % 500}`
  /** One stream, somewhere: all are looked at. */
  const rare = (i: number) => `run-${Math.floor(STREAMS / 2) + i}`
  const cases = [
    await reads(
      `a tree level: 100 of ${SIBLINGS.toLocaleString('en-GB')} siblings, after a name`,
      async (i) => (await streams.children(wide, { limit: 100, after: somewhere(i) })).children,
      (i) => byName.all('/wide', somewhere(i), 100),
    ),
    await reads(
      `a tree level: 100 siblings, ${(SIBLINGS * 0.9).toLocaleString('en-GB')} skipped`,
      async () => (await streams.children(wide, { limit: 100, skip: SIBLINGS * 0.9 })).children,
      () => skipping.all('/wide', 100, SIBLINGS * 0.9),
    ),
    await reads(
      'a catalogue page: 100 streams after a path',
      async (i) => (await streams.list({ limit: 100, after: run(i) })).streams,
      (i) => byPath.all(run(i), 100),
    ),
    await reads(
      'a catalogue page: streams whose path matches a text, which one has',
      async (i) => (await streams.list({ limit: 100, match: rare(i) })).streams,
      (i) => matching.all(rare(i), 100),
    ),
  ]
  db.close()
  return cases
}

/** Milliseconds from the start of a process to its first answers over a socket: a state and a tree level. */
async function timeStart(
  dataDir: string,
): Promise<{ readonly took: number; readonly rss: number; readonly children: number }> {
  const begin = performance.now()
  const server = await BenchServer.start(dataDir)
  const client = server.connect()
  await client.state('/wide')
  const { children } = await client.onStream('/wide', (stream) => stream.children({ limit: 100 }))
  const took = performance.now() - begin
  const { rss } = await server.ask('memory')
  client.close()
  await server.stop()
  return { took, rss, children: children.length }
}

async function starting(dataDir: string, emptyDir: string): Promise<Case> {
  const rss = { full: 0, empty: 0 }
  const measure = (which: 'full' | 'empty', place: string) => async () => {
    const started = await timeStart(place)
    if (started.children !== (which === 'full' ? 100 : 0)) throw new Error(`${started.children} children were listed`)
    rss[which] = started.rss
    return started.took
  }
  const { full, empty } = await interleaved(scaled(5, 2), {
    full: measure('full', dataDir),
    empty: measure('empty', emptyDir),
  })
  return {
    name: 'starting a server on that data, to its first answers over a socket: a state and a tree level',
    figures: {
      'these streams': milliseconds(median(full)),
      'an empty project': milliseconds(median(empty)),
      'memory with these streams, rss': mebibytes(rss.full),
      'memory with an empty project, rss': mebibytes(rss.empty),
    },
    ratios: { 'these streams / an empty project': ratio(full, empty) },
    goals: [atMost('start in 2 s', 2000, median(full))],
  }
}

using directory = new BenchDirectory()
using empty = new BenchDirectory()
/** The first start makes the project and its accounts. @returns the project's id. */
async function prepared(dataDir: string): Promise<string> {
  const server = await BenchServer.start(dataDir)
  await server.stop()
  return server.projectId
}
await prepared(empty.path)
const projectId = await prepared(directory.path)
const projects = join(directory.path, 'projects')

const engine = new StreamEngine({ directory: projects })
const streams = () => engine.project(projectId)
const cases = [await creation(streams(), directory.file('bare.db'))]
cases.push(...(await listing(streams(), join(projects, `${projectId}.db`))))
engine.close()
cases.push(await starting(directory.path, empty.path))

report('catalogue', {
  what: `a project of ${STREAMS.toLocaleString('en-GB')} streams, some wide, some deep`,
  cases,
  notes: ['the server that starts is the whole one but for its pages: accounts, doors and engine, in a new process'],
})
