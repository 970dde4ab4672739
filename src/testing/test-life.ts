import { ItxError } from '../streams/errors.ts'
import { DEFAULT_APPEND_LIMITS, type StreamEvent } from '../streams/event.ts'
import type { BatchContext, EffectContext } from '../streams/processors/contract.ts'
import { type ProcessorRegistration, ProcessorRegistry } from '../streams/processors/registry.ts'
import { ProjectStreams } from '../streams/project-streams.ts'
import type { MemoryDisk } from '../streams/storage/memory/memory-disk.ts'
import { MemoryStorage } from '../streams/storage/memory/memory-storage.ts'
import { Activity } from './activity.ts'
import type { TestClock } from './test-clock.ts'

export interface LifeOptions {
  readonly clock: TestClock
  readonly processors: readonly ProcessorRegistration[]
  readonly newId: () => string
}

/** The streams of a project from one start of the server to the next. */
export class TestLife {
  readonly storage: MemoryStorage
  readonly streams: ProjectStreams
  readonly #activity: Activity
  readonly #disk: DiskOfOneLife
  readonly #unheeded: () => void

  constructor(disk: MemoryDisk, { clock, processors, newId }: LifeOptions) {
    this.#activity = new Activity(clock)
    this.#disk = new DiskOfOneLife(disk)
    this.storage = new MemoryStorage(this.#activity, this.#disk)
    this.streams = new ProjectStreams(this.storage, {
      limits: DEFAULT_APPEND_LIMITS,
      now: clock.now,
      newId,
      scheduler: this.#activity,
      processors: new ProcessorRegistry(processors.map((each) => watched(each, this.#activity))),
    })
    this.#unheeded = clock.heed(() => this.#activity.rest())
  }

  /** Resolves when only the clock, or a caller, can set anything going. */
  rest(withinMs?: number): Promise<void> {
    return this.#activity.rest(withinMs)
  }

  /** Ends as when the power fails: what is not on the disk is lost, and whoever waits for it is told. */
  end(): void {
    this.#disk.disconnect()
    this.streams.shutdown()
    this.#unheeded()
  }
}

/** The disk as one life sees it: nothing of that life reaches it once it is disconnected. */
class DiskOfOneLife implements MemoryDisk {
  readonly #disk: MemoryDisk
  #connected = true

  constructor(disk: MemoryDisk) {
    this.#disk = disk
  }

  disconnect(): void {
    this.#connected = false
  }

  read(): readonly string[] {
    return this.#disk.read()
  }

  append(record: string): void {
    this.check()
    this.#disk.append(record)
  }

  truncate(records: number): void {
    this.#disk.truncate(records)
  }

  check(): void {
    if (this.#connected) return
    throw new ItxError('UNAVAILABLE', 'the test server was stopped before this was stored', { reason: 'stopped' })
  }
}

/** The registration, its effects counted as being under way. */
function watched({ processor, ...rest }: ProcessorRegistration, activity: Activity): ProcessorRegistration {
  const { slug, processEvent, processEventBatch } = processor
  const onEvent = (context: EffectContext<unknown, StreamEvent>) =>
    activity.track(`${slug} on event ${context.event.offset} of ${context.stream.path}`, () =>
      processEvent?.(context as never),
    )
  const onBatch = (context: BatchContext<unknown, StreamEvent>) =>
    activity.track(`${slug} on ${context.events.length} events of ${context.stream.path}`, () =>
      processEventBatch?.(context as never),
    )
  const effects = {
    ...(processEvent && { processEvent: onEvent }),
    ...(processEventBatch && { processEventBatch: onBatch }),
  }
  return { ...rest, processor: { ...processor, ...effects } }
}
