import { followStream } from '../itx/client/follow.ts'
import type { ItxClient } from '../itx/client/itx-client.ts'
import type { SubscribeAfter, WireBatch } from '../itx/handle.ts'
import { ItxError, itxErrorCode, itxErrorDetails, shown } from '../streams/errors.ts'
import { type EncodedEvent, RESERVED_PREFIX } from '../streams/event.ts'
import type { SourceListener, SourceOptions, SourceReading, StreamSource } from './source.ts'

export interface ItxSourceOptions {
  readonly client: Pick<ItxClient, 'connection' | 'projectKey'>
  readonly path: string
}

/**
 * Reads a stream through the handle. A message is the payload of an event, whoever appended it and however: the engine's
 * own events are none, and say nothing but how far the log is. Offsets are the engine's, as decimal text; a life is an
 * incarnation.
 *
 * A stream that is not there is an empty one, which may come to be. One that was deleted or reset has begun a new life,
 * empty at first. It comes back by itself after every break, and fails for good on what waiting cannot mend: no right, no
 * such project, a bad path, a connection that was closed by whoever made it.
 */
export function itxSource({ client, path }: ItxSourceOptions): StreamSource {
  const id = `itx:${client.projectKey}${path}`
  let current: ItxReading | null = null
  return {
    id,
    open(how, listener) {
      if (current?.isOver === false) throw new ItxError('CONFLICT', `${id} is being read already`, { reason: 'open' })
      current = new ItxReading({ client, path }, how, listener)
      return current
    },
  }
}

class ItxReading implements SourceReading {
  readonly #source: ItxSourceOptions
  readonly #live: boolean
  readonly #listener: SourceListener
  readonly #closing = new AbortController()
  /** The stream has come to its end, or the reading to what it wanted, or the listener has failed. */
  readonly #over = new AbortController()
  readonly #signal = AbortSignal.any([this.#closing.signal, this.#over.signal])
  readonly #ended: Promise<void>
  #after: SubscribeAfter = 'start'
  #life: string | undefined
  /** Nothing visible will ever follow. Told when it changes: kept here. */
  #closed = false
  #isConnected: boolean | null = null
  isOver = false

  constructor(source: ItxSourceOptions, { from, live }: SourceOptions, listener: SourceListener) {
    this.#source = source
    this.#live = live
    this.#listener = listener
    this.#ended = this.#run(from)
  }

  /** What the listener is busy with is its own: it may close from within. */
  close(): Promise<void> {
    this.#closing.abort()
    return this.#ended
  }

  async #run(from: SourceOptions['from']): Promise<void> {
    // Nobody is told anything before `open` has answered.
    await Promise.resolve()
    let failure: unknown
    try {
      if (from) {
        this.#after = offsetOf(from.offset)
        this.#life = from.life
      }
      while (!this.#signal.aborted) await this.#follow()
      failure = this.#over.signal.reason instanceof NotTaken ? this.#over.signal.reason.cause : undefined
    } catch (error) {
      failure = error
    }
    this.isOver = true
    if (failure === undefined || this.#closing.signal.aborted) return
    this.#listener.failed(failure instanceof Error ? failure : new Error(shown(failure)))
  }

  /** Until the end, or until another life has begun. */
  async #follow(): Promise<void> {
    const { client, path } = this.#source
    try {
      await followStream({
        connection: client.connection,
        project: client.projectKey,
        path,
        after: this.#after,
        incarnationId: this.#life,
        state: true,
        onBatch: (batch) => this.#take(batch),
        onInterrupted: () => this.#connected(false),
        signal: this.#signal,
      })
    } catch (error) {
      if (!isAnotherLife(error)) throw error
      this.#after = 'start'
      this.#life = undefined
      this.#closed = false
      await this.#tell(() => this.#listener.restarted())
    }
  }

  async #take({ events, through, maxOffset, incarnationId, state }: WireBatch): Promise<void> {
    this.#connected(true)
    if (state) this.#closed = state.closed
    const upToDate = through >= maxOffset
    const closed = this.#closed && upToDate
    const place = { offset: String(through), ...(incarnationId === null ? {} : { life: incarnationId }) }
    const messages = events.filter(isVisible).map(messageOf)
    await this.#tell(() => this.#listener.batch({ messages, place, upToDate, closed }))
    this.#after = through
    this.#life = incarnationId ?? undefined
    if (closed || (upToDate && !this.#live)) this.#over.abort()
  }

  /** A listener that fails would be brought the same again and again: it is the end instead. */
  async #tell(call: () => void | Promise<void>): Promise<void> {
    if (this.#signal.aborted) return
    try {
      await call()
    } catch (error) {
      this.#over.abort(new NotTaken('what was read could not be taken', { cause: error }))
      throw error
    }
  }

  #connected(is: boolean): void {
    if (this.#isConnected === is) return
    this.#isConnected = is
    this.#listener.connected(is)
  }
}

class NotTaken extends Error {}

function isVisible({ type }: EncodedEvent): boolean {
  return !type.startsWith(RESERVED_PREFIX)
}

function messageOf({ payload }: EncodedEvent): unknown {
  return payload === undefined ? undefined : (JSON.parse(payload) as unknown)
}

/** Another one than the place belongs to; or what lies after the place was removed, which leaves a hole just as well. */
function isAnotherLife(error: unknown): boolean {
  const reason = itxErrorDetails(error)?.['reason']
  const code = itxErrorCode(error)
  return (code === 'CONFLICT' && reason === 'incarnation') || (code === 'NOT_FOUND' && reason === 'trimmed')
}

function offsetOf(text: string): number {
  const offset = Number(text)
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(offset)) return offset
  throw new ItxError('BAD_REQUEST', `an offset of this source is a whole number, not ${shown(text)}`, {
    field: 'from.offset',
  })
}
