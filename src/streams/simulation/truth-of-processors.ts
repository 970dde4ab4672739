import type { EncodedEvent } from '../event.ts'
import type { Snapshot, StreamRef } from '../storage/port.ts'
import { folded, isReport } from './processors.ts'
import { type Sample, consumes, sampleOf } from './sample-processors.ts'
import type { Truth } from './truth.ts'

/** The laws of processors, held against every group that is stored. */
export class TruthOfProcessors {
  readonly #truth: Truth
  readonly #fail: (message: string) => void
  /** The offsets of the snapshots that are stored, by stream number and processor. */
  readonly #offsets = new Map<string, Set<number>>()

  constructor(truth: Truth, fail: (message: string) => void) {
    this.#truth = truth
    this.#fail = fail
  }

  /** A checkpoint: what it says was made of the log, and everything that was to be done for it is on the disk. */
  checkSnapshot(stream: StreamRef, slug: string, snapshot: Snapshot): void {
    const log = this.#truth.life(stream.path, stream.incarnationId)
    const sample = sampleOf(slug)
    if (!log || !sample) return
    const where = `${slug} of ${stream.path}@${stream.incarnationId}`
    if (this.#truth.logOf(stream.path) !== log) this.#fail(`${where} wrote a checkpoint of a life that is over`)
    const offsets = this.#offsetsOf(stream.id, slug)
    // After a crash the newest one is the checkpoint: one behind it would be forgotten.
    const newest = this.checkpoint(stream.id, slug)
    if (newest > snapshot.offset) {
      this.#fail(`${where} wrote a checkpoint at ${snapshot.offset}, but there is one at ${newest}`)
    }
    offsets.add(snapshot.offset)
    if (snapshot.offset > log.head) {
      this.#fail(`${where} wrote a checkpoint at ${snapshot.offset}, but the log ends at ${log.head}`)
      return
    }
    if (snapshot.state !== JSON.stringify(folded(log, sample, snapshot.offset))) {
      this.#fail(`${where} has made ${snapshot.state} of the first ${snapshot.offset} events`)
    }
    if (sample.effects === 'none') return
    for (const event of log.events.slice(snapshot.effectsAfter, snapshot.offset)) {
      if (consumes(sample, event.type) && !this.#isDone(log.events, sample, stream, event)) {
        this.#fail(`${where} wrote a checkpoint at ${snapshot.offset}, but the effect of ${event.offset} is not there`)
      }
    }
  }

  /** Snapshots were deleted. */
  forget(streamId: number, slug: string, from: number, to: number): void {
    const offsets = this.#offsetsOf(streamId, slug)
    for (const offset of offsets) if (offset >= from && offset <= to) offsets.delete(offset)
  }

  /** The offset of a processor's newest snapshot; 0 when there is none. */
  checkpoint(streamId: number, slug: string): number {
    return Math.max(0, ...this.#offsetsOf(streamId, slug))
  }

  #offsetsOf(streamId: number, slug: string): Set<number> {
    const key = `${streamId} ${slug}`
    const offsets = this.#offsets.get(key) ?? new Set()
    this.#offsets.set(key, offsets)
    return offsets
  }

  #isDone(log: readonly EncodedEvent[], { slug }: Sample, stream: StreamRef, event: EncodedEvent): boolean {
    if (this.#truth.effects.has(effectKey(slug, stream.incarnationId, event.offset))) return true
    // Somebody may have chosen to skip it once it was parked.
    return log.some((each) => isReport(each, slug, event.offset))
  }

  /** An effect: of an event that was committed before, that the processor consumes, and that came after its attachment. */
  checkEffect(event: EncodedEvent): void {
    const [, slug, incarnationId, offset] = /^([a-z]+)\/(.+)@(\d+)\/0$/.exec(event.idempotencyKey ?? '') ?? []
    const sample = sampleOf(slug ?? '')
    const log = [...this.#truth.logs.values()].find((each) => each.incarnationId === incarnationId)
    const source = log?.events[Number(offset) - 1]
    if (!sample || !log || !source || source.offset > this.#truth.committedHead(log)) {
      this.#fail(`${event.idempotencyKey} is the effect of an event that was not committed`)
      return
    }
    if (!consumes(sample, source.type)) this.#fail(`${event.idempotencyKey} is the effect of a ${source.type}`)
    const attachments = log.events.filter(
      (each) => each.type === 'stream/processor-attached' && each.payload?.includes(`"${slug}"`),
    )
    if (!attachments.some((each) => each.offset < source.offset)) {
      this.#fail(`${event.idempotencyKey} is the effect of an event before the attachment`)
    }
  }
}

/** The key that the engine gives the first event which an effect appends. */
function effectKey(slug: string, incarnationId: string, offset: number): string {
  return `${slug}/${incarnationId}@${offset}/0`
}
