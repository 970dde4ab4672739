import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../src/streams/simulation/random.ts'
import { Caller, type Ground } from './mixed-caller.ts'
import { CONTENT_TYPES, LARGE_CHANCE, bodyOf } from './mixed-records.ts'
import type { Life } from './mixed-life.ts'

/** Between two appends of one writer. */
const PAUSE_MS = 30

/** Appends records to a stream: as they come, or as an idempotent producer that repeats itself, vanishes and begins anew. */
export class Writer {
  readonly #life: Life
  readonly #id: number
  readonly #random: Random
  readonly #caller: Caller
  readonly #isProducer: boolean
  #epoch = 0
  #seq = 0
  #written = 0

  constructor(ground: Ground, life: Life, id: number, random: Random) {
    this.#life = life
    this.#id = id
    this.#random = random
    this.#caller = new Caller(ground)
    this.#isProducer = random.chance(0.6)
  }

  /** @returns how many records it has written */
  async write(atLeast: number): Promise<number> {
    while (this.#written < atLeast) {
      await this.append(this.#random.chance(0.3) ? this.#random.between(2, 20) : 1)
      await wait(this.#random.below(2 * PAUSE_MS))
    }
    return this.#written
  }

  /** @param close whether nothing is to come afterwards */
  async append(count: number, close = false): Promise<void> {
    const { number, form, path, settled } = this.#life
    const records = Array.from({ length: count }, (_, i) => ({ life: number, writer: this.#id, n: this.#written + i }))
    const body = bodyOf(form, records, this.#random, settled ? 0 : LARGE_CHANCE)
    const headers = { 'content-type': CONTENT_TYPES[form], ...(close ? { 'stream-closed': 'true' } : {}) }
    if (this.#isProducer) await this.#produce(headers, body, close)
    else await this.#caller.ask('append', { method: 'POST', path, headers, body }, 204)
    this.#written += count
  }

  get written(): number {
    return this.#written
  }

  close(): void {
    this.#caller.close()
  }

  async #produce(given: Readonly<Record<string, string>>, body: Buffer, close: boolean): Promise<void> {
    if (this.#random.chance(0.02)) {
      this.#epoch++
      this.#seq = 0
    }
    const producer = {
      'producer-id': `writer-${this.#id}`,
      'producer-epoch': String(this.#epoch),
      'producer-seq': String(this.#seq),
    }
    const asked = { method: 'POST', path: this.#life.path, headers: { ...given, ...producer }, body } as const
    // Cut off in its body nothing of it may be stored; sent whole it may be stored although nobody heard of it.
    const gone = this.#random.weighted({ not: 90, half: 5, whole: 5 })
    if (gone === 'half') await this.#caller.vanish('append, gone in its midst', asked, 0.9)
    if (gone === 'whole') await this.#caller.vanish('append, gone before the answer', asked, 1)
    await this.#caller.ask('producer append', asked, 200, ...(gone === 'whole' ? [204] : []))
    if (!close && this.#random.chance(0.1)) await this.#caller.ask('producer repeats', asked, 204)
    this.#seq++
  }
}
