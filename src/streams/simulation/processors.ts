import { ERROR_OCCURRED, type ErrorOccurredPayload } from '../core/core-events.ts'
import type { EncodedEvent } from '../event.ts'
import type { StreamPath } from '../path.ts'
import type { ProcessorInfo } from '../processors/host.ts'
import type { ProcessorRegistry } from '../processors/registry.ts'
import {
  type EffectFate,
  NO_TALLY,
  SAMPLES,
  type Sample,
  type Tally,
  consumes,
  sampleOf,
  sampleRegistry,
  tally,
} from './sample-processors.ts'
import type { TrueLog } from './truth.ts'
import type { Call, Outcome, World } from './world.ts'

/** Those who attach processors and set them going again; and what their effects meet with. */
export class Processors implements EffectFate {
  readonly #world: World
  #version = 1
  /** Effects that wait for the outside world. */
  #waiting: (() => void)[] = []
  /** Events whose effect always fails: their marks of life, slug and offset. */
  readonly #poisoned = new Set<string>()
  #calm = false

  constructor(world: World) {
    this.#world = world
    world.onCrash.push(() => (this.#waiting = []))
  }

  /** The processors of one run; now and then another version of them. */
  registry(): ProcessorRegistry | undefined {
    const { random, profile } = this.#world
    if (!profile.processors) return undefined
    if (random.chance(0.15)) this.#version++
    return sampleRegistry(String(this.#version), profile.processors.patterns, this)
  }

  // -- effects ------------------------------------------------------------------------------------------------------

  async before(slug: string, offset: number): Promise<void> {
    await this.#outside(slug, offset, 'before')
  }

  async after(slug: string, offset: number): Promise<void> {
    await this.#outside(slug, offset, 'after')
  }

  async #outside(slug: string, offset: number, when: string): Promise<void> {
    const { random, profile, trace } = this.#world
    const poison = profile.processors?.poison ?? 0
    // By slug and offset alone, whatever the stream: what is poison stays poison.
    const mark = `${slug} ${offset}`
    if (when === 'before' && random.chance(poison)) this.#poisoned.add(mark)
    if (!this.#calm && this.#poisoned.has(mark)) throw new Error('poison')
    if (!this.#calm && random.chance(profile.processors?.failing ?? 0)) {
      trace.add(`${slug} fails ${when} its effect of ${offset}`)
      throw new Error(`a failure ${when} the effect`)
    }
    if (!this.#calm && random.chance(0.2)) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }

  /** Lets effects go on that wait for the outside world. */
  proceed(all = false): void {
    const count = all ? this.#waiting.length : this.#world.random.between(0, 3)
    for (const go of this.#waiting.splice(0, count)) go()
  }

  /** From now on no effect fails, or may again. */
  calm(calm: boolean): void {
    this.#calm = calm
    if (calm) this.proceed(true)
  }

  // -- what they do -------------------------------------------------------------------------------------------------

  act(): void {
    const { random, profile } = this.#world
    if (!profile.processors) return
    this.proceed()
    const path = this.#world.pickPath()
    const { slug } = random.pick(SAMPLES)
    switch (random.weighted({ attach: 4, detach: 1, restart: 2, list: 2, stateAt: 2 })) {
      case 'attach':
        this.#call(
          `attach ${slug} to`,
          path,
          (host) => host.attach(path, slug),
          () => false,
        )
        return
      case 'detach':
        this.#call(`detach ${slug} from`, path, (host) => host.detach(path, slug), isUnknown)
        return
      case 'restart': {
        const from = random.pick(['skip', 'checkpoint', 'skip', random.between(0, 10)] as const)
        const fair = (code: string, reason: unknown) =>
          isUnknown(code, reason) ||
          (code === 'CONFLICT' && (reason === 'not-parked' || reason === 'incarnation')) ||
          (code === 'BAD_REQUEST' && typeof from === 'number')
        this.#call(`restart ${slug} from ${from} at`, path, (host) => host.restart(path, slug, from), fair)
        return
      }
      case 'list':
        this.#list(path)
        return
      case 'stateAt':
        this.#stateAt(path, slug, random.between(0, 12))
    }
  }

  #call<T>(
    what: string,
    path: StreamPath,
    make: (host: World['run']['streams']['processors']) => Promise<T>,
    fair: (code: string, reason: unknown) => boolean,
    done: (value: T, call: Call) => void = () => {},
  ): void {
    this.#world.call(
      what,
      path,
      (streams) => make(streams.processors),
      (outcome: Outcome<T>, call) => {
        if (outcome.kind === 'done') done(outcome.value, call)
        if (outcome.kind !== 'refused') return
        const absent = outcome.code === 'NOT_FOUND' && this.#world.mayBeAbsent(call)
        if (absent || fair(outcome.code, outcome.details['reason'])) return
        this.#world.fail(`#${call.id} ${what} ${path} was refused without a reason: ${JSON.stringify(outcome)}`)
      },
    )
  }

  #list(path: StreamPath): void {
    this.#call(
      'list processors of',
      path,
      (host) => host.list(path),
      () => false,
      (list) => {
        const { truth } = this.#world
        const log = truth.logOf(path)
        const head = log?.head ?? 0
        for (const { slug, checkpoint, lag } of list) {
          // This one passes over nothing: wherever it is, it has written so.
          if (
            slug === 'count' &&
            log &&
            !this.#world.disk.heldMore &&
            checkpoint > truth.processors.checkpoint(log.id, slug)
          ) {
            this.#world.fail(`${slug} of ${path} is at ${checkpoint}, which is not on the disk`)
          }
          if (checkpoint + lag !== head) {
            this.#world.fail(`${slug} of ${path} is at ${checkpoint} with ${lag} to go, but the log ends at ${head}`)
          }
        }
      },
    )
  }

  #stateAt(path: StreamPath, slug: string, offset: number): void {
    const lives = this.#world.truth.logOf(path)
    const fair = (code: string, reason: unknown) =>
      code === 'BAD_REQUEST' || (code === 'CONFLICT' && reason === 'incarnation')
    this.#call(
      `state of ${slug} after ${offset} of`,
      path,
      (host) => host.stateAt(path, slug, offset),
      fair,
      (value) => {
        const sample = sampleOf(slug)
        const log = this.#world.truth.logOf(path)
        // Asked over two lives: either answer is right.
        if (!sample || !log || log !== lives) return
        if (JSON.stringify(value.state) !== JSON.stringify(folded(log, sample, offset))) {
          this.#world.fail(`the state of ${slug} after ${offset} of ${path} is wrong: ${JSON.stringify(value.state)}`)
        }
      },
    )
  }

  /** Sets those going that are parked: nothing is poison at rest. */
  restartParked(): void {
    if (!this.#world.profile.processors) return
    for (const path of this.#world.truth.streams.keys()) {
      this.#call(
        'list processors of',
        path,
        (host) => host.list(path),
        () => false,
        (list) => {
          for (const { slug } of list.filter(({ status }) => status === 'parked')) {
            this.#call(
              `restart ${slug} at`,
              path,
              (host) => host.restart(path, slug),
              () => false,
            )
          }
        },
      )
    }
  }

  // -- what must be so at rest --------------------------------------------------------------------------------------

  /** Everything is caught up, or parked and has said so; every effect is there, once. */
  checkAtRest(): void {
    if (!this.#world.profile.processors) return
    for (const [path, { log }] of this.#world.truth.streams) {
      this.#call(
        'list processors of',
        path,
        (host) => host.list(path),
        () => false,
        (list) => {
          for (const info of list) this.#checkInfo(log, info)
        },
      )
      for (const { slug } of SAMPLES) this.#stateAt(path, slug, log.head)
    }
  }

  #checkInfo(log: TrueLog, { slug, status, checkpoint, lag, error }: ProcessorInfo): void {
    const fail = (message: string) => this.#world.fail(`${slug} of ${log.path}: ${message}`)
    if (status === 'caught-up' && lag === 0 && checkpoint === log.head) return
    if (status !== 'parked') fail(`is ${status} at ${checkpoint} of ${log.head}, and nothing keeps it`)
    else if (!log.events.some((event) => isReport(event, slug, error?.offset))) fail('is parked and has not said so')
  }
}

function isUnknown(code: string, reason: unknown): boolean {
  return code === 'NOT_FOUND' && reason === 'processor'
}

/** What a processor makes of a log, by the law that its state is a reduction of it. */
export function folded(log: TrueLog, sample: Sample, offset: number): Tally {
  return log.events
    .slice(0, offset)
    .filter(({ type }) => consumes(sample, type))
    .reduce((state, event) => tally(state, event.offset), NO_TALLY)
}

/** Whether a processor said with this event that it is parked before an offset. */
export function isReport(event: EncodedEvent, slug: string, offset: number | undefined): boolean {
  if (event.type !== ERROR_OCCURRED) return false
  const payload = JSON.parse(event.payload ?? '{}') as ErrorOccurredPayload
  return payload.processor.slug === slug && payload.offset === offset
}
