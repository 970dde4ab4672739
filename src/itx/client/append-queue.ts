import { ItxError, itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import { type EncodedInput, type Receipt, encodedBytes } from '../../streams/event.ts'
import { type HandleSource, Backoff, pause } from './retry.ts'

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 4000

export interface AppendSettings {
  /** Events of a batch that several callers share, at most. 1: every call travels by itself, one after the other. */
  readonly batchEvents: number
  /** Bytes of such a batch, at most: payload and metadata. */
  readonly batchBytes: number
  /** How long an append may be tried again, milliseconds. */
  readonly deadlineMs: number
  /** Told when an append has failed and is about to be tried again. */
  readonly onRetry?: (error: unknown, path: string) => void
}

export const DEFAULT_APPEND_SETTINGS: AppendSettings = {
  batchEvents: 1000,
  batchBytes: 8 * 1024 * 1024,
  deadlineMs: 30_000,
}

/** One caller's events: all or nothing, and never parted. */
interface Call {
  readonly inputs: readonly EncodedInput[]
  readonly bytes: number
  /** Whether it can share a batch: a precondition holds for what is sent alone. */
  readonly shares: boolean
  /** Sent twice, it is stored once. */
  readonly keyed: boolean
  /** Milliseconds since the epoch. */
  readonly deadline: number
  readonly answer: PromiseWithResolvers<readonly Receipt[]>
  /** It was sent, and no answer came. */
  unanswered: boolean
}

interface AppendQueueOptions {
  readonly source: HandleSource
  readonly project: string
  readonly path: string
  readonly settings: AppendSettings
  /** Its abort is the end: nothing is tried again. */
  readonly signal: AbortSignal
  /** Everybody has an answer. */
  readonly onIdle: () => void
}

/**
 * The appends of a process to one stream, one at a time: while a batch is on its way, what comes later gathers and goes as
 * one batch. So a program that appends event by event pays for a round trip per batch, and what it appended stays in
 * order through any number of broken connections.
 *
 * Invariants: a call's events are sent after the answer to every earlier call is known, or together with them, behind
 * theirs; a call is sent again only where nothing can be stored twice.
 */
export class AppendQueue {
  readonly #source: HandleSource
  readonly #project: string
  readonly #path: string
  readonly #settings: AppendSettings
  readonly #signal: AbortSignal
  readonly #calls: Call[] = []
  readonly #onIdle: () => void
  #running = false

  constructor({ source, project, path, settings, signal, onIdle }: AppendQueueOptions) {
    this.#source = source
    this.#project = project
    this.#path = path
    this.#settings = settings
    this.#signal = signal
    this.#onIdle = onIdle
  }

  append(inputs: readonly EncodedInput[]): Promise<readonly Receipt[]> {
    const answer = Promise.withResolvers<readonly Receipt[]>()
    this.#calls.push({
      inputs,
      bytes: inputs.reduce((sum, input) => sum + encodedBytes(input), 0),
      shares: inputs.length > 0 && inputs.every((input) => input.offset === undefined),
      keyed: inputs.length > 0 && inputs.every((input) => input.idempotencyKey !== undefined),
      deadline: Date.now() + this.#settings.deadlineMs,
      answer,
      unanswered: false,
    })
    if (!this.#running) void this.#run()
    return answer.promise
  }

  async #run(): Promise<void> {
    this.#running = true
    // Those who append in one turn go together.
    await Promise.resolve()
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) await this.#deliver(batch)
    this.#running = false
    this.#onIdle()
  }

  /** The first call, and those behind it that fit into a batch with it. */
  #take(): readonly Call[] {
    const [first] = this.#calls
    if (!first) return []
    const { batchEvents, batchBytes } = this.#settings
    let [events, bytes] = [first.inputs.length, first.bytes]
    let count = 1
    for (; first.shares && count < this.#calls.length; count++) {
      const next = this.#calls[count]
      if (!next?.shares) break
      events += next.inputs.length
      bytes += next.bytes
      if (events > batchEvents || bytes > batchBytes) break
    }
    return this.#calls.splice(0, count)
  }

  /** Sends calls as one batch until each of them has its answer. Never rejects. */
  async #deliver(batch: readonly Call[]): Promise<void> {
    let calls = batch
    const backoff = new Backoff(FIRST_RETRY_MS, LAST_RETRY_MS)
    let tooLargeBefore = false
    while (calls.length > 0) {
      const outcome = await this.#send(calls)
      if (outcome.kind === 'stored') return
      const { error } = outcome
      if (outcome.kind === 'refused' && calls.length > 1) return this.#askHalves(calls)
      // Nobody knows whose events an inner error is about; with keys asking again does no harm.
      if (outcome.kind === 'inner' && calls.length > 1 && calls.every(({ keyed }) => keyed)) {
        return this.#askHalves(calls)
      }
      // A message was too large, this one or another on the same line. Of one that is large itself, and alone, it is
      // believed the second time.
      if (isTooLarge(error) && calls.every(({ keyed }) => keyed)) {
        if (calls.length > 1) return this.#askHalves(calls)
        const [call] = calls
        if (tooLargeBefore && call && call.bytes >= LARGE_BYTES) return call.answer.reject(tooLarge(error))
        tooLargeBefore = true
      }
      const { retry, unanswered } = outcome.kind === 'failed' ? outcome : FINAL
      calls = this.#withoutHopeless(calls, { error, retry, unanswered })
      this.#rejectLate(error)
      if (calls.length === 0) return
      this.#settings.onRetry?.(error, this.#path)
      await pause(Math.max(backoff.next(), toldToWait(error)), this.#signal, this.#source)
    }
  }

  async #send(calls: readonly Call[]): Promise<Outcome> {
    let sent = false
    try {
      const left = Math.max(0, Math.max(...calls.map(({ deadline }) => deadline)) - Date.now())
      using handle = await this.#source.project(this.#project, Math.min(left, CONNECT_MS))
      using stream = handle.streams.get(this.#path)
      sent = true
      const receipts = await stream.append(calls.flatMap(({ inputs }) => inputs))
      let from = 0
      for (const { inputs, answer } of calls) answer.resolve(receipts.slice(from, (from += inputs.length)))
      return { kind: 'stored' }
    } catch (error) {
      return outcomeOf(error, sent)
    }
  }

  /**
   * A batch that was refused is stored in no part. Whose events caused it is not known: each half is sent anew, until
   * everybody has an answer of their own.
   */
  async #askHalves(calls: readonly Call[]): Promise<void> {
    const half = Math.ceil(calls.length / 2)
    await this.#deliver(calls.slice(0, half))
    await this.#deliver(calls.slice(half))
  }

  /** Rejects what cannot be sent again, or not in time. @returns what can. */
  #withoutHopeless(calls: readonly Call[], { error, retry, unanswered }: Failure): readonly Call[] {
    const now = Date.now()
    return calls.filter((call) => {
      call.unanswered ||= unanswered
      const may = retry === 'all' || (retry === 'keyed' && call.keyed)
      if (may && call.deadline > now && !this.#signal.aborted) return true
      call.answer.reject(call.unanswered ? unknownOutcome(this.#path, error) : error)
      return false
    })
  }

  /** What waits behind an append that cannot be made does not wait longer than it was told to. */
  #rejectLate(error: unknown): void {
    const now = Date.now()
    const waiting = this.#calls.splice(0)
    for (const call of waiting) {
      if (call.deadline > now) this.#calls.push(call)
      else call.answer.reject(error)
    }
  }
}

/** One attempt waits so long for a connection. */
const CONNECT_MS = 10_000
/** Whatever the server says: an appender that does nothing for longer looks dead. */
const LONGEST_WAIT_MS = 10_000

interface Failure {
  readonly error: unknown
  /** Whose events may be sent again. */
  readonly retry: 'all' | 'keyed' | 'none'
  /** They were sent, and nobody said what became of them. */
  readonly unanswered: boolean
}

/** The answer was no. */
const FINAL = { retry: 'none', unanswered: false } as const

type Outcome =
  | { readonly kind: 'stored' }
  /** By something that the events of one call caused; nothing is stored. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** The server failed. */
  | { readonly kind: 'inner'; readonly error: unknown }
  | ({ readonly kind: 'failed' } & Failure)

/** What an error says of a batch. @param sent whether the batch was on its way when it came */
function outcomeOf(error: unknown, sent: boolean): Outcome {
  const reason = itxErrorDetails(error)?.['reason']
  const failed = (retry: Failure['retry'], unanswered: boolean): Outcome => ({
    kind: 'failed',
    error,
    retry,
    unanswered,
  })
  switch (itxErrorCode(error)) {
    case 'FORBIDDEN':
      // The session ended before an answer came, unless the answer is no.
      if (reason === 'signed-out') return failed('none', sent)
      return sent ? { kind: 'refused', error } : failed('none', false)
    case 'BAD_REQUEST':
    case 'NOT_FOUND':
    case 'CONFLICT':
      return sent ? { kind: 'refused', error } : failed('none', false)
    case 'RATE_LIMITED':
      return failed('all', false)
    case 'UNAVAILABLE':
      if (!sent) return failed(reason === 'unreachable' || reason === 'closed' ? 'none' : 'all', false)
      if (reason === 'connection-lost') return failed('keyed', true)
      if (reason === 'closed') return failed('none', true)
      // The server's own word: it could not.
      return failed('keyed', false)
    case 'INTERNAL':
      return sent ? { kind: 'inner', error } : failed('none', false)
    case undefined:
      return failed('none', sent)
  }
}

/** What the server says about when to come back, milliseconds. */
function toldToWait(error: unknown): number {
  const told = itxErrorDetails(error)?.['retryAfterMs']
  return typeof told === 'number' ? Math.min(told, LONGEST_WAIT_MS) : 0
}

/** What is smaller is not what a server finds too large, but stood beside it. */
const LARGE_BYTES = 1024 * 1024
/** Close code of a message that is too large. */
const CLOSE_TOO_LARGE = 1009

function isTooLarge(error: unknown): boolean {
  return itxErrorDetails(error)?.['closeCode'] === CLOSE_TOO_LARGE
}

function tooLarge(cause: unknown): ItxError {
  const message = 'these events are larger than a message to the server may be; nothing of them is stored'
  return new ItxError('BAD_REQUEST', message, { reason: 'too-large' }, { cause })
}

function unknownOutcome(path: string, cause: unknown): ItxError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new ItxError(
    'UNAVAILABLE',
    `events appended to ${path} may or may not be stored (${why}); with an idempotency key each they can be sent again`,
    { reason: 'unknown-outcome', path },
    { cause },
  )
}
