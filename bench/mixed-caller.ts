import { once } from 'node:events'
import { connect } from 'node:net'
import { type Answer, type Asked, Connection, requestBytes } from './wire.ts'

/** Where the mixed clients go, and what they have done there. */
export interface Ground {
  readonly port: number
  readonly url: string
  readonly token: string
  /** Requests and other deeds, by kind. */
  readonly tally: Tally
  /** Aborted when the run is over, or has failed. */
  readonly over: AbortSignal
}

/** How often each thing was done. */
export class Tally {
  readonly counts: Record<string, number> = {}

  add(what: string, count = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + count
  }

  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0)
  }
}

/** A connection that was silent for so long is not used again: the server may be about to close it. */
const IDLE_MS = 2000

/** A client with a connection of its own, opened when it is needed and again when it is gone. */
export class Caller {
  readonly #ground: Ground
  #connection: Connection | null = null
  #usedAt = 0

  constructor(ground: Ground) {
    this.#ground = ground
  }

  /** @throws for any other status than those allowed. */
  async ask(what: string, asked: Asked, ...allowed: readonly number[]): Promise<Answer> {
    const { port, tally } = this.#ground
    if (performance.now() - this.#usedAt > IDLE_MS) this.close()
    const connection = (this.#connection ??= await Connection.open(port))
    tally.add(what)
    const answer = await connection.send(requestBytes(this.#withToken(asked)))
    this.#usedAt = performance.now()
    if (allowed.includes(answer.status)) return answer
    throw new Error(`${what}: ${asked.method} ${asked.path} answered ${answer.status}: ${answer.body.subarray(0, 300)}`)
  }

  /** Sends a share of a request over a connection of its own, and is gone without waiting for an answer. */
  async vanish(what: string, asked: Asked, share: number): Promise<void> {
    const { port, tally } = this.#ground
    const bytes = requestBytes(this.#withToken(asked))
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => {})
    await once(socket, 'connect')
    tally.add(what)
    const part = bytes.subarray(0, Math.ceil(bytes.length * share))
    // Handed to the system before the end: otherwise nothing of it would leave.
    await new Promise<void>((resolve) => socket.write(part, () => resolve()))
    socket.destroy()
  }

  close(): void {
    this.#connection?.close()
    this.#connection = null
  }

  #withToken(asked: Asked): Asked {
    return { ...asked, headers: { authorization: `Bearer ${this.#ground.token}`, ...asked.headers } }
  }
}
