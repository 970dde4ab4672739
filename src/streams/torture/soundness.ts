import assert from 'node:assert/strict'
import Database from 'better-sqlite3'
import { type StreamPath, isBelow, parsePath } from '../path.ts'
import type { ProjectStreams } from '../project-streams.ts'
import type { CatalogueRow } from '../storage/port.ts'
import { readAll, replayed } from '../testing.ts'
import { inputsOf, perform } from './deeds.ts'
import type { Ledger, Logs } from './ledger.ts'

/**
 * Holds a whole project against what must be true of it after any crash, and against what was promised; then writes to
 * it again, batches that were under way first.
 *
 * @throws {AssertionError} naming what is wrong.
 */
export async function checkProject(streams: ProjectStreams, file: string, ledger: Ledger): Promise<void> {
  const logs = await everyLog(streams)
  ledger.check(logs)
  assert.equal(integrity(file), 'ok', 'integrity_check')
  await retry(streams, ledger, logs)
  await writeOn(streams, logs)
}

/** Every stream with its events, each held to the laws: gapless, state equals replay, catalogue counts right. */
export async function everyLog(streams: ProjectStreams): Promise<Logs> {
  const rows = await everyStream(streams)
  const logs = new Map<string, { events: Awaited<ReturnType<typeof readAll>>; incarnationId: string }>()
  for (const row of rows) {
    const { path } = row
    const events = await readAll(streams, path)
    events.forEach((event, index) => assert.equal(event.offset, index + 1, `${path} has a gap`))
    const { exists: _, ...state } = await streams.state(path)
    // No replay can know what is left in the circuit breaker's bucket.
    assert.deepEqual(
      { ...state, breaker: null },
      replayed(path, events),
      `the state of ${path} is not its log's replay`,
    )
    const listed = Object.entries(row).filter(([key]) => key in state)
    for (const [key, value] of listed) {
      assert.deepEqual(value, state[key as keyof typeof state], `${path}: the catalogue's ${key}`)
    }
    assert(listed.length > 8, 'the catalogue shares fields with the state')
    await checkCounts(streams, row, rows)
    logs.set(path, { events, incarnationId: row.incarnationId })
  }
  return logs
}

async function checkCounts(streams: ProjectStreams, row: CatalogueRow, rows: readonly CatalogueRow[]): Promise<void> {
  const below = rows.filter((other) => isBelow(other.path, row.path))
  assert.equal(row.descendantCount, below.length, `${row.path}: descendants counted against those listed`)
  const { total, children } = await streams.children(row.path, { limit: 1000 })
  assert.equal(total, row.childCount, `${row.path}: children counted against those of its state`)
  assert.equal(children.length, Math.min(1000, total), `${row.path}: children listed against those counted`)
}

async function everyStream(streams: ProjectStreams): Promise<CatalogueRow[]> {
  const rows: CatalogueRow[] = []
  for (let after: string | null | undefined; after !== null;) {
    const page = await streams.list({ limit: 1000, ...(after === undefined ? {} : { after }) })
    rows.push(...page.streams)
    after = page.nextAfter
  }
  return rows
}

/** A batch that is tried again is added whole or is a duplicate as a whole; an acknowledged one is always the latter. */
async function retry(streams: ProjectStreams, ledger: Ledger, logs: Logs): Promise<void> {
  for (const { deed, offsets } of ledger.retriable(3)) {
    const receipts = await streams.append(parsePath(deed.path), inputsOf(deed))
    assert.deepEqual(
      receipts.map(({ offset, duplicate }) => [offset, duplicate]),
      offsets.map((offset) => [offset, true]),
      `${deed.path}: acknowledged batch ${deed.id}, tried again`,
    )
  }
  for (const { deed, offsets } of ledger.settle(logs)) {
    const done = await perform(streams, deed)
    assert.deepEqual(
      done.duplicates,
      Array.from({ length: deed.size }, () => offsets !== null),
      `${deed.path}: batch ${deed.id}, under way and tried again, found at ${String(offsets)}`,
    )
    if (offsets) assert.deepEqual(done.offsets, offsets, `${deed.path}: batch ${deed.id}, tried again`)
    ledger.retried(deed, done, offsets !== null)
  }
}

/** It takes events again, where it was. */
async function writeOn(streams: ProjectStreams, logs: Logs): Promise<void> {
  for (const path of [...logs.keys()].filter((each) => each.startsWith('/shared/')) as StreamPath[]) {
    const { maxOffset } = await streams.state(path)
    const receipts = await streams.append(path, [{ type: 'after', offset: maxOffset + 1 }])
    assert.deepEqual(
      receipts.map(({ offset, duplicate }) => [offset, duplicate]),
      [[maxOffset + 1, false]],
      `${path} takes events again`,
    )
  }
}

/** What SQLite says of a file's structure and indexes: `ok`. */
export function integrity(file: string): string {
  const db = new Database(file, { readonly: true })
  try {
    return db.pragma('integrity_check(1)', { simple: true }) as string
  } finally {
    db.close()
  }
}
