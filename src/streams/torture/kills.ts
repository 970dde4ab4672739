import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { StreamEngine } from '../engine.ts'
import { TestFolder } from '../testing.ts'
import { Ledger } from './ledger.ts'
import { Random } from '../simulation/random.ts'
import { checkProject } from './soundness.ts'
import { CRASH_PROJECT, type WriterLine } from './writer-lines.ts'

const SCRIPT = join(import.meta.dirname, 'crash-writer.ts')
/** Rounds over one data directory: what a kill left behind is written to and killed again. Then logs grow too long. */
const ROUNDS_PER_DIRECTORY = 8
/** Acknowledgements a round runs to, at most. */
const MOST_ACKNOWLEDGEMENTS = 250
/** How long after that the kill may come: the length of a few commits, or of opening a file. */
const MOST_MICROSECONDS = 4000
const MOST_OPENING_MICROSECONDS = 20_000

/** What a round did. */
export interface KillReport {
  readonly acknowledged: number
  readonly underWay: number
}

/** Rounds of: writers in a child, SIGKILL at a random moment, reopened here and held against what was acknowledged. */
export class KillRounds implements Disposable {
  #folder: TestFolder | null = null
  #ledger = new Ledger()
  #rounds = 0

  /** @throws {AssertionError} naming what was lost, doubled or torn. */
  async round(seed: number): Promise<KillReport> {
    if (this.#rounds++ % ROUNDS_PER_DIRECTORY === 0) this.#startAfresh()
    const directory = this.#folder?.path ?? ''
    const before = this.#ledger.acknowledged
    const begun = await writeUntilKilled(directory, seed, this.#ledger)
    const acknowledged = this.#ledger.acknowledged - before
    const warnings: string[] = []
    const engine = new StreamEngine({ directory, warn: (message) => warnings.push(message) })
    try {
      await checkProject(engine.project(CRASH_PROJECT), join(directory, `${CRASH_PROJECT}.db`), this.#ledger)
      assert.deepEqual(warnings, [], 'a kill is no damage')
    } catch (error) {
      // What the next rounds would find is this round's doing.
      this.#rounds = 0
      throw error
    } finally {
      engine.close()
    }
    return { acknowledged, underWay: begun - acknowledged }
  }

  [Symbol.dispose](): void {
    this.#folder?.[Symbol.dispose]()
  }

  #startAfresh(): void {
    this.#folder?.[Symbol.dispose]()
    this.#folder = new TestFolder()
    this.#ledger = new Ledger()
    this.#rounds = 1
  }
}

/** Lets the writers write, kills them, and enters what they told. @returns how many deeds were begun. */
async function writeUntilKilled(directory: string, seed: number, ledger: Ledger): Promise<number> {
  const random = new Random(seed)
  // Opening the file (creating it, recovering it) and the first commits are moments of their own.
  const opening = random.chance(0.15)
  const acknowledgements = opening
    ? 0
    : random.chance(0.2)
      ? random.between(1, 10)
      : random.between(1, MOST_ACKNOWLEDGEMENTS)
  const microseconds = random.between(0, opening ? MOST_OPENING_MICROSECONDS : MOST_MICROSECONDS)
  const child = spawn(process.execPath, [SCRIPT, directory, String(seed)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  let out = ''
  let errors = ''
  let done = 0
  let killed = false
  const closed = once(child.stdout, 'close')
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    done += text.split('{"done"').length - 1
    if (killed || done < acknowledgements) return
    killed = true
    spin(microseconds)
    child.kill('SIGKILL')
  })
  const [code, signal] = (await exited) as [number | null, string | null]
  await closed
  assert.deepEqual({ code, signal, errors }, { code: null, signal: 'SIGKILL', errors: '' }, 'the writers')
  let begun = 0
  // The last line may have been cut off.
  for (const text of out.split('\n').slice(0, -1)) {
    const line = JSON.parse(text) as WriterLine
    if ('begin' in line) {
      begun++
      ledger.begin(line.begin)
    } else if ('done' in line) ledger.acknowledge(line.done, line.told)
  }
  return begun
}

/** Waits without giving the event loop up: a timer is too coarse to hit the middle of a commit. */
function spin(microseconds: number): void {
  const end = performance.now() + microseconds / 1000
  while (performance.now() < end);
}
