import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEFAULT_APPEND_LIMITS } from '../event.ts'
import { ItxError, itxErrorCode } from '../errors.ts'
import { parsePath } from '../path.ts'
import { ProjectStreams } from '../project-streams.ts'
import type { Scheduler } from '../scheduler.ts'
import { SoundDisk } from '../storage/memory/memory-disk.ts'
import { MemoryStorage } from '../storage/memory/memory-storage.ts'
import { countingIds } from '../testing.ts'
import { type Reception, TestWebhooks, TimedTurns, rest } from './testing.ts'
import type { Claim } from './work.ts'

// Whatever is appended, claimed, acknowledged and deleted, however time passes, the process dies and the disk refuses:
// every event is worked off or somebody is about to be told of it, nobody shares a lease, and nothing that is done comes
// undone or runs ahead of what there is.

const LEASE = 5000
const STREAMS = ['events/a', 'events/b', 'named', 'unwatched']
const IDS = ['hook', 'pull']

class FlakyDisk extends SoundDisk {
  failing = 0

  override append(record: string): void {
    if (this.failing > 0) {
      this.failing--
      throw new ItxError('UNAVAILABLE', 'the disk is full', { reason: 'full' })
    }
    super.append(record)
  }
}

/** A claim as its worker sees it. */
interface Given extends Claim {
  until: number
  over: boolean
  /** How often they have asked to end it and were not answered yet. */
  ending: number
}

/** A project that dies and comes back, and what its callers know. */
class World {
  readonly turns = new TimedTurns()
  readonly webhooks = new TestWebhooks()
  readonly disk = new FlakyDisk()
  readonly newId = countingIds()
  #alive = { yes: true }
  streams = this.#open()
  /** Every claim that was ever given, the newest last. */
  readonly claims: Given[] = []
  /** By subscription and stream: the life and what was done of it, as it was last seen. */
  readonly #seen = new Map<string, { readonly life: string; readonly acked: number }>()

  #open(): ProjectStreams {
    const alive = { yes: true }
    this.#alive = alive
    const scheduler: Scheduler = {
      immediate: (run) => this.turns.immediate(() => alive.yes && run()),
      timer: (ms, run) => this.turns.timer(ms, () => alive.yes && run()),
    }
    return new ProjectStreams(new MemoryStorage(scheduler, this.disk), {
      limits: DEFAULT_APPEND_LIMITS,
      now: this.turns.clock.now,
      newId: this.newId,
      scheduler,
      webhooks: this.webhooks,
      random: () => 0.5,
    })
  }

  /** Nothing of the process goes on; the disk has what was committed. */
  kill(): void {
    this.#alive.yes = false
    this.streams = this.#open()
  }

  async subscribe(): Promise<void> {
    const common = { pattern: 'events/*', streams: ['named'], lease_ttl_ms: LEASE }
    await this.append('wake/pool')
    const { subscriptions } = this.streams
    await subscriptions.create('hook', { ...common, type: 'webhook', webhook: { url: 'https://hook' } }, 'http://here/')
    await subscriptions.create('pull', { ...common, type: 'pull-wake', wake_stream: 'wake/pool' }, 'http://here/')
  }

  async append(name: string): Promise<void> {
    await this.streams.append(parsePath(`/v1/stream/${name}`), [{ type: 'message', raw: true, payload: '1' as never }])
  }

  async claim(worker: string): Promise<void> {
    const given = await this.streams.subscriptions.claim('pull', worker)
    const now = this.turns.clock.ms
    for (const { until, over, ending, generation } of this.claims) {
      if (!over && ending === 0 && until > now)
        throw new Error(`generations ${generation} and ${given.generation} are both held`)
    }
    this.claims.push({ ...given, until: now + LEASE, over: false, ending: 0 })
  }

  /** Says something about the claim that was given so many claims ago. */
  async progress(back: number, share: number, done: boolean): Promise<void> {
    const claim = this.claims.at(-1 - back)
    if (!claim) return
    const acks = claim.streams.map(({ name, acked, tail }) => {
      const from = Math.max(acked, 0)
      return { stream: name, offset: from + Math.floor((tail - from) * share) }
    })
    await this.#about(back, claim, done, () =>
      this.streams.subscriptions.progress('pull', 'pull-wake', { held: claim, named: claim, acks, done }),
    )
    claim.until = this.turns.clock.ms + LEASE
  }

  /** Says something about a claim, which must be fenced unless it is the one that is held. */
  async #about(back: number, claim: Given, ends: boolean, say: () => Promise<unknown>): Promise<void> {
    const isOver = back > 0 || claim.over || claim.until <= this.turns.clock.ms
    if (ends) claim.ending++
    await say().catch((error: unknown) => {
      if (ends) claim.ending--
      throw error
    })
    if (isOver) throw new Error(`generation ${claim.generation} was not fenced`)
    claim.over ||= ends
  }

  async release(back: number): Promise<void> {
    const claim = this.claims.at(-1 - back)
    if (!claim) return
    await this.#about(back, claim, true, () =>
      this.streams.subscriptions.release('pull', { held: claim, named: claim }),
    )
  }

  /** What the receiver of webhooks says by calling back. */
  async callBack(done: boolean): Promise<void> {
    const notice = this.webhooks.notices.at(-1)
    if (!notice) return
    const acks = notice.streams.map(({ name, tail }) => ({ stream: name, offset: tail }))
    await this.streams.subscriptions.progress('hook', 'webhook', { held: notice, named: notice, acks, done })
  }

  /** What is not as it must be, once everything that was going to happen has happened. */
  async faults(): Promise<string[]> {
    const faults: string[] = []
    for (const id of IDS) {
      const { subscription, streams } = await this.streams.subscriptions.get(id)
      const linked = new Map(streams.map(({ name, acked }) => [name, acked]))
      let pending = false
      for (const name of STREAMS) {
        const { exists, lastVisibleOffset: tail, incarnationId } = await this.#state(name)
        const acked = linked.get(name)
        if (name === 'events/a' && (acked !== undefined) !== exists) faults.push(`${id}: ${name} is there: ${exists}`)
        if (!exists || acked === undefined) continue
        const seen = this.#seen.get(`${id} ${name}`)
        this.#seen.set(`${id} ${name}`, { life: incarnationId, acked })
        if (name === 'unwatched') faults.push(`${id}: ${name} is watched`)
        if (acked > tail) faults.push(`${id}: ${name} is done up to ${acked}, beyond its end at ${tail}`)
        if (seen?.life === incarnationId && acked < seen.acked) faults.push(`${id}: ${name} went back to ${acked}`)
        pending ||= tail > Math.max(acked, 0)
      }
      if (pending && subscription.wake === null) faults.push(`${id}: nobody is told`)
    }
    return faults
  }

  /** Receivers and workers do what they should; what is left undone after that. */
  async workOff(): Promise<string[]> {
    this.disk.failing = 0
    this.webhooks.reception = 'done'
    await this.turns.pass(200_000)
    for (let i = 0; i < 10; i++) {
      if ((await outcome(() => this.claim('last'))) !== undefined) break
      await this.progress(0, 1, true)
      await rest()
    }
    const left: string[] = []
    for (const id of IDS) {
      const { streams } = await this.streams.subscriptions.get(id)
      for (const { name, acked } of streams) {
        const { exists, lastVisibleOffset } = await this.#state(name)
        const end = exists ? lastVisibleOffset : 0
        if (Math.max(acked, 0) !== end) left.push(`${id}: ${name} is done up to ${acked} of ${end}`)
      }
    }
    return left
  }

  #state(name: string) {
    return this.streams.state(parsePath(`/v1/stream/${name}`))
  }
}

/** The code of a refusal, undefined when there was none; anything else fails the test. */
async function outcome(act: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    const code = itxErrorCode(error)
    if (code === undefined) throw error
    return code
  }
}

type Act = (world: World) => Promise<unknown> | void

/** Something that is done, with a name for whoever reads a counterexample. */
interface Deed {
  readonly act: Act
  /** Time passes while nothing else is being done: what is due at its end has happened then. */
  readonly alone: boolean
  toString(): string
}

function named(weight: number, arbitrary: fc.Arbitrary<readonly [string, Act]>) {
  return {
    weight,
    arbitrary: arbitrary.map(([name, act]): Deed => ({ act, alone: name.startsWith('pass'), toString: () => name })),
  }
}

const path = (name: string) => parsePath(`/v1/stream/${name}`)
const stream = fc.constantFrom(...STREAMS)
const share = fc.constantFrom(0, 0.5, 1)
const back = fc.constantFrom(0, 0, 0, 1, 2)
const reception = fc.constantFrom<Reception>('done', 'taken', 'refused', 'silence')
const wait = fc.constantFrom(500, 1000, LEASE - 1, LEASE, 60_000)
const deed = fc.oneof(
  named(
    6,
    stream.map((name) => [`append ${name}`, (world) => world.append(name)]),
  ),
  named(
    3,
    fc.constantFrom('one', 'two').map((worker) => [`claim ${worker}`, (world) => world.claim(worker)]),
  ),
  named(
    4,
    fc
      .tuple(back, share, fc.boolean())
      .map(([ago, part, done]) => [`progress ${ago} ${part} ${done}`, (world) => world.progress(ago, part, done)]),
  ),
  named(
    1,
    back.map((ago) => [`release ${ago}`, (world) => world.release(ago)]),
  ),
  named(
    2,
    fc.boolean().map((done) => [`call back ${done}`, (world) => world.callBack(done)]),
  ),
  named(
    3,
    wait.map((ms) => [`pass ${ms}`, (world) => world.turns.pass(ms)]),
  ),
  named(
    2,
    reception.map((each) => [`receiver ${each}`, (world) => void (world.webhooks.reception = each)]),
  ),
  named(
    1,
    stream.map((name) => [`delete ${name}`, (world) => world.streams.delete(path(name))]),
  ),
  named(
    1,
    stream.map((name) => [`reset ${name}`, (world) => world.streams.reset(path(name))]),
  ),
  named(1, fc.constant(['disk fails', (world) => void (world.disk.failing = 1)])),
  named(2, fc.constant(['kill', (world) => world.kill()])),
)

/** Whether what is done next comes while something of it is still under way. */
const step = fc.record({ deed, atOnce: fc.boolean() })

test('every event is worked off or about to be told of; nobody shares a lease; nothing done comes undone', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const world = new World()
      await world.subscribe()
      for (const {
        deed: { act, alone },
        atOnce,
      } of steps) {
        const done = outcome(async () => act(world))
        if (atOnce && !alone) {
          // What a killed process was asked never answers.
          void done.catch(() => {})
          continue
        }
        await (alone ? done : Promise.race([done, rest(30)]))
        await rest()
        // Where the disk has refused, it is looked at again a while later.
        if ((await outcome(() => world.faults())) === 'UNAVAILABLE') await world.turns.pass(5000)
        else expect(await world.faults()).toEqual([])
      }
      await rest()
      expect(await world.workOff()).toEqual([])
    }),
    { numRuns: 300 },
  )
}, 120_000)
