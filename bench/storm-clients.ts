import { setTimeout as wait } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { ItxClient } from '../src/itx/client/connect.ts'
import { TYPE } from './event.ts'

/** The back-off of `Connection` (`src/itx/client/connection.ts`), for peers that have none of their own. */
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 10_000

/** Many clients that each wait for something, again and again. */
export class Arrivals {
  readonly #expected: number
  #done = Promise.withResolvers<void>()
  #came = 0

  constructor(expected: number) {
    this.#expected = expected
  }

  one(): void {
    if (++this.#came === this.#expected) this.#done.resolve()
  }

  get came(): number {
    return this.#came
  }

  /** Resolves when all have come, and begins anew. */
  async all(): Promise<void> {
    const timer = setTimeout(() => {
      this.#done.reject(new Error(`only ${this.#came} of ${this.#expected} came`))
    }, 120_000)
    await this.#done.promise
    clearTimeout(timer)
    this.#came = 0
    this.#done = Promise.withResolvers()
  }
}

/** A client of ours that follows a stream for good. Every event must be the next one: none lost, none twice. */
export function follower(client: ItxClient, path: string, onEvent: () => void): () => Promise<void> {
  const over = new AbortController()
  let next = 0
  const following = client.follow(path, { after: 'start', signal: over.signal }, (events) => {
    for (const { type, payload } of events) {
      if (type !== TYPE) continue
      const { n } = payload as { n: number }
      if (n !== next) throw new Error(`${path}: event ${n} came in place of ${next}`)
      next++
      onEvent()
    }
  })
  following.catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
  return async () => {
    over.abort()
    await following
    client.close()
  }
}

/** A bare socket that dials again whenever it breaks, says one thing, and waits for the answer to it. */
export function bareFollower(url: string, onAnswer: () => void): () => void {
  let over = false
  let attempts = 0
  let socket: WebSocket
  const dial = () => {
    socket = new WebSocket(url, { perMessageDeflate: false })
    socket.on('error', () => {})
    socket.on('open', () => {
      attempts = 0
      socket.send('here')
    })
    socket.on('message', onAnswer)
    socket.on('close', async () => {
      const full = Math.min(FIRST_RETRY_MS * 2 ** attempts++, LAST_RETRY_MS)
      await wait(full * (0.5 + Math.random() / 2))
      if (!over) dial()
    })
  }
  dial()
  return () => {
    over = true
    socket.terminate()
  }
}
