import { CALLER_CORE_TYPES, PAUSED, isCoreType } from '../core/core-events.ts'
import { type EncodedInput, type EventInput, type Receipt, checkLimits } from '../event.ts'
import { encodeInput } from '../event-input.ts'
import type { StreamPath } from '../path.ts'
import type { TrueLog } from './truth.ts'
import type { Call, Outcome, World } from './world.ts'

/** One call of append, and what came of it. */
interface Attempt {
  readonly writer: string
  readonly path: StreamPath
  readonly inputs: readonly EncodedInput[]
  readonly marks: readonly string[]
  readonly forged: boolean
  readonly oversize: boolean
  /** Counts the calls of all writers. */
  readonly order: number
  call: Call | null
  outcome: Outcome<readonly Receipt[]> | null
}

const TYPES = ['x', 'y', 'z', 'lab/µ']
const EVERY_CORE_TYPE: ReadonlySet<string> = new Set(CALLER_CORE_TYPES)

/** Those who append, and the account of all that they were told. */
export class Writers {
  readonly #world: World
  readonly #attempts: Attempt[] = []
  readonly #names: readonly string[]
  #lastMark = 0

  constructor(world: World) {
    this.#world = world
    this.#names = Array.from({ length: world.profile.writers }, (_, i) => `w${i + 1}`)
  }

  get attempts(): number {
    return this.#attempts.length
  }

  act(): void {
    const { random } = this.#world
    const writer = random.pick(this.#names)
    const calls = random.chance(0.2) ? random.between(2, 4) : 1
    for (let i = 0; i < calls; i++) {
      const retried = random.chance(0.3) ? this.#toRetry(writer) : undefined
      if (retried)
        this.#append(
          writer,
          retried.path,
          retried.inputs.map((input) => this.#remarked(input)),
        )
      else this.#appendNew(writer, this.#world.pickPath())
    }
  }

  /** Appends to a stream that must take it, whatever has happened: nothing fails any more. */
  probe(path: StreamPath): void {
    const before = this.#world.truth.logOf(path)?.state
    const attempt = this.#append('probe', path, [this.#input({ type: 'probe' })])
    this.#expect(attempt, (outcome) => {
      if (outcome.kind === 'done') return
      if (before?.paused || before?.closed || before?.config.circuitBreaker) return
      this.#world.fail(`${path} does not work again: ${JSON.stringify(outcome)}`)
    })
  }

  // -- what they do -----------------------------------------------------------------------------------------------

  /** One of them appends to a stream. */
  appendTo(path: StreamPath): void {
    this.#appendNew(this.#world.random.pick(this.#names), path)
  }

  #appendNew(writer: string, path: StreamPath): void {
    const { random, profile } = this.#world
    const large = random.chance(profile.large)
    const many = large && random.chance(0.5)
    const size = many ? random.between(300, 820) : Number(random.weighted({ 1: 6, 2: 2, 4: 2, 9: 1 }))
    const next = (this.#world.truth.logOf(path)?.head ?? 1) + 1
    const inputs = Array.from({ length: size }, (_, i) => this.#newInput(path, next + i, size, large))
    if (random.chance(0.02)) inputs.push(this.#input({ type: PAUSED, payload: { reason: this.#mark() } }))
    if (random.chance(0.01)) inputs.push(this.#input({ type: 'stream/created', payload: {} }))
    if (random.chance(0.01)) inputs.length = 0
    this.#append(writer, path, inputs)
  }

  #newInput(path: StreamPath, next: number, size: number, large: boolean): EncodedInput {
    const { random, profile } = this.#world
    const input: { -readonly [K in keyof EventInput]: EventInput[K] } = { type: random.pick(TYPES) }
    // Among hundreds of events one would always be refused.
    if (size > 50) return this.#input(input)
    if (random.chance(0.4)) input.idempotencyKey = `key-${random.between(1, profile.keys)}`
    if (random.chance(0.15)) input.offset = Math.max(1, next + (random.chance(0.7) ? 0 : random.between(-2, 2)))
    if (random.chance(0.1)) input.metadata = { by: path }
    if (random.chance(0.05)) input.source = { processor: { slug: 'sim', version: '1' } }
    return this.#input(input, large ? random.between(1000, 400_000) : 0)
  }

  #input(input: EventInput, fill = 0): EncodedInput {
    const payload = input.payload ?? { mark: this.#mark(), ...(fill > 0 ? { fill: 'x'.repeat(fill) } : {}) }
    return encodeInput({ ...input, payload })
  }

  #mark(): string {
    return `m${++this.#lastMark}`
  }

  /** The same event for the engine, another one for the account. A retry cannot know the offset it will get. */
  #remarked({ offset: _offset, ...input }: EncodedInput): EncodedInput {
    return {
      ...input,
      ...(isCoreType(input.type)
        ? {}
        : { payload: encodeInput({ type: 'x', payload: { mark: this.#mark() } }).payload }),
    } as EncodedInput
  }

  /** A batch of keyed events that may have been stored, or was. */
  #toRetry(writer: string): Attempt | undefined {
    const { random } = this.#world
    const mine = this.#attempts
      .slice(-12)
      .filter(
        (attempt) =>
          attempt.writer === writer &&
          attempt.outcome !== null &&
          (attempt.outcome.kind === 'in doubt' || random.chance(0.2)) &&
          attempt.inputs.length > 0 &&
          attempt.inputs.every((input) => input.idempotencyKey !== undefined && !isCoreType(input.type)),
      )
    return mine.at(-1)
  }

  #append(writer: string, path: StreamPath, inputs: readonly EncodedInput[]): Attempt {
    const { random, profile, truth } = this.#world
    const core = inputs.some((input) => isCoreType(input.type))
    const coreTypes = random.chance(0.7) ? EVERY_CORE_TYPE : undefined
    const attempt: Attempt = {
      writer,
      path,
      inputs,
      marks: inputs.map((input) => /"(?:mark|reason)":"(m\d+)"/.exec(input.payload ?? '')?.[1] ?? ''),
      forged: inputs.some((input) => isCoreType(input.type) && !coreTypes?.has(input.type)),
      oversize: isOversize(inputs, profile.limits),
      order: this.#attempts.length,
      call: null,
      outcome: null,
    }
    this.#attempts.push(attempt)
    const breaker = truth.logOf(path)?.state.config.circuitBreaker !== undefined || this.#world.breakers.has(path)
    const describe = inputs.length > 12 ? `${inputs.length} events` : inputs.map(brief).join(' ')
    attempt.call = this.#world.call(
      `${writer} append [${describe}]`,
      path,
      (streams) => streams.append(path, inputs, coreTypes),
      (outcome, call) => {
        attempt.call = call
        attempt.outcome = outcome
        this.#settled(attempt, call, outcome)
        this.#expected.get(attempt)?.(outcome)
      },
      core || breaker ? 'gate' : null,
    )
    return attempt
  }

  readonly #expected = new Map<Attempt, (outcome: Outcome<readonly Receipt[]>) => void>()

  #expect(attempt: Attempt, check: (outcome: Outcome<readonly Receipt[]>) => void): void {
    this.#expected.set(attempt, check)
  }

  // -- what they are told -----------------------------------------------------------------------------------------

  #settled(attempt: Attempt, call: Call, outcome: Outcome<readonly Receipt[]>): void {
    if (outcome.kind === 'done') this.#checkReceipts(attempt, call, outcome.value)
    if (outcome.kind === 'refused') this.#checkRefusal(attempt, call, outcome.code, outcome.details)
  }

  #checkReceipts(attempt: Attempt, call: Call, receipts: readonly Receipt[]): void {
    const { path, inputs, marks } = attempt
    const fail = (message: string) => this.#world.fail(`#${call.id} on ${path}: ${message}`)
    if (receipts.length !== inputs.length) fail(`${receipts.length} receipts for ${inputs.length} events`)
    if (attempt.oversize && inputs.length > 0) fail('a batch over the limits was accepted')
    if (attempt.forged) fail('a core event that is not the caller’s was accepted')
    let log: TrueLog | null = null
    for (const [i, receipt] of receipts.entries()) {
      const input = inputs[i]
      if (!input) continue
      if (input.offset !== undefined && input.offset !== receipt.offset)
        fail(`offset ${receipt.offset}, not ${input.offset}`)
      if (receipt.duplicate) continue
      const position = this.#world.truth.positions(marks[i] ?? '')[0]
      if (!position) {
        fail(`event ${i} was acknowledged at ${receipt.offset} before it was on the disk`)
        continue
      }
      log ??= position.log
      const { event } = position
      if (position.log !== log || position.log.path !== path) fail(`event ${i} is in ${position.log.path}`)
      if (event.offset !== receipt.offset || event.createdAt !== receipt.createdAt) {
        fail(
          `event ${i} was acknowledged as ${receipt.offset} of ${receipt.createdAt}, but is ${event.offset} of ${event.createdAt}`,
        )
      }
      if (!sameContent(event, input)) fail(`event ${i} is not what was appended: ${JSON.stringify(event)}`)
    }
    for (const [i, receipt] of receipts.entries()) {
      if (receipt.duplicate) this.#checkDuplicate(attempt, receipt, inputs[i]?.idempotencyKey, log, fail)
    }
  }

  #checkDuplicate(
    { path }: Attempt,
    receipt: Receipt,
    key: string | undefined,
    log: TrueLog | null,
    fail: (message: string) => void,
  ): void {
    if (key === undefined) {
      fail('an event without a key was taken for a duplicate')
      return
    }
    const lives = log ? [log] : [...this.#world.truth.logs.values()].filter((life) => life.path === path)
    const first = lives.map((life) => life.keys.get(key))
    if (!first.some((event) => event?.offset === receipt.offset && event.createdAt === receipt.createdAt)) {
      fail(`a duplicate of ${key} was answered with ${receipt.offset}, which is not its first event on the disk`)
    }
  }

  #checkRefusal(attempt: Attempt, call: Call, code: string, details: Readonly<Record<string, unknown>>): void {
    const { reason } = details
    const fair =
      (code === 'BAD_REQUEST' && attempt.oversize && reason === 'too-large') ||
      (code === 'FORBIDDEN' && attempt.forged) ||
      (code === 'CONFLICT' && (reason === 'paused' || reason === 'closed') && this.#mayBeShut(attempt, call)) ||
      (code === 'CONFLICT' && reason === 'precondition' && this.#isPrecondition(attempt, details)) ||
      // The pause is on the disk before the caller hears of it.
      (code === 'CONFLICT' &&
        reason === 'breaker' &&
        (this.#world.truth.trips.get(attempt.path) ?? 0) > call.tripsBefore)
    if (!fair)
      this.#world.fail(`#${call.id} ${call.what} was refused without a reason: ${code} ${JSON.stringify(details)}`)
  }

  #mayBeShut(attempt: Attempt, call: Call): boolean {
    return this.#world.mayBeShut(call) || attempt.inputs.some((input) => input.type === PAUSED)
  }

  #isPrecondition(attempt: Attempt, { expected, actual }: Readonly<Record<string, unknown>>): boolean {
    return expected !== actual && attempt.inputs.some((input) => input.offset === expected)
  }

  // -- what must be so in the end ---------------------------------------------------------------------------------

  check(): void {
    for (const attempt of this.#attempts) this.#checkAttempt(attempt)
    this.#checkOrder()
  }

  #checkAttempt({ call, path, inputs, marks, outcome }: Attempt): void {
    const fail = (message: string) => this.#world.fail(`#${call?.id} on ${path}: ${message}`)
    const stored = marks.map((mark) => this.#world.truth.positions(mark))
    if (stored.some((positions) => positions.length > 1)) fail('an event was stored twice')
    const [log, ...others] = new Set(stored.flatMap((positions) => positions.map((position) => position.log)))
    if (outcome?.kind === 'refused' && log) fail('it was refused, but something of it is stored')
    if (!log) return
    if (others.length > 0) fail('a batch is spread over several logs')
    const begin = stored.find((positions) => positions.length > 0)?.[0]?.event.offset ?? 1
    let last = begin - 1
    for (const [i, positions] of stored.entries()) {
      const event = positions[0]?.event
      if (event) {
        if (event.offset !== last + 1) fail(`a batch has a gap between ${last} and ${event.offset}`)
        last = event.offset
        continue
      }
      const key = inputs[i]?.idempotencyKey
      const first = key === undefined ? undefined : log.keys.get(key)
      // What is not there must have been there before, or stand earlier in the batch.
      if (!first || first.offset > last) fail(`event ${i} of a batch is missing, others are stored`)
    }
  }

  /** What one caller appends to a stream is stored in the order of the calls. */
  #checkOrder(): void {
    const last = new Map<string, number>()
    for (const { writer, path, marks, call } of this.#attempts) {
      const position = marks.flatMap((mark) => this.#world.truth.positions(mark))[0]
      if (!position) continue
      const line = `${writer} ${path}@${position.log.incarnationId}`
      if (position.event.offset < (last.get(line) ?? 0))
        this.#world.fail(`#${call?.id} on ${path} overtook an earlier call`)
      last.set(line, position.event.offset)
    }
  }
}

function isOversize(inputs: readonly EncodedInput[], limits: World['profile']['limits']): boolean {
  try {
    checkLimits(inputs, limits)
    return false
  } catch {
    return true
  }
}

function sameContent(stored: EncodedInput, input: EncodedInput): boolean {
  return (
    stored.type === input.type &&
    stored.payload === input.payload &&
    stored.metadata === input.metadata &&
    stored.idempotencyKey === input.idempotencyKey &&
    JSON.stringify(stored.source) === JSON.stringify(input.source)
  )
}

function brief({ type, idempotencyKey, offset, payload }: EncodedInput): string {
  const key = idempotencyKey === undefined ? '' : `/${idempotencyKey}`
  return `${type}${key}${offset === undefined ? '' : `@${offset}`}:${(payload ?? '').slice(8, 18)}`
}
