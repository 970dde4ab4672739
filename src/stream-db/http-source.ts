import type { DurableStream } from '@durable-streams/client'
import { Backoff, pause } from '../itx/client/retry.ts'
import { ItxError } from '../streams/errors.ts'
import {
  type Ask,
  type HttpAnswer,
  type HttpQuestion,
  type HttpStreamOptions,
  asker,
  troubleOf,
} from './http-request.ts'
import { pauseUntilOnline } from './http-network.ts'
import type { SourceListener, SourceOptions, SourceReading, StreamSource } from './source.ts'

export type { HttpStreamOptions } from './http-request.ts'

export interface HttpSourceTiming {
  /** How long a server may say nothing. Longer than it keeps a long poll waiting. */
  readonly answerWithinMs?: number
  readonly firstRetryMs?: number
  readonly lastRetryMs?: number
}

/** A stream by its address, or a handle of the published client, which then does part of the trying again by itself. */
export type HttpSourceOptions = HttpSourceTiming &
  ({ readonly streamOptions: HttpStreamOptions } | { readonly stream: DurableStream })

const ANSWER_WITHIN_MS = 90_000
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 30_000
/** A server that answers a wait sooner than this, with nothing, does not wait: it is not asked again at once. */
const NO_WAIT_MS = 50
/** Answers in a row that are no JSON: one may have been cut short. */
const MOST_GARBLED = 5
const START = '-1'

/**
 * Reads a JSON stream of any Durable Streams server: whatever is there by the page, then what comes by long poll. While the
 * listener is busy with a page the next one is fetched, and no more.
 *
 * It tries again for ever, with pauses that double and shorten at random, whenever time may help: no network, status 408,
 * 425, 429 (`Retry-After` is kept to) or 5xx; in a browser as soon as the network is back. It fails for good on any other
 * refusal, on what is no JSON stream, and when the stream is not there at the first answer. A stream that was there and is
 * there no more (404, 410) is never given up while the reading is live: deletion is not final where a path can be used
 * again, so what was read stays until the next life begins.
 *
 * A new life is noticed by the tag of a page where the server names it there (ours does), by an offset that lies behind the
 * one that was asked for, and by an absence in between. The protocol itself names none: on another server, a stream that was
 * made anew while nobody looked, and has grown past the old end since, looks like the old one.
 *
 * @throws {ItxError} BAD_REQUEST when the address is none
 */
export function httpSource(options: HttpSourceOptions): StreamSource {
  const stream = 'stream' in options ? options.stream : options.streamOptions
  const id = String(stream.url)
  if (!URL.canParse(id)) {
    throw new ItxError('BAD_REQUEST', 'the address of a stream must be a whole URL', { field: 'url' })
  }
  const own = 'stream' in options ? undefined : options.streamOptions.signal
  const ask = asker(stream, options.answerWithinMs ?? ANSWER_WITHIN_MS)
  let current: HttpReading | null = null
  return {
    id,
    open(how, listener) {
      if (current?.isOver === false) throw new ItxError('CONFLICT', `${id} is being read already`, { reason: 'open' })
      const backoff = new Backoff(options.firstRetryMs ?? FIRST_RETRY_MS, options.lastRetryMs ?? LAST_RETRY_MS)
      current = new HttpReading(ask, backoff, how, listener, own)
      return current
    },
  }
}

/** A request that is under way. */
interface Asked {
  /** Fails to whoever waits for it. */
  readonly answer: Promise<HttpAnswer>
  readonly wait: boolean
  readonly at: number
}

/** The listener's own failure: not the stream's, and nothing that asking again could mend. */
class NotTaken extends Error {}

/** One reading. Invariant: `#offset` and `#life` are the place after everything that the listener has taken. */
class HttpReading implements SourceReading {
  readonly #ask: Ask
  readonly #backoff: Backoff
  readonly #live: boolean
  readonly #listener: SourceListener
  readonly #closing = new AbortController()
  readonly #signal: AbortSignal
  readonly #ended: Promise<void>
  #offset: string
  #life: string | undefined
  /** It was there once. */
  #found = false
  /** It was not there when it was asked for last; what is there next may be another. */
  #absent = false
  #garbled = 0
  #isConnected: boolean | null = null
  #saidUpToDate = false
  isOver = false

  constructor(
    ask: Ask,
    backoff: Backoff,
    { from, live }: SourceOptions,
    listener: SourceListener,
    own: AbortSignal | undefined,
  ) {
    this.#ask = ask
    this.#backoff = backoff
    this.#live = live
    this.#listener = listener
    this.#offset = from?.offset ?? START
    this.#life = from?.life
    this.#signal = own ? AbortSignal.any([own, this.#closing.signal]) : this.#closing.signal
    this.#ended = this.#run()
  }

  /** What the listener is busy with is its own: it may close from within. */
  close(): Promise<void> {
    this.#closing.abort()
    return this.#ended
  }

  async #run(): Promise<void> {
    // Nobody is told anything before `open` has answered.
    await Promise.resolve()
    let failure: Error | null = null
    while (!this.#signal.aborted && failure === null) {
      try {
        if ((await this.#read()) === 'over') break
      } catch (error) {
        if (this.#signal.aborted) break
        failure = await this.#afterTrouble(error)
      }
    }
    this.isOver = true
    if (this.#closing.signal.aborted) return
    if (this.#signal.aborted) failure = new ItxError('UNAVAILABLE', 'the reading was aborted', { reason: 'aborted' })
    if (failure) this.#listener.failed(failure)
  }

  /** From wherever the reading stands to the end of the stream, or to the first thing that makes it begin again. */
  async #read(): Promise<'over' | 'again'> {
    const tail = await this.#ask({ offset: 'now', wait: false }, this.#signal)
    await tail.messages
    this.#found = true
    this.#connected(true)
    // Where lives have names, the next page tells whether it is another.
    const isUnknown = this.#absent && this.#life === undefined
    if (isUnknown || isBehind(tail.next, this.#offset)) await this.#restart()
    // At its end a stream is asked without waiting, so that it is known to be read; before it, page by page.
    return this.#follow(this.#offset === START ? isPaged(tail.next) : this.#offset !== tail.next)
  }

  /** Page after page. While one comes and the listener is busy with it the next is on its way, and no more. */
  async #follow(fromWait: boolean): Promise<'over' | 'again'> {
    let wait = fromWait
    const ahead = new AbortController()
    const signal = AbortSignal.any([this.#signal, ahead.signal])
    let asked = this.#begin({ offset: this.#offset, wait }, signal)
    try {
      for (;;) {
        const answer = await asked.answer
        if (this.#isAnother(answer)) {
          await this.#restart()
          return 'again'
        }
        this.#absent = false
        const { next: offset, upToDate, closed, cursor } = answer
        const isLast = closed || (upToDate && !this.#live)
        const hasMoved = offset !== this.#offset
        const hasWaited = asked.wait && performance.now() - asked.at > NO_WAIT_MS
        wait = wait || upToDate
        if (hasMoved && !isLast) asked = this.#begin({ offset, wait, cursor }, signal)
        await this.#take(answer, await answer.messages)
        if (isLast) return 'over'
        if (hasMoved || hasWaited) this.#backoff.reset()
        else if (asked.wait || !upToDate) await pause(this.#backoff.next(), this.#signal)
        if (!hasMoved) asked = this.#begin({ offset, wait, cursor }, signal)
      }
    } finally {
      ahead.abort()
      await asked.answer.then(({ messages }) => messages).catch(() => undefined)
    }
  }

  #begin(question: HttpQuestion, signal: AbortSignal): Asked {
    const answer = this.#ask(question, signal)
    answer.catch(() => undefined)
    return { answer, wait: question.wait, at: performance.now() }
  }

  #isAnother({ next, life }: HttpAnswer): boolean {
    if (isBehind(next, this.#offset)) return true
    return life !== undefined && this.#life !== undefined && life !== this.#life
  }

  async #take({ next, upToDate, closed, life }: HttpAnswer, messages: readonly unknown[]): Promise<void> {
    this.#garbled = 0
    const known = life ?? this.#life
    const isNews = messages.length > 0 || next !== this.#offset || closed || upToDate !== this.#saidUpToDate
    if (isNews) {
      const place = { offset: next, ...(known === undefined ? {} : { life: known }) }
      await this.#tell(() => this.#listener.batch({ messages, place, upToDate, closed }))
    }
    this.#saidUpToDate = upToDate
    this.#offset = next
    this.#life = known
  }

  /** Begins at the start of what is there now. */
  async #restart(): Promise<void> {
    const hadBegun = this.#offset !== START
    this.#offset = START
    this.#life = undefined
    this.#absent = false
    this.#saidUpToDate = false
    if (hadBegun) await this.#tell(() => this.#listener.restarted())
  }

  /** What the listener does is waited for, but not beyond the end of the reading. */
  async #tell(call: () => void | Promise<void>): Promise<void> {
    this.#signal.throwIfAborted()
    const ended = Promise.withResolvers<never>()
    const onAbort = () => ended.reject(this.#signal.reason)
    this.#signal.addEventListener('abort', onAbort)
    const taken = (async () => call())().catch((error: unknown) => {
      throw new NotTaken('what was read could not be taken', { cause: error })
    })
    try {
      await Promise.race([taken, ended.promise])
    } finally {
      this.#signal.removeEventListener('abort', onAbort)
    }
  }

  #connected(is: boolean): void {
    if (this.#isConnected === is) return
    this.#isConnected = is
    this.#listener.connected(is)
  }

  /** The failure that ends the reading; null when it goes on, after a pause. */
  async #afterTrouble(error: unknown): Promise<Error | null> {
    if (error instanceof NotTaken) return error.cause instanceof Error ? error.cause : error
    const trouble = troubleOf(error)
    switch (trouble.kind) {
      case 'final':
        return trouble.error
      case 'absent':
        return this.#afterAbsence(trouble)
      case 'passing': {
        if (trouble.garbled && ++this.#garbled >= MOST_GARBLED) {
          const message = `${MOST_GARBLED} answers in a row were no JSON`
          return new ItxError('BAD_REQUEST', message, { reason: 'garbled', limit: MOST_GARBLED }, { cause: error })
        }
        this.#connected(false)
        if (trouble.afterMs > 0) await pause(Math.max(this.#backoff.next(), trouble.afterMs), this.#signal)
        else if (await pauseUntilOnline(this.#backoff.next(), this.#signal)) this.#backoff.reset()
        return null
      }
    }
  }

  async #afterAbsence({ status, error }: { readonly status: number; readonly error: ItxError }): Promise<Error | null> {
    const isFirst = !this.#absent
    // What lies after the place may have been removed, and the stream still be there: the next answer tells.
    const isPlace = status === 410 && isFirst && this.#offset !== START
    if (!this.#found || (!this.#live && !isPlace)) return error
    if (isPlace) this.#life = undefined
    this.#absent = true
    // A reset answers so to whoever waits, and is over at once; only a second absence is one.
    if (!isFirst) this.#connected(false)
    await pause(isFirst ? 0 : this.#backoff.next(), this.#signal)
    return null
  }
}

/** Offsets are ordered as text (protocol, "Offsets"). */
function isBehind(next: string, asked: string): boolean {
  return asked !== START && next < asked
}

/**
 * Whether the start of a stream can be asked for page by page: a wait at an empty stream would keep everybody waiting. The
 * offsets of our server, and of the published one, tell which is empty; any other stream is asked for in one piece.
 */
function isPaged(tail: string): boolean {
  return /^\d{16}_\d{16}$/.test(tail) && !/^[0_]+$/.test(tail)
}
