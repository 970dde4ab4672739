import assert from 'node:assert/strict'
import { type EncodedEvent, decodeEvent } from '../event.ts'
import { CREATED } from '../core/core-events.ts'
import { type Deed, type DeedPayload, type Done, WRITTEN } from './deeds.ts'

/** A stream that one writer leads through its lives: what its log holds, as words. Null: it does not exist. */
interface Life {
  readonly words: readonly string[] | null
  /** Where an acknowledgement told it. */
  readonly incarnationId?: string
}

interface Batch {
  readonly deed: Deed & { kind: 'append' }
  readonly offsets: readonly number[]
}

/** The logs of a project: every stream with its events and its incarnation. */
export type Logs = ReadonlyMap<string, { readonly events: readonly EncodedEvent[]; readonly incarnationId: string }>

const NO_LIFE: Life = { words: null }

/**
 * What was promised to the writers, and what was under way, to be held against what is found after a crash.
 *
 * Shared streams (many writers, appends only): each acknowledged batch is at its offsets. Streams under `/lives` (one
 * writer): the log is what the acknowledged deeds made of it, or that and the first few of those under way.
 */
export class Ledger {
  /** Acknowledged batches of shared streams. */
  readonly #promised = new Map<string, Batch[]>()
  readonly #lives = new Map<string, Life>()
  /** Told, but not acknowledged; in order. */
  readonly #pending = new Map<string, Deed>()
  #acknowledged = 0

  /** How many deeds were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  begin(deed: Deed): void {
    this.#pending.set(deed.id, deed)
  }

  acknowledge(id: string, done: Done): void {
    const deed = this.#pending.get(id)
    assert(deed, `deed ${id} was acknowledged but never begun`)
    this.#pending.delete(id)
    this.#acknowledged++
    if (isLife(deed.path)) this.#lives.set(deed.path, lived(this.#lives.get(deed.path) ?? NO_LIFE, deed, done))
    else if (deed.kind === 'append') this.#promise(deed, done.offsets ?? [])
  }

  /**
   * Holds the logs against the promises.
   *
   * @throws {AssertionError} naming the stream and what is lost, doubled, reordered or torn.
   */
  check(logs: Logs): void {
    for (const [path, { events }] of logs) checkBatches(path, events)
    for (const [path, batches] of this.#promised) for (const each of batches) checkPromise(path, logs, each)
    for (const path of this.#livePaths()) this.#checkLife(path, logs)
  }

  /**
   * After a check: takes what was found as what is, and gives back the batches under way that can be tried again, with
   * the offsets at which they are in the log already, or null.
   */
  settle(logs: Logs): { deed: Deed & { kind: 'append' }; offsets: number[] | null }[] {
    for (const path of this.#livePaths()) {
      const found = logs.get(path)
      this.#lives.set(path, found ? { words: found.events.map(word), incarnationId: found.incarnationId } : NO_LIFE)
    }
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    // What a life has done since may keep the batch out: there it is tried again only where it is the last word.
    const last = (deed: Deed) => !isLife(deed.path) || pending.findLast(({ path }) => path === deed.path) === deed
    return pending
      .filter((deed) => deed.kind === 'append' && deed.keyed && last(deed))
      .map((deed) => {
        this.begin(deed)
        const offsets = (logs.get(deed.path)?.events ?? [])
          .filter((event) => event.type === WRITTEN && payloadOf(event).batch === deed.id)
          .map((event) => event.offset)
        return { deed: deed as Deed & { kind: 'append' }, offsets: offsets.length > 0 ? offsets : null }
      })
  }

  /** Some acknowledged batches whose events have keys: to be tried again, they must be duplicates of themselves. */
  retriable(count: number): Batch[] {
    const keyed = [...this.#promised.values()].flat().filter(({ deed }) => deed.keyed)
    return keyed.slice(-count)
  }

  /** A batch under way was tried again: nothing is added where it was in the log already. */
  retried(deed: Deed & { kind: 'append' }, done: Done, wasThere: boolean): void {
    if (!isLife(deed.path) || !wasThere) {
      this.acknowledge(deed.id, done)
      return
    }
    this.#pending.delete(deed.id)
  }

  #promise(deed: Deed & { kind: 'append' }, offsets: readonly number[]): void {
    const batches = this.#promised.get(deed.path)
    if (batches) batches.push({ deed, offsets })
    else this.#promised.set(deed.path, [{ deed, offsets }])
  }

  #livePaths(): Set<string> {
    return new Set([...this.#lives.keys(), ...[...this.#pending.values()].map((deed) => deed.path).filter(isLife)])
  }

  #checkLife(path: string, logs: Logs): void {
    const found = logs.get(path)
    const words = found?.events.map(word) ?? null
    let life = this.#lives.get(path) ?? NO_LIFE
    const possible = [life]
    for (const deed of this.#pending.values()) {
      if (deed.path === path) possible.push((life = lived(life, deed, {})))
    }
    const fits = possible.some(
      (each) =>
        sameWords(each.words, words) &&
        (each.incarnationId === undefined || each.incarnationId === found?.incarnationId),
    )
    const tell = (each: readonly string[] | null) => (each ? `[${each.join(', ')}]` : 'absent')
    assert(
      fits,
      `${path} is ${tell(words)}, but what was acknowledged made it ${possible.map((each) => tell(each.words)).join(' or ')}`,
    )
  }
}

const isLife = (path: string): boolean => path.startsWith('/lives/')

const payloadOf = (event: EncodedEvent) => decodeEvent(event).payload as DeedPayload

function word(event: EncodedEvent): string {
  if (event.type !== WRITTEN) return event.type
  const { batch, index } = payloadOf(event)
  return `${batch}#${index}`
}

function lived(life: Life, deed: Deed, done: Done): Life {
  const since = life.incarnationId === undefined ? {} : { incarnationId: life.incarnationId }
  const words = life.words ?? [CREATED]
  switch (deed.kind) {
    case 'append':
      return { ...since, words: [...words, ...Array.from({ length: deed.size }, (_, index) => `${deed.id}#${index}`)] }
    case 'pause':
      return { ...since, words: [...words, 'stream/paused'] }
    case 'resume':
      return { ...since, words: [...words, 'stream/resumed'] }
    case 'configure':
      return { ...since, words: [...words, 'stream/configured'] }
    case 'reset':
      return done.incarnationId === undefined
        ? { words: [CREATED] }
        : { words: [CREATED], incarnationId: done.incarnationId }
    case 'delete':
      return NO_LIFE
  }
}

function sameWords(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return a === b
  return a.length === b.length && a.every((each, index) => each === b[index])
}

/** Whole, in order, side by side, and once. */
function checkBatches(path: string, events: readonly EncodedEvent[]): void {
  const batches = new Map<string, { size: number; found: string[]; first: number }>()
  for (const event of events) {
    if (event.type !== WRITTEN) continue
    const { batch, size, index } = payloadOf(event)
    const seen = batches.get(batch) ?? { size, found: [], first: event.offset }
    seen.found.push(`${index}@${event.offset - seen.first}`)
    batches.set(batch, seen)
  }
  for (const [batch, { size, found }] of batches) {
    const whole = Array.from({ length: size }, (_, index) => `${index}@${index}`)
    assert.deepEqual(found, whole, `batch ${batch} of ${path} is torn, doubled or out of order`)
  }
}

function checkPromise(path: string, logs: Logs, { deed, offsets }: Batch): void {
  const events = logs.get(path)?.events ?? []
  for (const [index, offset] of offsets.entries()) {
    const event = events[offset - 1]
    assert(
      event,
      `${path}: acknowledged event ${offset} (${deed.id}#${index}) is lost; the log ends at ${events.length}`,
    )
    assert.equal(word(event), `${deed.id}#${index}`, `${path}: acknowledged event ${offset} is another one`)
  }
}
