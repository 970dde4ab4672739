import { createPublicKey, verify } from 'node:crypto'
import { type IncomingHttpHeaders, type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeJson } from '../json-text.ts'
import { parsePath } from '../path.ts'
import { type Scheduler, nodeScheduler } from '../scheduler.ts'
import { TestClock, TestProject } from '../testing.ts'
import type { WebhookJwk } from './keys.ts'
import type { WakeNotice, WebhookPort } from './ports.ts'
import type { Claim } from './work.ts'

/** Turns as they come; timers that run out when the clock is told to move on, in order, each at its time. */
export class TimedTurns implements Scheduler {
  readonly clock: TestClock
  #timers: { readonly at: number; readonly run: () => void }[] = []

  constructor(clock: TestClock = new TestClock()) {
    this.clock = clock
  }

  readonly immediate = nodeScheduler.immediate

  readonly timer = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.clock.ms + ms, run }
    this.#timers.push(timer)
    return () => void (this.#timers = this.#timers.filter((each) => each !== timer))
  }

  /** How long is waited for what comes next, in milliseconds; undefined: nothing is. */
  get next(): number | undefined {
    const [first] = this.#timers.toSorted((a, b) => a.at - b.at)
    return first && first.at - this.clock.ms
  }

  /** Lets time pass; after each timer everything that follows from it may happen. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.ms + ms
    for (;;) {
      const [first] = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)
      if (!first) break
      this.#timers = this.#timers.filter((each) => each !== first)
      this.clock.ms = Math.max(this.clock.ms, first.at)
      first.run()
      await rest()
    }
    this.clock.ms = end
    await rest()
  }
}

/** Turns enough for a commit, what it wakes, and the commit of that. */
export async function rest(turns = 12): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** What a receiver does with what it is told: `done`, taken, not taken, or nothing for as long as it likes. */
export type Reception = 'done' | 'taken' | 'refused' | 'silence'

/** Webhooks that go nowhere, and receivers that behave as they are told. */
export class TestWebhooks implements WebhookPort {
  readonly notices: WakeNotice[] = []
  reception: Reception = 'taken'
  /** What a silent receiver answers in the end. */
  readonly answers: ((answer: { readonly done: boolean }) => void)[] = []

  check = async (): Promise<void> => {}

  deliver = async (_url: string, notice: WakeNotice, signal: AbortSignal): Promise<{ readonly done: boolean }> => {
    this.notices.push(notice)
    switch (this.reception) {
      case 'refused':
        throw new Error('it answered 503')
      case 'silence':
        return new Promise((resolve, reject) => {
          this.answers.push(resolve)
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      default:
        return { done: this.reception === 'done' }
    }
  }
}

export interface Received {
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: ReceivedWake
}

/** A webhook as it arrives. */
export interface ReceivedWake {
  readonly subscription_id: string
  readonly wake_id: string
  readonly generation: number
  readonly streams: readonly {
    readonly path: string
    readonly link_type: string
    readonly acked_offset: string
    readonly tail_offset: string
    readonly has_pending: boolean
  }[]
  readonly callback_url: string
  readonly callback_token: string
}

/** A receiver of webhooks on a free loopback port. Use with `await using`. */
export class WebhookReceiver {
  readonly received: Received[] = []
  /** What it answers: status and body. */
  answer: (received: Received) => readonly [status: number, body: string, headers?: Record<string, string>] = () => [
    200,
    '{}',
  ]
  readonly #server: Server
  #waiting: (() => void)[] = []

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const received = { headers: request.headers, text, json: JSON.parse(text) as ReceivedWake }
        this.received.push(received)
        for (const wake of this.#waiting.splice(0)) wake()
        const [status, body, headers = {}] = this.answer(received)
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
      })
    })
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver()
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/hook`
  }

  /** The webhook of a number, counted from 1, once it has come. */
  async nth(number: number): Promise<Received> {
    for (;;) {
      const received = this.received[number - 1]
      if (received) return received
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** Whether a signature is that of a key over a body. */
export function isSigned({ headers, text }: Pick<Received, 'headers' | 'text'>, keys: readonly WebhookJwk[]): boolean {
  const header = String(headers['webhook-signature'])
  const [, time, kid, signature = ''] = /^t=(\d+),kid=([^,]+),ed25519=([\w-]+)$/.exec(header) ?? []
  const jwk = keys.find((key) => key.kid === kid)
  if (!jwk) return false
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  return verify(null, Buffer.from(`${time}.${text}`), key, Buffer.from(signature, 'base64url'))
}

/** The stream root, and the lease, of subscriptions that are made without much ado. */
export const ROOT = 'http://here/v1/stream/'
export const LEASE = 10_000

/** A project whose time passes when it is told to. Use with `using`. */
export class Subscribed extends TestProject {
  readonly turns: TimedTurns
  readonly webhooks: TestWebhooks
  readonly warnings: string[]

  constructor(turns = new TimedTurns(), webhooks = new TestWebhooks(), warnings: string[] = []) {
    const warn = (message: string) => void warnings.push(message)
    super(undefined, { scheduler: turns, clock: turns.clock, webhooks, random: () => 0.5, warn })
    this.turns = turns
    this.webhooks = webhooks
    this.warnings = warnings
  }

  get subscriptions() {
    return this.streams.subscriptions
  }

  /** Appends a message as the HTTP door does. */
  say(name: string, message: unknown = {}) {
    const payload = encodeJson(message, 'payload')
    return this.streams.append(parsePath(`/v1/stream/${name}`), [{ type: 'message', raw: true, payload }])
  }

  hook(id: string, more: object = {}) {
    const config = {
      type: 'webhook',
      pattern: 'events/*',
      webhook: { url: 'https://hook' },
      lease_ttl_ms: LEASE,
      ...more,
    }
    return this.subscriptions.create(id, config, ROOT)
  }

  pull(id: string, more: object = {}) {
    const config = { type: 'pull-wake', pattern: 'events/*', wake_stream: 'wake/pool', lease_ttl_ms: LEASE, ...more }
    return this.subscriptions.create(id, config, ROOT)
  }

  async acked(id: string): Promise<Record<string, number>> {
    const { streams } = await this.subscriptions.get(id)
    return Object.fromEntries(streams.map(({ name, acked }) => [name, acked]))
  }

  /** The messages of the wake stream. */
  async wakes(): Promise<{ readonly subscription_id: string; readonly generation: number }[]> {
    const events = await this.log('/v1/stream/wake/pool')
    return events.filter(({ type }) => type === 'wake').map(({ payload }) => JSON.parse(payload ?? ''))
  }

  /** What somebody with a claim says. */
  progress(id: string, claim: Pick<Claim, 'wakeId' | 'generation'>, acks: Record<string, number>, done = true) {
    const isHook = this.webhooks.notices.some((each) => each.subscriptionId === id)
    return this.subscriptions.progress(id, isHook ? 'webhook' : 'pull-wake', {
      held: claim,
      named: claim,
      acks: Object.entries(acks).map(([stream, offset]) => ({ stream, offset })),
      done,
    })
  }
}
