/**
 * Recovery of a long stream whose stored state is of another version: it is rebuilt from the log before the first answer.
 * How long that answer takes, how long the event loop is held up meanwhile, and how much memory it takes, in a server that has
 * just started. Beside it, in the same run: a bare better-sqlite3 loop over the same rows that decodes and checks nothing.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { CORE_STATE_VERSION } from '../src/streams/core/state.ts'
import { parsePath } from '../src/streams/path.ts'
import { CommitScheduler } from '../src/streams/storage/sqlite/group-commit.ts'
import { SqliteStorage } from '../src/streams/storage/sqlite/sqlite-storage.ts'
import { plantState } from '../src/streams/testing.ts'
import { interleaved, median, ratio } from './figures.ts'
import { BenchDirectory } from './place.ts'
import { figure, mebibytes, milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'
import { BenchServer } from './server.ts'

const PATH = parsePath('/agents/a1/runs/1')
const EVENTS = scaled(1_000_000, 50_000)

using directory = new BenchDirectory()
const first = await BenchServer.start(directory.path)
await first.ask('fill', { path: PATH, events: EVENTS, batch: 1000 })
await first.stop()
const file = join(directory.path, 'projects', `${first.projectId}.db`)

/** Leaves a state behind as a version before this one may have written it. */
function plantOldState(): void {
  const storage = new SqliteStorage(file, new CommitScheduler())
  const stored = storage.committed.loadStream(PATH)
  if (!stored) throw new Error(`${PATH} is not there`)
  plantState(storage, { ...stored.state, eventCount: 7, maxOffset: 7 }, CORE_STATE_VERSION - 1)
  storage.close()
}

const stalls: number[] = []
const usual: number[] = []
const peaks: number[] = []
const live: number[] = []

/** Milliseconds from the first touch to its answer, in a server that has just started. */
async function recover(): Promise<number> {
  plantOldState()
  const server = await BenchServer.start(directory.path)
  const { took, maxOffset, delay, peak, before, after } = await server.ask('firstTouch', { path: PATH })
  await server.stop()
  if (maxOffset !== EVENTS + 1) throw new Error(`the rebuilt state ends at ${maxOffset}, not at ${EVENTS + 1}`)
  stalls.push(delay.longest)
  usual.push(delay.p99)
  peaks.push(peak - before.rss)
  live.push(after.live - before.live)
  return took
}

/** Milliseconds for the bare loop to read the rows. */
async function iterate(): Promise<number> {
  const db = new Database(file, { readonly: true })
  const rows = db
    .prepare(
      `select offset, type, created_at, key, payload, metadata, source, raw, chunks, checksum from events
       where stream_id = (select id from streams where path = ?) order by offset`,
    )
    .raw()
  const start = performance.now()
  let read = 0
  for (const _ of rows.iterate(PATH)) read++
  const took = performance.now() - start
  db.close()
  if (read !== EVENTS + 1) throw new Error(`${read} rows were read of ${EVENTS + 1}`)
  return took
}

const { recovered, iterated } = await interleaved(scaled(5, 3), { recovered: recover, iterated: iterate })

report('recovery', {
  what: 'rebuilding a state of another version from its log, in a server that has just started',
  cases: [
    {
      name: `a stream of ${EVENTS.toLocaleString('en-GB')} events whose state is of another version`,
      figures: {
        'first answer': milliseconds(median(recovered)),
        'rebuilt from': figure(EVENTS / (median(recovered) / 1000), 'events/s'),
        'longest hold-up of the event loop': milliseconds(median(stalls)),
        'hold-ups of the event loop, p99': milliseconds(median(usual)),
        'growth, rss at its peak': mebibytes(median(peaks)),
        'growth, live, afterwards': mebibytes(median(live)),
        'bare loop over the rows': milliseconds(median(iterated)),
      },
      ratios: { 'first answer / bare loop': ratio(recovered, iterated) },
    },
  ],
  notes: ['the design gives no figure here; what must hold is that other streams go on meanwhile'],
})
