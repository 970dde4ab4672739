/** No answer within this time: it is asked again. */
const ANSWER_WITHIN_MS = 10_000
const FIRST_PAUSE_MS = 500
const LAST_PAUSE_MS = 30_000

interface Waiting {
  readonly body: string
  readonly resolve: () => void
  readonly reject: (refusal: Error) => void
}

/**
 * Appends to a stream, one after the other in the order of the calls, and tries until there is an answer. The server knows
 * the numbers that it has stored of a producer, so what is sent twice, because the answer got lost, is stored once.
 *
 * (`IdempotentProducer` of @durable-streams/client numbers as well. But it does not say which append was refused, and gives
 * away a number for it that the server waits for ever after.)
 */
export class Outbox {
  readonly #url: string
  readonly #listeners = new Set<() => void>()
  #producer = crypto.randomUUID()
  #number = 0
  #waiting: Waiting[] = []
  #refusal: string | null = null

  constructor(url: string) {
    this.#url = url
  }

  /** How many appends have no answer yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Why the last append was refused; null when none was, or one was made since. */
  get refusal(): string | null {
    return this.#refusal
  }

  /** For `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when all of the messages are stored; rejects when the server has refused them. */
  append(messages: readonly unknown[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ body: JSON.stringify(messages), resolve, reject })
    this.#refusal = null
    this.#changed()
    if (this.#waiting.length === 1) void this.#sendAll()
    return promise
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const answer = await this.#answerTo(next.body)
      if (answer.ok) {
        this.#number++
        this.#waiting.shift()
        next.resolve()
      } else {
        await this.#refuse(answer)
      }
      this.#changed()
    }
  }

  /** Until there is one that asking again would not change. */
  async #answerTo(body: string): Promise<Response> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)) {
      const answer = await fetch(this.#url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'producer-id': this.#producer,
          'producer-epoch': '0',
          'producer-seq': String(this.#number),
        },
        body,
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      }).catch(() => null)
      if (answer?.headers.has('producer-expected-seq')) {
        // It lacks what it has said to be stored: the stream was made anew, or comes from a backup.
        this.#producer = crypto.randomUUID()
        this.#number = 0
        continue
      }
      if (answer !== null && answer.status < 500 && ![408, 425, 429].includes(answer.status)) return answer
      await pause(pauseMs * (0.5 + Math.random() / 2))
    }
  }

  /** What waits behind the refused one may build upon it, and goes with it. */
  async #refuse(answer: Response): Promise<void> {
    const text = await answer.text().catch(() => '')
    this.#refusal = `${answer.status} ${messageOf(text)}`
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(this.#refusal))
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text
  } catch {
    return text
  }
}

/** Over sooner when the browser says that the network is back. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      removeEventListener('online', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    addEventListener('online', done)
  })
}
