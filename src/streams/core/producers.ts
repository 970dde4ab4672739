import { ItxError } from '../errors.ts'
import type { CoreState, Producer } from './state.ts'

/** What is known of a producer: its life, and the last of its appends in it. */
export type ProducerPlace = Pick<Producer, 'epoch' | 'seq'>

/**
 * Whether an append of a producer is new, or one that was stored already (Durable Streams protocol, "Idempotent
 * producers").
 *
 * @param known null: it has appended nothing here
 * @throws {ItxError} CONFLICT `producer-gap` when appends before it are missing; FORBIDDEN `producer-fenced` when a later
 *   life of it has appended; BAD_REQUEST for a new life that does not begin at 0.
 */
export function judgeProducer(state: CoreState, known: ProducerPlace | null, producer: Producer): 'new' | 'duplicate' {
  const { epoch, seq } = producer
  if (known !== null && epoch < known.epoch) {
    throw new ItxError('FORBIDDEN', `producer epoch ${epoch} is over; epoch ${known.epoch} has appended`, {
      reason: 'producer-fenced',
      path: state.path,
      epoch: known.epoch,
    })
  }
  if (known !== null && epoch > known.epoch && seq !== 0) {
    throw new ItxError('BAD_REQUEST', `a new producer epoch begins at seq 0, not at ${seq}`, { field: 'producer-seq' })
  }
  const expected = known === null || epoch > known.epoch ? 0 : known.seq + 1
  if (seq === expected) return 'new'
  if (seq < expected) return 'duplicate'
  throw new ItxError('CONFLICT', `${state.path}: producer seq ${expected} was expected, not ${seq}`, {
    reason: 'producer-gap',
    path: state.path,
    expected,
    received: seq,
  })
}

/** @throws {ItxError} CONFLICT `stream-seq` for a Stream-Seq that does not come after the last one, byte by byte. */
export function checkStreamSeq(state: CoreState, last: string | null, seq: string): void {
  if (last === null || Buffer.compare(Buffer.from(seq), Buffer.from(last)) > 0) return
  throw new ItxError('CONFLICT', `${state.path}: Stream-Seq ${shortened(seq)} does not come after ${shortened(last)}`, {
    reason: 'stream-seq',
    path: state.path,
    last,
  })
}

/** Whether this very append closed the stream. */
export function hasClosed({ closedBy }: CoreState, producer: Producer | undefined): boolean {
  return (
    producer !== undefined &&
    closedBy?.id === producer.id &&
    closedBy.epoch === producer.epoch &&
    closedBy.seq === producer.seq
  )
}

function shortened(seq: string): string {
  return JSON.stringify(seq.length > 40 ? `${seq.slice(0, 40)}…` : seq)
}
