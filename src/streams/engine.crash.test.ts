import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { CRASH_PROJECT, type CrashLine, type CrashPayload } from './crash-writer.ts'
import { StreamEngine } from './engine.ts'
import { type EncodedEvent, decodeEvent } from './event.ts'
import { parsePath } from './path.ts'
import { TestFolder, readAll, replayed } from './testing.ts'

// Guards the promise behind every acknowledgement: a process that is killed at any moment has lost nothing that it
// promised, and left nothing by half.

const ROUNDS = 5
const SCRIPT = join(import.meta.dirname, 'crash-writer.ts')

/** Lets 16 callers append, kills them after so many acknowledgements, and gives back those that were read. */
async function writeUntilKilled(directory: string, round: number, acknowledgements: number): Promise<CrashLine[]> {
  const child = spawn(process.execPath, [SCRIPT, directory, `r${round}`], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  let out = ''
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  let lines = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++
    if (lines >= acknowledgements) child.kill('SIGKILL')
  })
  const closed = once(child.stdout, 'close')
  const [code, signal] = (await exited) as [number | null, string | null]
  await closed
  expect({ code, signal, errors }).toEqual({ code: null, signal: 'SIGKILL', errors: '' })
  // The last line may have been cut off.
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as CrashLine)
}

const payloadOf = (event: EncodedEvent) => decodeEvent(event).payload as CrashPayload

/** Every stream with its events; reading holds each against its checksum. */
async function everyLog(engine: StreamEngine): Promise<Map<string, EncodedEvent[]>> {
  const logs = new Map<string, EncodedEvent[]>()
  let after: string | null | undefined
  while (after !== null) {
    const page = await engine.project(CRASH_PROJECT).list({ limit: 1000, ...(after === undefined ? {} : { after }) })
    for (const { path } of page.streams) logs.set(path, await readAll(engine.project(CRASH_PROJECT), path))
    after = page.nextAfter
  }
  return logs
}

function checkBatches(logs: Map<string, EncodedEvent[]>): void {
  for (const [path, events] of logs) {
    const batches = new Map<string, EncodedEvent[]>()
    for (const event of events) {
      if (event.type === 'written')
        batches.set(payloadOf(event).batch, [...(batches.get(payloadOf(event).batch) ?? []), event])
    }
    for (const [batch, written] of batches) {
      const { size } = payloadOf(written[0]!)
      const found = written.map((event) => [payloadOf(event).index, event.offset - written[0]!.offset])
      // Whole, in order, side by side, and once.
      expect([path, batch, found]).toEqual([path, batch, Array.from({ length: size }, (_, i) => [i, i])])
    }
  }
}

test('a killed process has kept every event it acknowledged, once and at its offset, and no half of any batch', async () => {
  using folder = new TestFolder()
  const promised: CrashLine[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledgements = randomInt(1, 2000)
    const lines = await writeUntilKilled(folder.path, round, acknowledgements)
    expect(lines.length).toBeGreaterThanOrEqual(acknowledgements)
    promised.push(...lines)

    const file = join(folder.path, `${CRASH_PROJECT}.db`)
    const engine = new StreamEngine({ directory: folder.path })
    const logs = await everyLog(engine)
    for (const { path, batch, offsets } of promised) {
      const found = offsets.map((offset) => payloadOf(logs.get(path)![offset - 1]!))
      expect(found).toMatchObject(offsets.map((_, index) => ({ batch, index })))
    }
    checkBatches(logs)
    for (const [path, events] of logs) {
      expect(events.map((event) => event.offset)).toEqual(events.map((_, i) => i + 1))
      const { exists: _, ...state } = await engine.project(CRASH_PROJECT).state(parsePath(path))
      expect(state).toEqual(replayed(path, events))
      expect((await engine.project(CRASH_PROJECT).children(parsePath(path))).total).toBe(state.childCount)
    }
    // It takes events again, where it was.
    const shared = logs.get('/shared/0')?.length ?? 0
    if (shared > 0) {
      const receipts = await engine
        .project(CRASH_PROJECT)
        .append(parsePath('/shared/0'), [{ type: 'after', offset: shared + 1 }])
      expect(receipts).toMatchObject([{ offset: shared + 1, duplicate: false }])
    }
    engine.close()
    const db = new Database(file, { readonly: true })
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    db.close()
  }
}, 60_000)
