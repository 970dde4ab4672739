import type { PlannedEvent } from '../core/core-events.ts'
import type { EncodedInput, Receipt } from '../event.ts'
import type { StreamPath } from '../path.ts'
import type { Scheduler } from '../scheduler.ts'
import type { EventPage, GroupParticipant, StreamRef, StreamStorage } from '../storage/port.ts'
import type { CommittedStream, Stream } from '../stream.ts'

/** Takes part in a group with nothing in memory that could go with it: `durable` says how it ended. */
export const NO_MEMORY: GroupParticipant = { flush: () => {}, committed: () => {}, rolledBack: () => {} }

/** What the processors of a project need of it. */
export interface ProcessorPorts {
  readonly storage: StreamStorage
  readonly scheduler: Scheduler
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number
  /** What is committed of a stream, its state recovered; null when there is none. */
  committed(path: StreamPath): Promise<CommittedStream | null>
  /** @throws {ItxError} once the file is closed. */
  checkOpen(): void
  /** A page of committed events. @throws {ItxError} INTERNAL when the log is damaged. */
  readAfter(ref: StreamRef, after: number): EventPage
  /** The stream's actor if it exists, the open group included; null while it is being recovered. */
  working(path: StreamPath): Stream | null
  /** Acts on a stream that exists, in one turn, and resolves once that is on the disk. */
  onExisting<T>(path: StreamPath, act: (stream: Stream) => T): Promise<T>
  /** Appends events of the engine's own in the open group; one whose key is there already is left out. */
  place(stream: Stream, planned: readonly PlannedEvent[]): void
  append(path: StreamPath, inputs: readonly EncodedInput[]): Promise<readonly Receipt[]>
  readonly warn: (message: string) => void
}
