// The child of kills.ts: many writers at once until it is killed. It tells each deed before it is done and once it is
// acknowledged. A line is written at once, in the callback of the acknowledgement: what the parent has read was promised.
import { writeSync } from 'node:fs'
import { argv } from 'node:process'
import { StreamEngine } from '../engine.ts'
import { parsePath } from '../path.ts'
import { Appender, type Deed, Liver, perform } from './deeds.ts'
import { CRASH_PROJECT, type WriterLine } from './writer-lines.ts'
import { Random } from '../simulation/random.ts'

const APPENDERS = 10
const LIVES = 6
// Now and then a batch that spans chunk rows: its commit takes longer, and is more likely to be hit.
const SIZES = { largeShare: 0.012, largeBytes: 800_000 }

async function write(engine: StreamEngine, writer: { next(): Deed }): Promise<never> {
  for (;;) {
    const deed = writer.next()
    tell({ begin: deed })
    tell({ done: deed.id, told: await perform(engine.project(CRASH_PROJECT), deed) })
  }
}

/** Writes at once; where the parent is behind with reading, waits for it. */
function tell(line: WriterLine): void {
  const text = `${JSON.stringify(line)}\n`
  for (;;) {
    try {
      writeSync(1, text)
      return
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EAGAIN') throw error
    }
  }
}

const [, , directory, seed] = argv
if (directory !== undefined && seed !== undefined) {
  tell({ opening: true })
  const engine = new StreamEngine({ directory })
  const random = (writer: number) => new Random(Number(seed) * 100 + writer)
  const appenders = Array.from(
    { length: APPENDERS },
    (_, writer) => new Appender(`r${seed}a${writer}`, random(writer), SIZES),
  )
  const livers = Array.from({ length: LIVES }, async (_, writer) => {
    const path = `/lives/${writer}`
    const now = await engine.project(CRASH_PROJECT).state(parsePath(path))
    return new Liver(`r${seed}l${writer}`, path, random(APPENDERS + writer), SIZES, now)
  })
  await Promise.all([...appenders, ...(await Promise.all(livers))].map((writer) => write(engine, writer)))
}
