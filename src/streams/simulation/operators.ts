import type { ConfigChange } from '../core/config.ts'
import { encodeJson } from '../json-text.ts'
import type { StreamPath } from '../path.ts'
import type { ProjectStreams } from '../project-streams.ts'
import { sameState } from './same-state.ts'
import type { Call, Effect, Outcome, World } from './world.ts'

/** A call that stores one event, known by its mark. */
interface Deed {
  readonly call: Call
  readonly mark: string
  readonly outcome: Outcome<unknown>
}

/** Those who pause, configure, reset and delete, and the account of what they were told. */
export class Operators {
  readonly #world: World
  readonly #deeds: Deed[] = []
  #lastMark = 0

  constructor(world: World) {
    this.#world = world
  }

  /** @returns the stream whose life it ends, if it ends one. */
  act(): StreamPath | null {
    const { random, profile } = this.#world
    const path = this.#world.pickPath()
    if (!random.chance(profile.destruction)) {
      this.#control(path)
      return null
    }
    if (random.chance(0.4)) this.#reset(path)
    else this.#delete(path)
    return path
  }

  /** Uses every stream there is: what was stored though its commit was reported as failed is told of then. */
  useAll(): void {
    for (const path of this.#world.truth.streams.keys()) this.#create(path)
  }

  /** Lets callers' events pass everywhere. */
  openAll(): void {
    for (const [path, { log }] of this.#world.truth.streams) {
      const { config, paused } = log.state
      if (config.circuitBreaker) {
        this.#do('unlimit', path, '', (streams) => streams.configure(path, { circuitBreaker: null }))
      }
      if (paused) this.#do('resume', path, '', (streams) => streams.resume(path))
    }
  }

  #control(path: StreamPath): void {
    const mark = `m0.${++this.#lastMark}`
    switch (this.#world.random.weighted({ pause: 2, resume: 4, configure: 3, metadata: 2, close: 0.3, create: 2 })) {
      case 'pause':
        this.#do('pause', path, mark, (streams) => streams.pause(path, mark), 'gate')
        return
      case 'resume':
        this.#do('resume', path, mark, (streams) => streams.resume(path, mark))
        return
      case 'metadata':
        this.#do('set metadata of', path, mark, (streams) => streams.setMetadata(path, { mark }))
        return
      case 'configure': {
        const config = this.#config(path)
        const payload = encodeJson({ config }, 'payload')
        // What takes a setting back has nothing in it that could be told from another.
        const known = config.circuitBreaker ? payload : ''
        this.#do(`configure ${payload}`, path, known, (streams) => streams.configure(path, config))
        return
      }
      case 'close':
        this.#close(path, mark)
        return
      case 'create':
        this.#create(path)
    }
  }

  #config(path: StreamPath): ConfigChange {
    const { random, breakers } = this.#world
    const recordPresence = random.chance(0.3)
    if (random.chance(0.4)) return { circuitBreaker: null, recordPresence }
    breakers.add(path)
    // No two are the same: a millionth of a token lets nothing pass.
    const burstCapacity = random.between(0, 12) + this.#lastMark / 1e6
    return { circuitBreaker: { burstCapacity, refillRatePerMinute: random.chance(0.7) ? 0 : 600 }, recordPresence }
  }

  #do(
    what: string,
    path: StreamPath,
    mark: string,
    act: (streams: ProjectStreams) => Promise<void>,
    effect: Effect | null = null,
  ): void {
    this.#world.call(
      what,
      path,
      act,
      (outcome, call) => {
        this.#deeds.push({ call, mark, outcome })
        if (outcome.kind === 'done' && mark !== '' && this.#world.truth.positions(mark).length !== 1) {
          this.#world.fail(`#${call.id} ${what} ${path} was acknowledged before it was on the disk`)
        }
        this.#checkRefusal(outcome, call)
      },
      effect,
    )
  }

  #close(path: StreamPath, mark: string): void {
    const { truth } = this.#world
    const before = truth.removals.get(path)
    this.#world.call(
      'close',
      path,
      (streams) => streams.close(path, mark),
      (outcome, call) => {
        this.#checkRefusal(outcome, call)
        if (outcome.kind !== 'done' || truth.removals.get(path) !== before) return
        if (truth.logOf(path)?.state.closed !== true) {
          this.#world.fail(`#${call.id} close ${path} was acknowledged before it was on the disk`)
        }
      },
      'gate',
    )
  }

  #create(path: StreamPath): void {
    const { truth } = this.#world
    this.#world.call(
      'create',
      path,
      (streams) => streams.create(path),
      (outcome, call) => {
        this.#checkRefusal(outcome, call)
        if (outcome.kind !== 'done') return
        const { state } = outcome.value
        const stored = truth.life(path, state.incarnationId)?.states[state.maxOffset]
        if (!stored || !sameState(stored, state)) {
          this.#world.fail(
            `#${call.id} create ${path} answered a state that is not on the disk: ${JSON.stringify(state)}`,
          )
        }
      },
    )
  }

  #reset(path: StreamPath): void {
    const { truth } = this.#world
    this.#world.call(
      'reset',
      path,
      (streams) => streams.reset(path),
      (outcome, call) => {
        this.#checkRefusal(outcome, call)
        if (outcome.kind === 'done' && !truth.life(path, outcome.value.incarnationId)) {
          this.#world.fail(`#${call.id} reset ${path} was acknowledged before it was on the disk`)
        }
      },
    )
  }

  #delete(path: StreamPath): void {
    const { truth, random } = this.#world
    const recursive = random.chance(0.5)
    const before = truth.removals.get(path)
    this.#world.call(
      recursive ? 'delete all of' : 'delete',
      path,
      (streams) => streams.delete(path, { recursive }),
      (outcome, call) => {
        const children = outcome.kind === 'refused' && outcome.details['reason'] === 'children'
        if (!children || recursive) this.#checkRefusal(outcome, call)
        if (outcome.kind === 'done' && !recursive && outcome.value.deleted !== 1) {
          this.#world.fail(`#${call.id} delete ${path} took ${outcome.value.deleted - 1} streams below it along`)
        }
        if (outcome.kind === 'done' && truth.removals.get(path) === before) {
          this.#world.fail(`#${call.id} delete ${path} was acknowledged before it was on the disk`)
        }
      },
      'end',
    )
  }

  #checkRefusal(outcome: Outcome<unknown>, call: Call): void {
    if (outcome.kind !== 'refused') return
    if (outcome.code === 'NOT_FOUND' && this.#world.mayBeAbsent(call)) return
    this.#world.fail(`#${call.id} ${call.what} ${call.path} was refused without a reason: ${JSON.stringify(outcome)}`)
  }

  check(): void {
    for (const { call, mark, outcome } of this.#deeds) {
      if (mark === '') continue
      const stored = this.#world.truth.positions(mark).length
      if (stored > 1 || (outcome.kind === 'refused' && stored > 0)) {
        this.#world.fail(`#${call.id} ${call.what} ${call.path}: ${outcome.kind}, but stored ${stored} times`)
      }
    }
  }
}
