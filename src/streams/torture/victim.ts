import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { EncodedInput, EventInput } from '../event.ts'
import { encodeInput } from '../event-input.ts'
import { encodeJson } from '../json-text.ts'
import { type StreamPath, parsePath } from '../path.ts'
import type { ProjectStreams } from '../project-streams.ts'
import { streamRef } from '../stream.ts'
import { type GroupParticipant, PROJECT_RECORDS, type StreamRef } from '../storage/port.ts'
import { StateRows } from '../storage/sql/state-rows.ts'
import { connectionSql } from '../storage/sqlite/connection-sql.ts'
import type { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import { TestFolder, readAll, replayed, turn } from '../testing.ts'
import { type OpenProject, openProject } from './writing.ts'

/** A project with a stream of every kind, to be damaged. Built the same way every time, byte by byte. */
export interface Victim {
  readonly bytes: Buffer
  readonly streams: readonly VictimStream[]
}

export interface VictimStream {
  readonly ref: StreamRef
  readonly firstOffset: number
  readonly maxOffset: number
  readonly keys: readonly string[]
}

/** Records that some of the streams have, and the project. */
export const RECORD_KEYS = ['p-1', 'p-2', 'p-3', 'p-4']

export const PROCESSORS = ['counter', 'summary']
const NOBODY: GroupParticipant = { flush() {}, committed() {}, rolledBack() {} }

export async function buildVictim(): Promise<Victim> {
  using folder = new TestFolder()
  const file = join(folder.path, 'victim.db')
  let project = openProject(file)
  const { streams } = project
  const append = (path: string, ...inputs: EventInput[]) => streams.append(parsePath(path), inputs.map(encodeInput))
  const many = (count: number, input: (index: number) => EventInput) =>
    Array.from({ length: count }, (_, i) => input(i))

  await append('/plain', ...many(120, (i) => ({ type: 'step', payload: { i, text: 'x'.repeat(i) } })))
  // In several batches, so that the rows of the streams lie mixed.
  for (let round = 0; round < 4; round++) {
    const at = (i: number) => round * 10 + i
    await append('/keyed', ...many(10, (i) => ({ type: 'keyed', payload: at(i), idempotencyKey: `order-${at(i)}` })))
    await append(
      '/full',
      ...many(5, (i) => ({
        type: 'full',
        payload: { note: `naïve 変 🙂 ${at(i)}` },
        metadata: { at: at(i), tags: ['a', 'b'] },
        source: { processor: { slug: 'summary', version: '2' } },
        idempotencyKey: `full-${at(i)}`,
      })),
    )
  }
  await append(
    '/large',
    { type: 'large', payload: { text: 'é'.repeat(300_000) }, idempotencyKey: 'large-1' },
    { type: 'small', payload: 1 },
    { type: 'large', payload: 'y'.repeat(530_000), metadata: { text: 'z'.repeat(530_000) } },
  )
  const raw: EncodedInput = { type: 'message', payload: encodeJson({ raw: true }, 'payload'), raw: true }
  await streams.append(parsePath('/raw'), [raw, raw])
  for (const name of ['paused', 'closed', 'broken', 'described', 'reborn', 'trimmed']) {
    await append(`/${name}`, ...many(12, (i) => ({ type: 'event', payload: i })))
  }
  await streams.pause(parsePath('/paused'), 'maintenance')
  await streams.close(parsePath('/closed'))
  await streams.configure(parsePath('/broken'), { circuitBreaker: { burstCapacity: 2, refillRatePerMinute: 0 } })
  await append('/broken', { type: 'one' }, { type: 'two' })
  await append('/broken', { type: 'three' }).catch(() => {})
  await streams.setMetadata(parsePath('/described'), { title: 'A stream', owner: { team: 'rivers' } })
  for (let i = 0; i < 40; i++) await append(`/tree/branch-${i % 4}/leaf-${i}`, { type: 'leaf', payload: i })
  // Forks: of a stream that lives, of that fork, and of a stream that is gone, at its path too.
  await append('/left', ...many(15, (i) => ({ type: 'left', payload: i })))
  await fork(streams, '/split', '/keyed', 25)
  await append('/split', ...many(10, (i) => ({ type: 'own', payload: i, idempotencyKey: `split-${i}` })))
  await fork(streams, '/split-again', '/split', 31)
  await append('/split-again', ...many(5, (i) => ({ type: 'last', payload: i })))
  await fork(streams, '/orphan', '/left', 12)
  await streams.delete(parsePath('/left'))
  // A free page or two, as every file has them.
  await append('/passing', ...many(200, (i) => ({ type: 'gone', payload: 'p'.repeat(i) })))
  await streams.delete(parsePath('/passing'))
  for (let i = 0; i < 20; i++) await turn()
  streams.shutdown()

  project = openProject(file, 'later')
  await trim(file, project.streams, parsePath('/trimmed'))
  saveSnapshots(project.storage)
  saveRecords(project.storage)
  await project.storage.durable()
  // Last of all: the rows of the life before are still there.
  await project.streams.reset(parsePath('/reborn'))
  const found = await describe(project)
  project.streams.shutdown()
  return { bytes: readFileSync(file), streams: found }
}

/** As retention would leave it: rows gone, and the state before the first of them kept as the base. */
async function trim(file: string, streams: ProjectStreams, path: StreamPath): Promise<void> {
  const log = await readAll(streams, path)
  const base = { ...replayed(path, log.slice(0, 3)), firstOffset: 4 }
  const state = { ...replayed(path, log), firstOffset: 4 }
  const db = new Database(file)
  const id = db.prepare('select id from streams where path = ?').pluck().get(path) as number
  db.prepare('delete from events where stream_id = ? and offset < 4').run(id)
  new StateRows(connectionSql(db)).save(id, state, base)
  db.close()
}

function saveSnapshots(storage: SqliteStorage): void {
  storage.transactionSync(NOBODY, (tx) => {
    for (const path of ['/plain', '/keyed']) {
      const ref = refOf(storage, parsePath(path))
      for (const processor of PROCESSORS) {
        for (const offset of [10, 20, 40]) {
          const state = JSON.stringify({ seen: offset, words: 'w'.repeat(offset * 10) })
          tx.saveSnapshot(ref, processor, { offset, version: '1', state, effectsAfter: 3, parked: null })
        }
      }
    }
  })
}

function saveRecords(storage: SqliteStorage): void {
  storage.transactionSync(NOBODY, (tx) => {
    const ids = ['/keyed', '/split', '/raw'].map((path) => refOf(storage, parsePath(path)).id)
    for (const id of [PROJECT_RECORDS, ...ids]) {
      for (const key of RECORD_KEYS) {
        const value = JSON.stringify({ epoch: 1, seq: id, text: key.repeat(20) })
        tx.saveRecord(id, id === PROJECT_RECORDS ? 'subscription' : 'producer', { key, value })
      }
    }
  })
}

async function fork(streams: ProjectStreams, path: string, from: string, offset: number): Promise<void> {
  const source = parsePath(from)
  const { incarnationId } = await streams.state(source)
  await streams.fork(parsePath(path), { source, incarnationId, offset, subOffset: 0, through: offset })
}

export function refOf(storage: SqliteStorage, path: StreamPath): StreamRef {
  const stored = storage.working.loadStream(path)
  if (!stored) throw new Error(`${path} does not exist`)
  return streamRef(stored.id, stored.state)
}

async function describe({ streams, storage }: OpenProject): Promise<VictimStream[]> {
  const { streams: rows } = await streams.list({ limit: 1000 })
  return Promise.all(
    rows.map(async ({ path }) => {
      const { events: log } = await streams.read(path, { limit: 1000 })
      const { firstOffset, maxOffset } = await streams.state(path)
      const keys = log.flatMap((event) => (event.idempotencyKey === undefined ? [] : [event.idempotencyKey]))
      return { ref: refOf(storage, path), firstOffset, maxOffset, keys }
    }),
  )
}
