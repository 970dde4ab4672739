import { PROCESSOR_DETACHED, type ProcessorDetachedPayload, coreEvent } from '../core/core-events.ts'
import { type AttachedProcessor, type CoreState, MAX_PROCESSORS } from '../core/state.ts'
import { wholeNumber } from '../directory.ts'
import { ItxError, itxErrorCode, shown } from '../errors.ts'
import type { ParkedProcessor } from '../overview.ts'
import { type StreamPath, isBelow } from '../path.ts'
import { nextTurn } from '../scheduler.ts'
import type { CommittedStream } from '../stream.ts'
import type { ProcessorFailure } from './checkpoint.ts'
import type { RunnableProcessor } from './contract.ts'
import { NO_MEMORY, type ProcessorPorts } from './ports.ts'
import { type ProcessorRegistry, attachedEvent } from './registry.ts'
import { ProcessorRunner, type ProcessorStatus, type RestartFrom } from './runner.ts'
import { coreStateAt, messageOf, stateAt } from './state-at.ts'

/** Parked processors that are counted, at most. */
const PARKED_COUNTED = 200
/** Processors at rest that are kept in memory, with their state. */
const MAX_RESTING = 1000
/** Streams looked at in one turn when the host starts. */
const RESUME_PAGE = 100
/** The wait before streams are looked at again where the disk failed, in milliseconds. */
const RESUME_AGAIN_MS = 5000

/** A processor of one stream, and how it gets on. */
export interface ProcessorInfo {
  readonly slug: string
  readonly version: string
  /** Effects of events up to this offset are not run. */
  readonly attachedAt: number
  /** `unavailable`: this server has no processor of that name. */
  readonly status: ProcessorStatus | 'unavailable'
  /** It is done with all events up to this offset. */
  readonly checkpoint: number
  /** Events of the log that it has not looked at. */
  readonly lag: number
  readonly error: ProcessorFailure | null
}

/** A processor that this server has. */
export interface AvailableProcessor {
  readonly slug: string
  readonly version: string
  readonly description: string
  readonly consumes: readonly string[]
}

/** Runs the processors of one project: those attached to its streams, wherever there is something new for them. */
export class ProcessorHost {
  readonly #ports: ProcessorPorts
  readonly #registry: ProcessorRegistry
  /** By path and slug, in order of last use. */
  readonly #runners = new Map<string, ProcessorRunner>()
  #resuming = false
  #stopped = false

  constructor(ports: ProcessorPorts, registry: ProcessorRegistry) {
    this.#ports = ports
    this.#registry = registry
  }

  /** Whether any processor is at work. */
  get busy(): boolean {
    return this.#resuming || [...this.#runners.values()].some((runner) => runner.busy)
  }

  get available(): readonly AvailableProcessor[] {
    return this.#registry.all.map(({ slug, version, description, consumes }) => ({
      slug,
      version,
      description,
      consumes,
    }))
  }

  /**
   * Attaches a processor. It reduces the whole log; its effects begin with what comes next. Attached already: nothing.
   *
   * @throws {ItxError} NOT_FOUND `processor` for one that this server has not, or for no stream; CONFLICT `too-many`.
   */
  async attach(path: StreamPath, slug: string): Promise<void> {
    const processor = this.#known(slug)
    await this.#ports.onExisting(path, (stream) => {
      const { processors } = stream.working
      const there = processors.find((each) => each.slug === slug)
      if (there && !there.detached) return
      if (!there && processors.length >= MAX_PROCESSORS) {
        throw new ItxError('CONFLICT', `${path} has ${processors.length} processors; at most ${MAX_PROCESSORS}`, {
          reason: 'too-many',
          limit: MAX_PROCESSORS,
        })
      }
      this.#ports.place(stream, [attachedEvent(processor)])
    })
  }

  /**
   * Detaches a processor; its state and checkpoint are forgotten.
   *
   * @throws {ItxError} NOT_FOUND when it is not attached, or there is no stream.
   */
  async detach(path: StreamPath, slug: string): Promise<void> {
    const found = await this.#ports.committed(path)
    let dropped = false
    try {
      await this.#ports.onExisting(path, (stream) => {
        attachment(stream.working, slug)
        this.#drop(path, slug)
        dropped = true
        const payload: ProcessorDetachedPayload = { slug }
        this.#ports.place(stream, [coreEvent(PROCESSOR_DETACHED, payload)])
        if (found?.ref.incarnationId !== stream.working.incarnationId) return
        this.#ports.storage.transactionSync(NO_MEMORY, (tx) =>
          tx.deleteSnapshots(found.ref.id, slug, 0, Number.MAX_SAFE_INTEGER),
        )
      })
    } catch (error) {
      // It may still be attached, and nobody would set it going.
      if (dropped) this.#resumeLater()
      throw error
    }
  }

  /** The processors attached to a stream, and how they get on. None for a stream that does not exist. */
  async list(path: StreamPath): Promise<readonly ProcessorInfo[]> {
    const found = await this.#committed(path)
    if (!found) return []
    return found.state.processors.filter((each) => !each.detached).map((each) => this.#info(found, each))
  }

  /**
   * The processors of the project that are parked, the first of them in the order in which their streams were made, and
   * how many there are: beyond 200 they are not counted.
   *
   * @throws {ItxError} when the file was closed meanwhile.
   */
  async parked(limit: number): Promise<{ readonly shown: readonly ParkedProcessor[]; readonly count: number }> {
    this.#ports.checkOpen()
    // What another version left behind is reduced anew, and what this server has not is unavailable: neither is parked.
    const hints = this.#ports.storage.committed
      .listParked(PARKED_COUNTED)
      .filter(({ processor, version }) => this.#registry.get(processor)?.version === version)
    const known: ParkedProcessor[] = []
    let past = 0
    for (const { path, processor } of hints) {
      if (known.length >= limit) break
      past++
      const found = await this.#committed(path)
      const attached = found?.state.processors.find((each) => each.slug === processor && !each.detached)
      if (!found || !attached) continue
      const { status, error } = this.#info(found, attached)
      if (status !== 'parked' || !error) continue
      known.push({ path, processor, offset: error.offset, error: error.message, at: error.at })
    }
    return { shown: known, count: known.length + hints.length - past }
  }

  /**
   * Sets a processor going again: from its checkpoint, past the event it is parked at, or back from an offset, from where
   * its effects run once more.
   *
   * @throws {ItxError} NOT_FOUND when it is not attached or not available; CONFLICT `not-parked`; BAD_REQUEST ahead of its
   *   checkpoint.
   */
  async restart(path: StreamPath, slug: string, from: RestartFrom = 'checkpoint'): Promise<void> {
    if (typeof from === 'number') wholeNumber(from, 'from')
    const found = await this.#existing(path)
    const attached = attachment(found.state, slug)
    this.#known(slug)
    await this.#runner(found, attached)?.restart(found, from)
  }

  /**
   * A processor's state after any event of a stream, the newest when no offset is given; `core` is the stream's own state.
   *
   * @throws {ItxError} NOT_FOUND for no such stream, processor, or an offset that is trimmed; BAD_REQUEST beyond the end;
   *   CONFLICT `processor-failed`.
   */
  async stateAt(path: StreamPath, slug: string, offset?: number) {
    if (offset !== undefined) wholeNumber(offset, 'offset')
    const found = await this.#existing(path)
    if (slug === 'core') return coreStateAt(this.#ports, found, offset ?? found.state.maxOffset)
    const processor = this.#known(slug)
    const attached = found.state.processors.find((each) => each.slug === slug && !each.detached)
    const checkpoint = attached ? this.#checkpoint(found, attached) : 0
    return stateAt(this.#ports, processor, found, offset ?? (attached ? checkpoint : found.state.maxOffset), checkpoint)
  }

  /** A stream has moved on: its processors have something to do. */
  wake(found: CommittedStream): void {
    if (this.#stopped) return
    for (const attached of found.state.processors) if (!attached.detached) this.#runner(found, attached)?.wake()
    this.#rest()
  }

  /** A life of a stream, and perhaps of all below it, is over. */
  end(path: StreamPath, below: boolean): void {
    for (const [key, runner] of this.#runners) {
      if (runner.ref.path !== path && !(below && isBelow(runner.ref.path, path))) continue
      runner.stop()
      this.#runners.delete(key)
    }
  }

  /** Finds the streams whose processors are behind, as a crash leaves them, and sets those going. */
  async resume(): Promise<void> {
    this.#resuming = true
    let again = false
    try {
      for (let after = ''; !this.#stopped;) {
        const paths = this.#ports.storage.committed.listProcessed(after, RESUME_PAGE)
        for (const path of paths) {
          if (!(await this.#resumeOne(path))) again = true
          if (this.#stopped) return
        }
        const last = paths.at(-1)
        if (last === undefined || paths.length < RESUME_PAGE) break
        after = last
        await nextTurn(this.#ports.scheduler)
      }
    } catch (error) {
      if (!this.#stopped) this.#ports.warn(`processors were not resumed: ${messageOf(error)}`)
      again = true
    } finally {
      this.#resuming = false
    }
    // Given up, they would stand still until the next event of their stream.
    if (again) this.#resumeLater()
  }

  #resumeLater(): void {
    if (!this.#stopped) this.#ports.scheduler.timer(RESUME_AGAIN_MS, () => void this.resume())
  }

  /** @returns false where it is worth another try; a damaged stream is not, and keeps no other from going on. */
  async #resumeOne(path: StreamPath): Promise<boolean> {
    try {
      const found = await this.#ports.committed(path)
      if (!this.#stopped && found && this.#isBehind(found)) this.wake(found)
      return true
    } catch (error) {
      if (!this.#stopped) this.#ports.warn(`${path}: its processors were not resumed: ${messageOf(error)}`)
      return itxErrorCode(error) !== 'UNAVAILABLE'
    }
  }

  stop(): void {
    this.#stopped = true
    for (const runner of this.#runners.values()) runner.stop()
    this.#runners.clear()
  }

  // -- runners ----------------------------------------------------------------------------------------------------

  #runner(found: CommittedStream, { slug, attachedAt }: AttachedProcessor): ProcessorRunner | null {
    const processor = this.#registry.get(slug)
    if (!processor || this.#stopped) return null
    const key = keyOf(found.ref.path, slug)
    let runner = this.#runners.get(key)
    if (runner && (runner.ref.incarnationId !== found.ref.incarnationId || runner.attachedAt !== attachedAt)) {
      runner.stop()
      runner = undefined
    }
    runner ??= new ProcessorRunner(this.#ports, processor, found.ref, attachedAt)
    this.#runners.delete(key)
    this.#runners.set(key, runner)
    return runner
  }

  #drop(path: StreamPath, slug: string): void {
    const key = keyOf(path, slug)
    this.#runners.get(key)?.stop()
    this.#runners.delete(key)
  }

  /** Lets go of processors that have been at rest the longest. */
  #rest(): void {
    for (const [key, runner] of this.#runners) {
      if (this.#runners.size <= MAX_RESTING) return
      if (!runner.busy) this.#runners.delete(key)
    }
  }

  #isBehind({ ref, state }: CommittedStream): boolean {
    return state.processors.some(({ slug, detached }) => {
      const processor = this.#registry.get(slug)
      if (detached || !processor) return false
      const newest = this.#ports.storage.working.findSnapshot(ref, slug, Number.MAX_SAFE_INTEGER)
      return newest?.version !== processor.version || newest.offset < state.maxOffset
    })
  }

  #info(found: CommittedStream, attached: AttachedProcessor): ProcessorInfo {
    const { slug, attachedAt } = attached
    const runner = this.#runner(found, attached)
    const lag = found.state.maxOffset
    if (!runner) {
      return { slug, version: attached.version, attachedAt, status: 'unavailable', checkpoint: 0, lag, error: null }
    }
    const { version } = runner.processor
    try {
      return { slug, version, attachedAt, ...runner.status(found) }
    } catch (error) {
      // Its checkpoint is damaged: that is what there is to say of it.
      const failure = {
        offset: 0,
        message: messageOf(error),
        attempts: 1,
        at: new Date(this.#ports.now()).toISOString(),
      }
      return { slug, version, attachedAt, status: 'waiting', checkpoint: 0, lag, error: failure }
    }
  }

  #checkpoint(found: CommittedStream, attached: AttachedProcessor): number {
    return this.#runner(found, attached)?.status(found).checkpoint ?? 0
  }

  #known(slug: string): RunnableProcessor {
    const processor = this.#registry.get(slug)
    if (processor) return processor
    throw new ItxError('NOT_FOUND', `this server has no processor named ${shown(slug)}`, {
      reason: 'processor',
      available: this.#registry.all.map((each) => each.slug),
    })
  }

  async #existing(path: StreamPath): Promise<CommittedStream> {
    const found = await this.#committed(path)
    if (!found) throw new ItxError('NOT_FOUND', `stream ${path} does not exist`, { path })
    return found
  }

  /** @throws {ItxError} when the file was closed meanwhile: its processors and their snapshots are gone. */
  async #committed(path: StreamPath): Promise<CommittedStream | null> {
    const found = await this.#ports.committed(path)
    this.#ports.checkOpen()
    return found
  }
}

function keyOf(path: StreamPath, slug: string): string {
  return `${path}\n${slug}`
}

/** @throws {ItxError} NOT_FOUND when the processor is not attached. */
function attachment(state: CoreState, slug: string): AttachedProcessor {
  const found = state.processors.find((each) => each.slug === slug && !each.detached)
  if (found) return found
  throw new ItxError('NOT_FOUND', `${shown(slug)} is not attached to ${state.path}`, {
    reason: 'processor',
    path: state.path,
  })
}
