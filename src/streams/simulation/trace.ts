import { createHash } from 'node:crypto'

/** What happened in a run, one line per step. Two runs of one seed have the same text, to the byte. */
export class Trace {
  readonly #lines: string[] = []
  readonly #time: () => number

  constructor(time: () => number) {
    this.#time = time
  }

  add(line: string): void {
    this.#lines.push(`${this.#time()} ${line}`)
  }

  get steps(): number {
    return this.#lines.length
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  hash(): string {
    return createHash('sha256').update(this.text()).digest('hex').slice(0, 16)
  }
}
