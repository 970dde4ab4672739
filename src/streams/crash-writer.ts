// The child of engine.crash.test.ts: appends from many callers at once until it is killed, and tells what was
// acknowledged. A line is written at once, in the callback of the acknowledgement: what the parent has read was promised.
import { writeSync } from 'node:fs'
import { argv } from 'node:process'
import { StreamEngine } from './engine.ts'
import { encodeInput } from './event.ts'
import { parsePath } from './path.ts'

/** What a writer puts in each event, so that the parent can tell whole batches from torn ones. */
export interface CrashPayload {
  readonly batch: string
  readonly size: number
  readonly index: number
  readonly filler?: string
}

/** One acknowledged batch. */
export interface CrashLine {
  readonly path: string
  readonly batch: string
  readonly offsets: readonly number[]
}

export const CRASH_PROJECT = 'prj_crash'
export const CRASH_WRITERS = 16

async function write(engine: StreamEngine, round: string, writer: number): Promise<never> {
  for (let turn = 0; ; turn++) {
    // Some streams are shared, some come into being as the writer goes on, ancestors and all.
    const path = turn % 5 === 4 ? `/new/${round}-${writer}/${turn}` : `/shared/${writer % 3}`
    const batch = `${round}-${writer}-${turn}`
    const size = 1 + ((writer + turn) % 4)
    // Now and then one that spans chunk rows: its commit takes longer, and is more likely to be hit.
    const filler = (writer + turn) % 40 === 0 ? { filler: 'é'.repeat(400_000) } : {}
    const inputs = Array.from({ length: size }, (_, index) => {
      const payload: CrashPayload = { batch, size, index, ...filler }
      return encodeInput({ type: 'written', payload, idempotencyKey: `${batch}-${index}` })
    })
    const receipts = await engine.project(CRASH_PROJECT).append(parsePath(path), inputs)
    const line: CrashLine = { path, batch, offsets: receipts.map((receipt) => receipt.offset) }
    tell(`${JSON.stringify(line)}\n`)
  }
}

/** Writes at once; where the parent is behind with reading, waits for it. */
function tell(line: string): void {
  for (;;) {
    try {
      writeSync(1, line)
      return
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EAGAIN') throw error
    }
  }
}

const [, , directory, round] = argv
if (directory !== undefined && round !== undefined) {
  const engine = new StreamEngine({ directory })
  await Promise.all(Array.from({ length: CRASH_WRITERS }, (_, writer) => write(engine, round, writer)))
}
