import { percentile } from './figures.ts'
import { paced } from './load.ts'
import { type Message, messageJson } from './messages.ts'
import { SseReader } from './sse-wire.ts'
import { Connection, requestBytes } from './wire.ts'

export interface SseLoad {
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
  readonly path: string
  readonly readers: number
  /** Appends a second. */
  readonly pace: number
  /** How long before it is measured, and after. */
  readonly warmUpSeconds: number
  readonly seconds: number
  /** How long after the last append deliveries may still come. */
  readonly patienceMs: number
}

export interface Delivered {
  /** Milliseconds from the call of append to the message at a reader; of a delivery that did not come, until it was given up. */
  readonly p50: number
  readonly p99: number
  /** Deliveries that did not come in time. */
  readonly missing: number
  /** Milliseconds from the last append to the last delivery: long where the server does not keep up. */
  readonly behind: number
  /** The share of one processor that this process has used meanwhile. */
  readonly busy: number
}

/** Connections that append, at most. */
const APPENDERS = 32
/** One that was not used for so long is not used again. */
const IDLE_MS = 1000

/** Who has read how far, and how long it took. */
class Readers {
  readonly #calledAt: readonly number[]
  /** The numbers of the messages as the stream has them: appends that are under way at once may change places. */
  readonly #order: number[] = []
  readonly #seen = new Set<number>()
  readonly #readers: SseReader[] = []
  /** How many messages each reader has had. */
  readonly #had: number[] = []
  readonly #live = Promise.withResolvers<void>()
  #notLive: number
  #left = 0
  #latencies: number[] = []
  #complete = Promise.withResolvers<void>()

  constructor({ port, path, headers, readers }: SseLoad, calledAt: readonly number[]) {
    this.#calledAt = calledAt
    this.#notLive = readers
    // A failure may come before anybody waits.
    this.#complete.promise.catch(() => {})
    for (let i = 0; i < readers; i++) this.#readers.push(this.#reader(i, port, path, headers))
  }

  /** Resolves when all of them are at the end of the stream. */
  get live(): Promise<void> {
    return this.#live.promise
  }

  /** From now on so many messages are to come to each reader. */
  expect(messages: number): void {
    this.#latencies = []
    this.#left = messages * this.#readers.length
    this.#complete = Promise.withResolvers()
    this.#complete.promise.catch(() => {})
  }

  /** The latencies, when nothing is missing any more, or the time is up. */
  async complete(patienceMs: number): Promise<{ readonly latencies: readonly number[]; readonly missing: number }> {
    const timer = setTimeout(() => this.#complete.resolve(), patienceMs)
    await this.#complete.promise
    clearTimeout(timer)
    const now = performance.now()
    // A reader has the beginning of the stream; what it lacks took at least until now.
    const lacking = this.#had.flatMap((had) => this.#calledAt.slice(had).map((called) => now - called))
    return { latencies: [...this.#latencies, ...lacking], missing: lacking.length }
  }

  fail(error: Error): void {
    this.#live.reject(error)
    this.#complete.reject(error)
  }

  close(): void {
    for (const reader of this.#readers) reader.close()
  }

  #reader(i: number, port: number, path: string, headers: SseLoad['headers']): SseReader {
    this.#had[i] = 0
    let live = false
    return new SseReader(port, `${path}?offset=now&live=sse`, headers, {
      data: (text) => {
        const now = performance.now()
        const messages = JSON.parse(text) as Message[]
        const had = this.#had[i] ?? 0
        for (const [k, { n }] of messages.entries()) {
          this.#check(n, had + k)
          this.#latencies.push(now - (this.#calledAt[n] ?? Number.NaN))
        }
        this.#had[i] = had + messages.length
        this.#left -= messages.length
        if (this.#left === 0) this.#complete.resolve()
      },
      control: () => {
        if (live) return
        live = true
        if (--this.#notLive === 0) this.#live.resolve()
      },
      end: () => this.fail(new Error('the server has ended an event stream')),
      failed: (error) => this.fail(error),
    })
  }

  /** Every reader must have the same messages in the same places, and each once. */
  #check(n: number, place: number): void {
    const there = this.#order[place]
    if (there === n) return
    if (there !== undefined) throw new Error(`a reader has message ${n} where another one has ${there}`)
    if (this.#seen.has(n)) throw new Error(`message ${n} came twice`)
    this.#seen.add(n)
    this.#order[place] = n
  }
}

interface Idle {
  readonly connection: Connection
  readonly since: number
}

/** Appends without waiting for the one before, over as many connections as that takes, up to a number. */
class Appender {
  readonly #load: SseLoad
  readonly #idle: Idle[] = []
  readonly #queue: Buffer[] = []
  readonly #onError: (error: Error) => void
  #open = 0
  /** When each append was called for. */
  readonly calledAt: number[] = []

  constructor(load: SseLoad, onError: (error: Error) => void) {
    this.#load = load
    this.#onError = onError
  }

  append(): void {
    const n = this.calledAt.push(performance.now()) - 1
    const { path, headers } = this.#load
    const type = { 'content-type': 'application/json' }
    this.#queue.push(requestBytes({ method: 'POST', path, headers: { ...headers, ...type }, body: messageJson(n) }))
    const connection = this.#takeIdle()
    if (connection || this.#open < APPENDERS) void this.#drain(connection).catch(this.#onError)
  }

  close(): void {
    for (const { connection } of this.#idle) connection.close()
  }

  /** One that was used a moment ago: the server closes what has been silent for long, perhaps as a request is sent. */
  #takeIdle(): Connection | undefined {
    const fresh = performance.now() - IDLE_MS
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (idle.since > fresh) return idle.connection
      idle.connection.close()
      this.#open--
    }
    return undefined
  }

  async #drain(idle: Connection | undefined): Promise<void> {
    if (!idle) this.#open++
    const connection = idle ?? (await Connection.open(this.#load.port))
    for (let request = this.#queue.shift(); request; request = this.#queue.shift()) {
      const { status } = await connection.send(request)
      if (status !== 204) throw new Error(`an append was answered ${status}`)
    }
    this.#idle.push({ connection, since: performance.now() })
  }
}

/**
 * Appends to one stream at a fixed pace while readers follow it, all in this process, so that there is one clock.
 *
 * @throws when a reader misses a message, has one twice, or has them in another order than the others
 */
export async function deliverLive(load: SseLoad): Promise<Delivered> {
  const appender = new Appender(load, (error) => readers.fail(error))
  const readers = new Readers(load, appender.calledAt)
  await readers.live
  const { missing } = await delivered(appender, readers, load, load.warmUpSeconds)
  if (missing > 0) throw new Error(`${missing} deliveries are missing after a warm-up of ${load.warmUpSeconds} s`)
  const result = await delivered(appender, readers, load, load.seconds)
  readers.close()
  appender.close()
  return result
}

async function delivered(appender: Appender, readers: Readers, load: SseLoad, seconds: number): Promise<Delivered> {
  const { pace, patienceMs } = load
  readers.expect(pace * seconds)
  const cpu = process.cpuUsage()
  const start = performance.now()
  await paced(pace, seconds, async () => appender.append())
  const appended = performance.now()
  const { latencies, missing } = await readers.complete(patienceMs)
  const end = performance.now()
  const { user, system } = process.cpuUsage(cpu)
  return {
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    missing,
    behind: end - appended,
    busy: (user + system) / 1000 / (end - start),
  }
}
