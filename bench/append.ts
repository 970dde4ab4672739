/**
 * In-process append, 64 concurrent callers, one event per call, against two peers in the same run:
 *
 * - bare: a loop over better-sqlite3 that writes the same rows, indexes and JSON, a promise per caller, one commit per
 *   turn of the event loop: what the disk and the database allow;
 * - single: the same loop with a commit of its own for every append: what group commit saves.
 *
 * Rounds are interleaved, because disks drift; what counts is the ratio. `npm run bench [-- ROUNDS]`
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { StreamEngine } from '../src/streams/engine.ts'
import { encodeInput } from '../src/streams/event.ts'
import { parsePath } from '../src/streams/path.ts'
import { prepareSchema } from '../src/streams/storage/sql/schema.ts'
import { connectionSql } from '../src/streams/storage/sqlite/connection-sql.ts'
import { machine, median } from './machine.ts'

const CALLERS = 64
const GROUPED_EVENTS = 100_000
const SINGLE_EVENTS = 5_000
const ROUNDS = Number(process.argv[2] ?? 7)

// 220 bytes of payload, as an agent's step may look.
const payload = { step: 7, kind: 'reasoning', model: 'river-2-large', text: 'x'.repeat(150) }

type Append = () => Promise<unknown>

/** Events per second of `total` appends by `CALLERS` callers, each waiting for its own. */
async function rate(append: Append, total: number): Promise<number> {
  let left = total
  const start = performance.now()
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left-- > 0) await append()
    }),
  )
  return total / ((performance.now() - start) / 1000)
}

function inTemporaryDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'tributary-bench-'))
  return run(directory).finally(() => rmSync(directory, { recursive: true, force: true }))
}

const engineRate = () =>
  inTemporaryDirectory(async (directory) => {
    const engine = new StreamEngine({ directory })
    const path = parsePath('/agents/a1/runs/1')
    const append = () => engine.project('prj_bench').append(path, [encodeInput({ type: 'agent/step', payload })])
    await rate(append, 5000)
    const result = await rate(append, GROUPED_EVENTS)
    engine.close()
    return result
  })

const bareRate = (grouped: boolean) =>
  inTemporaryDirectory(async (directory) => {
    const db = new Database(join(directory, 'bare.db'))
    db.pragma('journal_mode = wal')
    db.pragma('synchronous = full')
    prepareSchema(connectionSql(db), 'bare.db')
    db.exec(
      `insert into streams values (1, '/agents/a1/runs/1', '/agents/a1/runs', '1', 'i', 'application/json', 1, 0, 0, 0, '', '', 0, 0, 0, 0, 0, '{}', 1, null, 0)`,
    )
    const insert = db.prepare('insert into events values (1, ?, ?, ?, null, ?, null, null, 0, 0, 0)')
    const update = db.prepare('update streams set max_offset = ?, event_count = ?, last_event_at = ? where id = 1')
    const begin = db.prepare('begin immediate')
    const commit = db.prepare('commit')
    let offset = 0
    let waiting: (() => void)[] = []
    const end = () => {
      update.run(offset, offset, new Date().toISOString())
      commit.run()
      const done = waiting
      waiting = []
      for (const resolve of done) resolve()
    }
    const append = () =>
      new Promise<void>((resolve) => {
        if (waiting.length === 0) {
          begin.run()
          if (grouped) setImmediate(end)
        }
        waiting.push(resolve)
        insert.run(++offset, 'agent/step', new Date().toISOString(), JSON.stringify(payload))
        if (!grouped) end()
      })
    await rate(append, grouped ? 5000 : 500)
    const result = await rate(append, grouped ? GROUPED_EVENTS : SINGLE_EVENTS)
    db.close()
    return result
  })

const rounds: { engine: number; bare: number; single: number }[] = []
for (let round = 0; round < ROUNDS; round++) {
  rounds.push({ bare: await bareRate(true), engine: await engineRate(), single: await bareRate(false) })
}

const result = {
  what: `append, ${CALLERS} callers, one event each, ${ROUNDS} interleaved rounds`,
  machine: machine(),
  perSecond: {
    engine: Math.round(median(rounds.map((round) => round.engine))),
    bareLoop: Math.round(median(rounds.map((round) => round.bare))),
    commitPerAppend: Math.round(median(rounds.map((round) => round.single))),
  },
  ratio: {
    engineToBareLoop: Number(median(rounds.map((round) => round.engine / round.bare)).toFixed(3)),
    engineToCommitPerAppend: Number(median(rounds.map((round) => round.engine / round.single)).toFixed(1)),
  },
}
console.log(JSON.stringify(result, null, 2))
writeFileSync(new URL('results/append.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`)
