import type { Batch, Closed, SubscribeOptions, Subscription } from '../delivery/batch.ts'
import { type StreamPath, isBelow } from '../path.ts'
import { sameState } from './same-state.ts'
import type { TrueLog } from './truth.ts'
import type { Run, World } from './world.ts'

const MAX_IN_FLIGHT = 4

/** How a subscriber takes its batches. */
type Manner = 'prompt' | 'slow' | 'stalling' | 'fragile'

/** One who follows a stream, through any number of subscriptions. */
class Follower {
  readonly name: string
  readonly path: StreamPath
  readonly manner: Manner
  readonly options: Omit<SubscribeOptions, 'after' | 'incarnationId'>
  readonly types: ReadonlySet<string> | null
  /** Where the next subscription begins; null: not begun yet. */
  through: number | null = null
  incarnationId: string | null = null
  live: Live | null = null

  constructor(name: string, path: StreamPath, manner: Manner, options: Follower['options']) {
    this.name = name
    this.path = path
    this.manner = manner
    this.options = options
    this.types = options.types ? new Set(options.types) : null
  }
}

/** One subscription of a follower. */
interface Live {
  readonly run: Run
  readonly failuresBefore: number
  readonly recordsBefore: number
  readonly removalsBefore: number
  subscription: Subscription | null
  /** The offset it has covered; null before the first batch of one that began `now`. */
  cursor: number | null
  incarnationId: string | null
  begun: boolean
  readonly unacknowledged: (() => void)[]
  /** The maxOffset of the last state that it was sent. */
  stateAt: number
  /** Why it must end, if it must: told or not. */
  ending: Closed['reason'] | null
  closed: Closed | null
}

/** Those who follow streams: every committed event that matches, once, in order, without a gap. */
export class Subscribers {
  readonly #world: World
  readonly #followers: readonly Follower[]

  constructor(world: World) {
    this.#world = world
    const { random, profile } = world
    this.#followers = Array.from({ length: profile.subscribers }, (_, i) => {
      const kind = random.weighted({ all: 5, types: 3, state: 2, both: 2 })
      const types = random.chance(0.5) ? ['x'] : ['y', 'z', 'stream/child-created']
      const manner = random.weighted<Manner>({ prompt: 4, slow: 4, stalling: 1, fragile: 1 })
      return new Follower(`s${i + 1}`, random.pick(profile.paths), manner, {
        ...(kind === 'types' || (kind === 'both' && random.chance(0.5)) ? { types } : {}),
        ...(kind === 'state' ? { events: false } : {}),
        ...(kind === 'both' ? { state: true } : {}),
      })
    })
    world.onCrash.push(() => {
      for (const follower of this.#followers) follower.live = null
    })
  }

  act(): void {
    const { random } = this.#world
    if (this.#followers.length === 0) return
    const follower = random.pick(this.#followers)
    const { live } = follower
    if (!live) {
      this.#subscribe(follower)
      return
    }
    if (live.closed) {
      follower.live = null
    } else if (random.chance(0.06) && live.subscription) {
      this.#world.trace.add(`${follower.name} unsubscribes`)
      live.ending ??= 'unsubscribed'
      live.subscription.unsubscribe()
    } else this.#acknowledge(live, random.between(1, 3))
  }

  /** Subscribes who is not: all must catch up now. */
  calm(): void {
    for (const follower of this.#followers) {
      if (follower.live?.closed) follower.live = null
      if (!follower.live) this.#subscribe(follower)
    }
  }

  /** Acknowledges everything. */
  acknowledge(): void {
    for (const { live } of this.#followers) if (live) this.#acknowledge(live, Infinity)
  }

  #acknowledge(live: Live, count: number): void {
    for (const acknowledge of live.unacknowledged.splice(0, count)) acknowledge()
  }

  // -- subscribing ------------------------------------------------------------------------------------------------

  #subscribe(follower: Follower): void {
    const { random, truth } = this.#world
    const { path } = follower
    // Most go on where they were; some begin anew.
    if (random.chance(0.1)) follower.through = follower.incarnationId = null
    const after = follower.through ?? random.pick([...(['start', 'now'] as const), random.between(0, 12)])
    const resumes = follower.through !== null && follower.incarnationId !== null
    const options: SubscribeOptions = {
      ...follower.options,
      after,
      ...(resumes && follower.incarnationId !== null ? { incarnationId: follower.incarnationId } : {}),
    }
    const live: Live = {
      run: this.#world.run,
      failuresBefore: this.#world.disk.failures,
      recordsBefore: truth.records,
      removalsBefore: truth.removals.get(path) ?? 0,
      subscription: null,
      cursor: after === 'now' ? null : after === 'start' ? 0 : after,
      incarnationId: resumes ? follower.incarnationId : null,
      begun: false,
      unacknowledged: [],
      stateAt: -1,
      ending: null,
      closed: null,
    }
    follower.live = live
    const before = placeOf(truth.logOf(path))
    this.#world.call(
      `${follower.name} subscribe ${JSON.stringify(options)}`,
      path,
      (streams) => streams.subscribe(path, options, (batch) => this.#take(follower, live, batch)),
      (outcome, call) => {
        if (outcome.kind === 'done') {
          if (!live.begun && !this.#world.excused(call)) {
            this.#world.fail(`${follower.name}: the first batch did not come at once`)
          }
          this.#begun(follower, live, outcome.value)
          return
        }
        if (follower.live === live) follower.live = null
        if (outcome.kind !== 'refused') return
        follower.through = follower.incarnationId = null
        const now = placeOf(truth.logOf(path))
        const fair = [before, now].some((log) => isForeign(log, after, options.incarnationId))
        if (outcome.code !== 'CONFLICT' || outcome.details['reason'] !== 'incarnation' || !fair) {
          this.#world.fail(`#${call.id} ${follower.name} was refused without a reason: ${JSON.stringify(outcome)}`)
        }
      },
    )
  }

  #begun(follower: Follower, live: Live, subscription: Subscription): void {
    live.subscription = subscription
    void subscription.closed().then((closed) => {
      if (live.run.crashed) return
      this.#world.trace.add(`${follower.name} closed: ${closed.reason} ${closed.code ?? ''}`)
      if (live.closed) this.#world.fail(`${follower.name} was closed twice`)
      live.closed = closed
      this.#checkClosed(follower, live, closed)
    })
  }

  #checkClosed(follower: Follower, live: Live, { reason, code }: Closed): void {
    const { truth, disk } = this.#world
    const now = truth.logOf(follower.path)
    const gone = live.incarnationId !== null && now?.incarnationId !== live.incarnationId
    const fair =
      live.ending === reason ||
      ((reason === 'incarnation' || reason === 'deleted') && (gone || this.#missed(follower, live))) ||
      (reason === 'shutdown' && live.run.closed) ||
      (reason === 'storage' && disk.failures > live.failuresBefore && code !== 'INTERNAL')
    if (!fair) this.#world.fail(`${follower.name} was closed for no reason: ${reason} ${code ?? ''}`)
  }

  /** Those who wait for a stream are told when its whole life passes by, and when what is above it is deleted. */
  #missed({ path }: Follower, { incarnationId, recordsBefore, removalsBefore }: Live): boolean {
    if (incarnationId !== null) return false
    const { sweeps, removals } = this.#world.truth
    if ((removals.get(path) ?? 0) > removalsBefore) return true
    return sweeps.some((each) => each.record > recordsBefore && isBelow(path, each.path))
  }

  // -- what they are sent -----------------------------------------------------------------------------------------

  #take(follower: Follower, live: Live, batch: Batch): unknown {
    if (live.run.crashed) return undefined
    const world = this.#world
    world.trace.add(
      `${follower.name} batch ${offsetsOf(batch)} through ${batch.through} of ${batch.maxOffset} @${batch.incarnationId}${batch.state ? ` state ${batch.state.maxOffset}` : ''}`,
    )
    const fail = (message: string) => world.fail(`${follower.name} on ${follower.path}: ${message}`)
    if (follower.live !== live || live.ending || live.closed) fail('got a batch after its end')
    if (live.unacknowledged.length >= MAX_IN_FLIGHT)
      fail(`has ${live.unacknowledged.length} batches in flight and got another`)
    this.#checkBatch(follower, live, batch, fail)
    live.begun = true
    live.cursor = batch.through
    live.incarnationId = batch.incarnationId
    follower.through = batch.through
    follower.incarnationId = batch.incarnationId
    return this.#answer(follower, live)
  }

  #answer(follower: Follower, live: Live): unknown {
    const { random } = this.#world
    const { manner } = follower
    if (manner === 'fragile' && random.chance(0.15)) {
      live.ending ??= 'failed'
      if (random.chance(0.5)) throw new Error('the subscriber broke')
      return Promise.reject(new Error('the subscriber broke'))
    }
    if (manner === 'prompt' || (manner === 'fragile' && random.chance(0.5))) return undefined
    if (manner === 'slow' && random.chance(0.3)) return Promise.resolve()
    return new Promise<void>((resolve) => live.unacknowledged.push(resolve))
  }

  #checkBatch(follower: Follower, live: Live, batch: Batch, fail: (message: string) => void): void {
    const log = this.#world.truth.logOf(follower.path)
    const { events, through, maxOffset, incarnationId, state } = batch
    if (live.incarnationId !== null && incarnationId !== live.incarnationId) fail('was led from one life into another')
    if (incarnationId === null) {
      if (log && live.begun) fail('is told of no stream, but there is one')
      if (events.length > 0 || through !== (live.cursor ?? 0)) fail('got events of a stream that does not exist')
      return
    }
    if (log?.incarnationId !== incarnationId) {
      fail(`got a batch of ${incarnationId}, but the stream is ${log?.incarnationId}`)
      return
    }
    const from = live.cursor ?? through
    if (maxOffset > log.head) fail(`is told of offset ${maxOffset}, but the log ends at ${log.head}`)
    if (through < from || through > maxOffset) fail(`was led from ${from} through ${through} of ${maxOffset}`)
    if (live.cursor === null && through !== maxOffset) fail('began in the past')
    const due = log.events
      .slice(from, through)
      .filter((event) => follower.options.events !== false && (!follower.types || follower.types.has(event.type)))
    if (due.length !== events.length || due.some((event, i) => !sameEvent(event, events[i]))) {
      fail(
        `got ${offsetsOf(batch)} after ${from} through ${through}; due were ${due.map(({ offset }) => offset).join()}`,
      )
    }
    if (state) {
      live.stateAt = state.maxOffset
      const told = log.states[state.maxOffset]
      if (!told || !sameState(told, state)) fail(`got a state that the log does not give: ${JSON.stringify(state)}`)
    }
  }

  // -- what must be so at rest --------------------------------------------------------------------------------------

  /** Nothing fails, everything is acknowledged, nothing is to be done: everybody has all there is. */
  checkCaughtUp(): void {
    for (const follower of this.#followers) {
      const { live } = follower
      if (!live?.subscription) continue
      const log = this.#world.truth.logOf(follower.path)
      const fail = (message: string) => this.#world.fail(`${follower.name} on ${follower.path}: ${message}`)
      if (live.ending && !live.closed) fail(`ended (${live.ending}) and was never told`)
      if (live.closed) continue
      if (live.run.closed) fail('was not closed by the shutdown')
      if (live.incarnationId !== (log?.incarnationId ?? null)) {
        fail(`still follows ${live.incarnationId}, but the stream is ${log?.incarnationId}`)
      }
      if (live.cursor !== (log?.head ?? 0)) fail(`is at ${live.cursor}, but the log ends at ${log?.head}`)
      const wantsState = follower.options.state === true || follower.options.events === false
      if (wantsState && log && live.stateAt !== log.head) fail(`has the state of ${live.stateAt} of ${log.head}`)
    }
  }

  /** All subscriptions of a run that was shut down were told so. */
  checkClosed(): void {
    for (const { live, name } of this.#followers) {
      if (live?.subscription && !live.closed) this.#world.fail(`${name} was not told of the shutdown`)
    }
  }
}

/** Which life of a stream there is, and where it ends. */
type Place = Pick<TrueLog, 'incarnationId' | 'head'> | null

function placeOf(log: TrueLog | null): Place {
  return log && { incarnationId: log.incarnationId, head: log.head }
}

/** Whether a subscription has no business with this life of the stream. */
function isForeign(log: Place, after: number | 'start' | 'now', incarnationId: string | undefined): boolean {
  return (
    (incarnationId !== undefined && incarnationId !== log?.incarnationId) ||
    (typeof after === 'number' && after > (log?.head ?? 0))
  )
}

function sameEvent(a: object, b: object | undefined): boolean {
  return a === b || JSON.stringify(sorted(a)) === JSON.stringify(b && sorted(b))
}

function sorted(event: object): unknown {
  return Object.entries(event).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function offsetsOf({ events }: Batch): string {
  const [first, last] = [events[0]?.offset, events.at(-1)?.offset]
  return events.length > 8 ? `[${first}..${last}: ${events.length}]` : `[${events.map(({ offset }) => offset).join()}]`
}
