import type { Random } from '../src/streams/simulation/random.ts'

/**
 * What the mixed clients write: each writer of a stream counts, so that every reader can say whether it has everything, once
 * and in order. JSON streams hold a message for each record, byte streams a line.
 */

export type Form = 'json' | 'text' | 'binary'

export const CONTENT_TYPES: Readonly<Record<Form, string>> = {
  json: 'application/json',
  text: 'text/plain; charset=utf-8',
  binary: 'application/x-lines',
}

interface Entry {
  /** The life of the stream: a deleted stream's records must not come up in the next one. */
  readonly life: number
  readonly writer: number
  readonly n: number
}

/** As it is written. */
export interface Padded extends Entry {
  readonly pad: string
}

const PAD = 'x'.repeat(64)
/** Now and then a record is large, so that chunks, pieces and pages of more than one are met. */
export const LARGE_CHANCE = 0.004
const LARGE = 'y'.repeat(700_000)
/** Behind the padding of a line of bytes: no UTF-8, and nothing of it ends a line. */
const END_OF_BYTES = Buffer.from([0xff, 0xfe, 0x80])
const END_OF_TEXT = Buffer.from('é')

/** The body of an append of some records of one writer. */
export function bodyOf(form: Form, records: readonly Entry[], random: Random, largeChance = LARGE_CHANCE): Buffer {
  const pad = () => (random.chance(largeChance) ? LARGE : PAD)
  if (form === 'json') {
    const messages = records.map((record) => JSON.stringify({ ...record, pad: pad() }))
    return Buffer.from(messages.length === 1 ? (messages[0] ?? '') : `[${messages.join(',')}]`)
  }
  const lines = records.map(({ life, writer, n }) => `${life} ${writer} ${n} ${pad()}`)
  const end = Buffer.concat([form === 'binary' ? END_OF_BYTES : END_OF_TEXT, Buffer.from('\n')])
  return Buffer.concat(lines.flatMap((line) => [Buffer.from(line), end]))
}

/** How far one reader has come in a stream, held against what it may be told. */
export class Progress {
  readonly #life: number
  readonly #form: Form
  /** The next number of each writer; a reader that begins in the midst takes the first it sees. */
  readonly #next = new Map<number, number>()
  readonly #fromStart: boolean
  #line: Buffer = Buffer.alloc(0)

  constructor(life: number, form: Form, fromStart = true) {
    this.#life = life
    this.#form = form
    this.#fromStart = fromStart
  }

  /** Takes what a body, or the payload of an event, holds. @throws for a gap, a double, or what belongs elsewhere. */
  take(bytes: Buffer): void {
    if (this.#form === 'json') {
      if (bytes.length > 0) for (const record of JSON.parse(bytes.toString()) as Padded[]) this.record(record)
      return
    }
    const all = Buffer.concat([this.#line, bytes])
    const end = all.lastIndexOf(0x0a) + 1
    this.#line = all.subarray(end)
    const ending = (this.#form === 'binary' ? END_OF_BYTES : END_OF_TEXT).toString('latin1')
    for (const line of all.toString('latin1', 0, end).split('\n').slice(0, -1)) {
      const [life, writer, n, rest = ''] = line.split(' ', 4)
      const pad = rest.endsWith(ending) ? rest.slice(0, -ending.length) : ''
      this.record({ life: Number(life), writer: Number(writer), n: Number(n), pad })
    }
  }

  record({ life, writer, n, pad }: Padded): void {
    if (pad !== PAD && pad !== LARGE) {
      throw new Error(`record ${n} of writer ${writer} holds ${pad.length} bytes that nobody wrote`)
    }
    const next = this.#next.get(writer) ?? (this.#fromStart ? 0 : n)
    if (life !== this.#life) throw new Error(`a record of life ${life} in life ${this.#life}`)
    if (n !== next) throw new Error(`record ${n} of writer ${writer} is where ${next} should be`)
    this.#next.set(writer, n + 1)
  }

  /** Whether all that one writer wrote is there. */
  hasAll(writer: number, count: number): boolean {
    return this.#next.get(writer) === count
  }

  /** Whether everything is there. */
  has(written: ReadonlyMap<number, number>): boolean {
    return [...written].every(([writer, count]) => (this.#next.get(writer) ?? (this.#fromStart ? 0 : count)) === count)
  }

  /** @throws unless it has exactly what was written. */
  check(written: ReadonlyMap<number, number>): void {
    if (this.has(written)) return
    const said = (counts: ReadonlyMap<number, number>) => [...counts].map(([writer, n]) => `${writer}: ${n}`).join(', ')
    throw new Error(`a reader has (${said(this.#next)}) of what was written (${said(written)})`)
  }
}
