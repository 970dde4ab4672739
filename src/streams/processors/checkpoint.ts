import { ItxError } from '../errors.ts'
import type { StreamRef } from '../storage/port.ts'
import type { CommittedStream } from '../stream.ts'
import type { RunnableProcessor } from './contract.ts'
import { NO_MEMORY, type ProcessorPorts } from './ports.ts'
import { encodeState, superfluous } from './snapshots.ts'
import { stateAt } from './state-at.ts'

/** Why a processor does not get on. */
export interface ProcessorFailure {
  /** The event that failed; for the disk's failures, the one that would have come next. */
  readonly offset: number
  readonly message: string
  readonly attempts: number
  /** ISO 8601. */
  readonly at: string
}

/** How far a processor is, and what it has made of the log up to there. */
export interface Position {
  readonly offset: number
  readonly state: unknown
  /** The state as it is stored. */
  readonly text: string
  /** Effects of events up to this offset are not run. */
  readonly effectsAfter: number
  readonly parked: ProcessorFailure | null
}

/**
 * Where a processor is in one life of one stream: its newest snapshot, read once and written with every batch.
 *
 * Invariant: what is in memory was on the disk first, but for events that the processor does not consume.
 */
export class Checkpoint {
  readonly #ports: ProcessorPorts
  readonly #processor: RunnableProcessor
  readonly #ref: StreamRef
  readonly #attachedAt: number
  #position: Position | null = null
  /** The offsets of the snapshots that are stored, ascending. */
  #snapshots: number[] = []
  /** The snapshots are another version's: they go when the first of this version is written. */
  #discard = false

  constructor(ports: ProcessorPorts, processor: RunnableProcessor, ref: StreamRef, attachedAt: number) {
    this.#ports = ports
    this.#processor = processor
    this.#ref = ref
    this.#attachedAt = attachedAt
  }

  /** Null before it was read. */
  get position(): Position | null {
    return this.#position
  }

  /** The offset of the newest snapshot; 0 when there is none. */
  get stored(): number {
    return this.#snapshots.at(-1) ?? 0
  }

  /** @throws {ItxError} INTERNAL when the snapshot is damaged. */
  read(found: CommittedStream): Position {
    return (this.#position ??= this.#load(found))
  }

  /** Moves past events that the processor does not consume: not worth a write of its own. */
  pass(position: Position): void {
    this.#position = position
  }

  /**
   * The position at an earlier offset, its effects to be run again from there. It needs nothing of what is stored after
   * that, so a damaged snapshot can be left behind this way.
   *
   * @throws {ItxError} BAD_REQUEST ahead of the checkpoint; what `stateAt` throws.
   */
  async earlier(found: CommittedStream, offset: number): Promise<Position> {
    const { slug } = this.#processor
    this.#snapshots = this.#ports.storage.working.snapshotOffsets(this.#ref.id, slug)
    const checkpoint = Math.max(this.#position?.offset ?? 0, this.stored)
    if (offset > checkpoint) {
      throw new ItxError(
        'BAD_REQUEST',
        `${slug} is at offset ${checkpoint} of ${this.#ref.path}: it can go back, not on`,
        { field: 'from', checkpoint },
      )
    }
    const { state } = await stateAt(this.#ports, this.#processor, found, offset, checkpoint)
    return { offset, state, text: encodeState(state, slug), effectsAfter: this.#attachedAt, parked: null }
  }

  /**
   * Writes the snapshot, and only once it is on the disk moves there in memory: a write that fails is made again.
   *
   * @param signal of the generation that writes; aborted meanwhile, it moves nothing
   * @throws {ItxError} UNAVAILABLE, INTERNAL of the storage; CONFLICT `incarnation` when that life is over.
   */
  async save(position: Position, signal: AbortSignal): Promise<void> {
    const { storage } = this.#ports
    const { slug, version } = this.#processor
    const ref = this.#ref
    const { offset, effectsAfter, text: state, parked } = position
    // A row for a life that is over would be nobody's to delete.
    if (this.#ports.working(ref.path)?.working.incarnationId !== ref.incarnationId) {
      throw new ItxError('CONFLICT', `${ref.path} is not there, or began a new life`, { reason: 'incarnation' })
    }
    const older = this.#discard ? [] : this.#snapshots.filter((each) => each < offset)
    const all = [...older, offset]
    const gone = superfluous(all)
    storage.transactionSync(NO_MEMORY, (tx) => {
      // Going back leaves none ahead; nor does a generation that was aborted while it wrote.
      tx.deleteSnapshots(ref.id, slug, this.#discard ? 0 : offset, Number.MAX_SAFE_INTEGER)
      for (const each of gone) tx.deleteSnapshots(ref.id, slug, each, each)
      tx.saveSnapshot(ref, slug, { offset, version, effectsAfter, state, parked: parked && JSON.stringify(parked) })
    })
    await storage.durable()
    if (signal.aborted) return
    this.#discard = false
    this.#snapshots = all.filter((each) => !gone.includes(each))
    this.#position = position
  }

  #load(found: CommittedStream): Position {
    const { slug, version, initialState } = this.#processor
    const { working } = this.#ports.storage
    this.#snapshots = working.snapshotOffsets(this.#ref.id, slug)
    const row = working.findSnapshot(this.#ref, slug, Number.MAX_SAFE_INTEGER)
    const text = encodeState(initialState, slug)
    const beginning = { offset: found.state.firstOffset - 1, state: initialState, text, parked: null }
    if (!row) return { ...beginning, effectsAfter: this.#attachedAt }
    const state = row.version === version ? this.#stateOf(row.state) : undefined
    if (state === undefined) {
      this.#discard = true
      // What has acted already does not act again only because it is reduced anew.
      return { ...beginning, effectsAfter: Math.max(this.#attachedAt, row.effectsAfter, row.offset) }
    }
    const parked = row.parked === null ? null : (JSON.parse(row.parked) as ProcessorFailure)
    return { offset: row.offset, state, text: row.state, effectsAfter: row.effectsAfter, parked }
  }

  /** Undefined when it no longer fits the schema: then the log is reduced anew. */
  #stateOf(text: string): unknown {
    try {
      return this.#processor.checkState(JSON.parse(text))
    } catch {
      return undefined
    }
  }
}
