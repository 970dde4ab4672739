import type { EncodedInput } from '../event.ts'
import { encodeInput } from '../event-input.ts'
import { parsePath } from '../path.ts'
import type { ProjectStreams } from '../project-streams.ts'
import type { Random } from '../simulation/random.ts'

/**
 * What the writers of the torture do: a deed is told before it is done and again once it is acknowledged, so that
 * whoever checks afterwards knows what was promised and what was only under way.
 */
export type Deed =
  | {
      readonly kind: 'append'
      readonly id: string
      readonly path: string
      readonly size: number
      /** Every event has an idempotency key: the whole batch may be tried again. */
      readonly keyed: boolean
      /** Bytes of filler in each event; more than 512 KiB spans chunk rows. */
      readonly filler: number
    }
  | { readonly kind: 'pause' | 'resume' | 'configure' | 'reset' | 'delete'; readonly id: string; readonly path: string }

/** What an acknowledgement said. */
export interface Done {
  readonly offsets?: readonly number[]
  readonly duplicates?: readonly boolean[]
  readonly incarnationId?: string
}

/** What a writer puts in each event, so that whole batches can be told from torn ones. */
export interface DeedPayload {
  readonly batch: string
  readonly size: number
  readonly index: number
  readonly filler?: string
}

/** The type of the events of `append` deeds. */
export const WRITTEN = 'written'

/** The inputs of a batch: the same ones whenever it is tried again. */
export function inputsOf(deed: Deed & { kind: 'append' }): EncodedInput[] {
  return Array.from({ length: deed.size }, (_, index) => {
    const filler = deed.filler > 0 ? { filler: 'é'.repeat(deed.filler / 2) } : {}
    const payload: DeedPayload = { batch: deed.id, size: deed.size, index, ...filler }
    return encodeInput({
      type: WRITTEN,
      payload,
      ...(deed.keyed ? { idempotencyKey: `${deed.id}-${index}` } : {}),
    })
  })
}

export async function perform(streams: ProjectStreams, deed: Deed): Promise<Done> {
  const path = parsePath(deed.path)
  switch (deed.kind) {
    case 'append': {
      const receipts = await streams.append(path, inputsOf(deed))
      return {
        offsets: receipts.map((receipt) => receipt.offset),
        duplicates: receipts.map((receipt) => receipt.duplicate),
      }
    }
    case 'pause':
      await streams.pause(path, deed.id)
      return {}
    case 'resume':
      await streams.resume(path)
      return {}
    case 'configure':
      await streams.configure(path, { circuitBreaker: { burstCapacity: 1e9, refillRatePerMinute: 1e9 } })
      return {}
    case 'reset':
      return streams.reset(path)
    case 'delete':
      await streams.delete(path)
      return {}
  }
}

/** Streams that many writers append to, and nothing else. */
export const SHARED_STREAMS = 3

/** How large the events get. */
export interface Sizes {
  /** How often a batch is a large one. */
  readonly largeShare: number
  readonly largeBytes: number
}

/** Appends to shared streams, and now and then brings a new one into being, ancestors and all. */
export class Appender {
  readonly #name: string
  readonly #random: Random
  readonly #sizes: Sizes
  #turn = 0

  constructor(name: string, random: Random, sizes: Sizes) {
    this.#name = name
    this.#random = random
    this.#sizes = sizes
  }

  next(): Deed {
    const turn = this.#turn++
    const random = this.#random
    const path = random.chance(0.1) ? `/new/${this.#name}/${turn}` : `/shared/${random.between(0, SHARED_STREAMS - 1)}`
    return batch(`${this.#name}-${turn}`, path, random, this.#sizes)
  }
}

/** Leads one stream of its own through its lives: it alone acts on it, one deed after the other. */
export class Liver {
  readonly #name: string
  readonly #path: string
  readonly #random: Random
  readonly #sizes: Sizes
  #exists: boolean
  #paused: boolean
  #turn = 0

  constructor(name: string, path: string, random: Random, sizes: Sizes, now: { exists: boolean; paused: boolean }) {
    this.#name = name
    this.#path = path
    this.#random = random
    this.#sizes = sizes
    this.#exists = now.exists
    this.#paused = now.paused
  }

  next(): Deed {
    const id = `${this.#name}-${this.#turn++}`
    const kind = this.#kind()
    this.#exists = kind !== 'delete'
    this.#paused = kind === 'pause' || (kind === 'configure' && this.#paused)
    if (kind === 'append') return batch(id, this.#path, this.#random, this.#sizes)
    return { kind, id, path: this.#path }
  }

  #kind(): Deed['kind'] {
    const random = this.#random
    if (!this.#exists) return 'append'
    if (this.#paused) return random.pick(['resume', 'resume', 'resume', 'configure', 'reset', 'delete'])
    if (random.chance(0.75)) return 'append'
    return random.pick(['pause', 'configure', 'reset', 'reset', 'delete'])
  }
}

function batch(id: string, path: string, random: Random, sizes: Sizes): Deed {
  const large = random.chance(sizes.largeShare)
  return {
    kind: 'append',
    id,
    path,
    size: large ? 1 : random.between(1, 4),
    keyed: random.chance(0.7),
    filler: large ? sizes.largeBytes : random.pick([0, 0, 100, 2000]),
  }
}
