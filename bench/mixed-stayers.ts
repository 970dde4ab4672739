import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../src/streams/simulation/random.ts'
import { Caller, type Ground } from './mixed-caller.ts'
import { type Life, STREAMS, newLife } from './mixed-life.ts'
import { READERS } from './mixed-readers.ts'
import { CONTENT_TYPES } from './mixed-records.ts'
import { Writer } from './mixed-writer.ts'

const NAME = '/mixed/long'
/** More than a stream's live readers share in memory: the first round fills it, and it grows no more. */
const RECORDS_OF_A_ROUND = 2000
const RECORDS_OF_AN_APPEND = 20

/** Clients that stay for the whole run: what a connection leaves behind for each thing that goes over it shows with them. */
export class Stayers {
  readonly #caller: Caller
  readonly #life: Life
  readonly #tell: (written: ReadonlyMap<number, number>) => void
  readonly #writer: Writer
  /** Resolves when every reader has everything to the end. */
  readonly readers: Promise<void>

  private constructor(ground: Ground, caller: Caller, random: Random) {
    const { life, tell } = newLife(NAME, 'json', true)
    this.#caller = caller
    this.#life = life
    this.#tell = tell
    this.#writer = new Writer(ground, life, 0, random)
    const { sse, longPoll, itx } = READERS
    this.readers = Promise.all([sse, sse, longPoll, itx].map((read) => read(ground, life, random))).then(() => {})
    this.readers.catch(() => {})
  }

  static async begin(ground: Ground, random: Random): Promise<Stayers> {
    const caller = new Caller(ground)
    const headers = { 'content-type': CONTENT_TYPES.json }
    await caller.ask('create', { method: 'PUT', path: `${STREAMS}${NAME}`, headers }, 201)
    return new Stayers(ground, caller, random)
  }

  /** Appends what a round brings. */
  async write(): Promise<void> {
    const upTo = this.#writer.written + RECORDS_OF_A_ROUND
    while (this.#writer.written < upTo) {
      await this.#writer.append(RECORDS_OF_AN_APPEND)
      await wait(5)
    }
  }

  /** Closes the stream, and waits for its readers. */
  async leave(): Promise<void> {
    await this.#writer.append(1, true)
    this.#tell(new Map([[0, this.#writer.written]]))
    await this.readers
    this.#writer.close()
    await this.#caller.ask('delete', { method: 'DELETE', path: this.#life.path }, 204)
    this.#caller.close()
  }
}
