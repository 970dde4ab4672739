import { type StreamPath, isBelow } from '../path.ts'
import { Operators } from './operators.ts'
import { drawProfile } from './profile.ts'
import { Processors } from './processors.ts'
import { Random } from './random.ts'
import { Readers } from './readers.ts'
import { NO_FAULTS } from './simulated-disk.ts'
import { Subscribers } from './subscribers.ts'
import { World, describe } from './world.ts'
import { Writers } from './writers.ts'

/** More than any run needs: each effect of a processor takes a few. */
const MAX_TURNS_OF_REST = 50_000

export interface SimulationResult {
  readonly seed: number
  /** The first law that was broken, or null. */
  readonly violation: string | null
  readonly steps: number
  /** Of the whole trace: two runs of a seed have the same. */
  readonly hash: string
  readonly trace: () => string
}

/** Runs the engine through what a seed makes happen to it, and holds every step against the laws. */
export async function simulate(seed: number): Promise<SimulationResult> {
  const simulation = new Simulation(seed)
  const hear = (error: unknown) => simulation.world.fail(`a promise was rejected and nobody heard: ${describe(error)}`)
  process.on('unhandledRejection', hear)
  try {
    await simulation.run()
  } catch (error) {
    simulation.world.fail(`the simulation itself failed: ${describe(error)}`)
  } finally {
    process.off('unhandledRejection', hear)
  }
  const { trace, violation } = simulation.world
  return { seed, violation, steps: trace.steps, hash: trace.hash(), trace: () => trace.text() }
}

class Simulation {
  readonly world: World
  readonly #writers: Writers
  readonly #operators: Operators
  readonly #subscribers: Subscribers
  readonly #readers: Readers
  readonly #processors: Processors

  constructor(seed: number) {
    const random = new Random(seed)
    this.world = new World(random, drawProfile(random))
    this.world.trace.add(`seed ${seed}: ${JSON.stringify(this.world.profile)}`)
    this.#writers = new Writers(this.world)
    this.#operators = new Operators(this.world)
    this.#subscribers = new Subscribers(this.world)
    this.#readers = new Readers(this.world)
    this.#processors = new Processors(this.world)
    this.world.start(() => this.#processors.registry())
  }

  async run(): Promise<void> {
    const { world } = this
    const { profile, random } = world
    world.disk.faults = profile.faults
    for (let turn = 0; turn < profile.turns && world.violation === null; turn++) {
      await this.#turn()
      if (random.chance(0.03)) await this.#rest()
    }
    await this.#rest()
    if (world.violation === null) await this.#end()
  }

  // -- a turn of the event loop -------------------------------------------------------------------------------------

  async #turn(): Promise<void> {
    const { world } = this
    const { random, profile, loop, disk } = world
    for (let left = random.between(0, profile.arrivals); left > 0; left--) {
      // One socket may bring several calls at once.
      const calls = random.chance(0.15) ? random.between(2, 4) : 1
      await world.task(() => {
        for (let call = 0; call < calls; call++) this.#arrive()
      })
      this.#mayCrash()
    }
    if (disk.full && random.chance(0.2)) {
      world.trace.add('disk: there is room again')
      disk.makeRoom()
    }
    await loop.endTurn(() => this.#mayCrash())
    if (random.chance(profile.clockJump)) loop.turnClock(random.between(-5000, 5000))
    if (random.chance(profile.restart)) {
      await world.task(() => world.restart())
      world.revive()
    }
    const ms = random.chance(0.05) ? 6000 : random.between(0, 20)
    await loop.advance(ms, () => this.#mayCrash())
  }

  #arrive(): void {
    const { random, profile } = this.world
    switch (random.weighted(profile.weights)) {
      case 'write':
        this.#writers.act()
        return
      case 'operate': {
        // Just started, the engine knows of no stream yet.
        if (random.chance(2 * profile.restart)) this.world.restart()
        const ended = this.#operators.act()
        if (ended && random.chance(0.5)) this.#meddle(ended)
        return
      }
      case 'subscribe':
        this.#subscribers.act()
        return
      case 'read':
        this.#readers.act()
        return
      case 'process':
        this.#processors.act()
    }
  }

  /** Others ask for a stream, or what is below it, while it is being taken away: nothing of that is committed yet. */
  #meddle(ended: StreamPath): void {
    const { random, profile } = this.world
    const path = random.pick(profile.paths.filter((each) => each === ended || isBelow(each, ended)))
    if (random.chance(0.7)) this.#writers.appendTo(path)
    if (random.chance(0.7)) this.#readers.state(path)
    if (random.chance(0.5)) this.#subscribers.act()
  }

  #mayCrash(): void {
    const { world } = this
    if (world.run.crashed) world.revive()
    else if (world.random.chance(world.profile.crash)) world.crash()
  }

  // -- at rest ------------------------------------------------------------------------------------------------------

  /** Lets everything come to an end, without faults, and checks what must be so then. */
  async #rest(): Promise<void> {
    const { world } = this
    const { disk, profile } = world
    world.trace.add('rest')
    disk.faults = NO_FAULTS
    disk.makeRoom()
    this.#processors.calm(true)
    await this.#settle(profile.processors !== null)
    await world.task(() => {
      if (disk.mayHoldMore) this.#operators.useAll()
      disk.mayHoldMore = false
      this.#subscribers.calm()
      this.#processors.restartParked()
    })
    await this.#settle()
    if (world.violation !== null) return
    for (const call of world.pending) world.fail(`#${call.id} ${call.what} ${call.path} was never answered`)
    this.#subscribers.checkCaughtUp()
    await world.task(() => {
      this.#readers.all()
      this.#processors.checkAtRest()
    })
    await this.#settle()
    this.#writers.check()
    this.#operators.check()
    disk.faults = profile.faults
    this.#processors.calm(false)
  }

  /**
   * Runs turns until nothing happens any more, timers included.
   *
   * @param opening whether to open every stream: a processor whose effects are refused by a pause waits for its end
   */
  async #settle(opening = false): Promise<void> {
    const { world } = this
    for (let turns = 0; turns < MAX_TURNS_OF_REST && world.violation === null; turns++) {
      const before = world.trace.steps
      await world.loop.endTurn()
      await world.task(() => {
        this.#subscribers.acknowledge()
        if (opening && world.pending.length === 0) this.#operators.openAll()
      })
      const due = world.loop.nextTimer
      if (world.loop.busy) continue
      if (due !== null) await world.loop.advance(Math.max(0, due - world.loop.time))
      else if (world.trace.steps === before) return
    }
    if (world.violation === null) world.fail('the engine does not come to rest')
  }

  /** Everything works again; an orderly stop loses nothing; a new start finds what was there. */
  async #end(): Promise<void> {
    const { world } = this
    world.disk.faults = NO_FAULTS
    await world.task(() => {
      for (const path of world.profile.paths) this.#writers.probe(path)
    })
    await this.#rest()
    world.disk.faults = NO_FAULTS
    await world.task(() => world.restart())
    await this.#settle()
    this.#subscribers.checkClosed()
    await world.task(() => this.#readers.all())
    await this.#settle()
    for (const call of world.pending) world.fail(`#${call.id} ${call.what} ${call.path} was never answered`)
  }
}
