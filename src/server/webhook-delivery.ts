import { type ClientRequest, type IncomingMessage, Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { subscriptionUrl, toldJson } from '../http/subscription-json.ts'
import { itxErrorDetails } from '../streams/errors.ts'
import type { WakeNotice, WebhookPort } from '../streams/subscriptions/ports.ts'
import { type Resolve, type WebhookTarget, checkWebhookUrl, resolveByDns, webhookTarget } from './webhook-address.ts'
import type { WebhookKeys } from './webhook-keys.ts'

/** Bytes of an answer that are read; a receiver has nothing to say that is longer. */
const ANSWER_BYTES = 64 * 1024
/** How long a maker of a subscription waits for a name to be looked up, in milliseconds. */
const LOOK_UP_MS = 3000

interface DeliveryOptions {
  readonly keys: WebhookKeys
  /** Whether receivers on this very machine are allowed. */
  readonly localhost: boolean
  readonly resolve?: Resolve
}

/** Sends the webhooks of a project. */
export class WebhookDelivery implements WebhookPort {
  readonly #projectId: string
  readonly #keys: WebhookKeys
  readonly #localhost: boolean
  readonly #resolve: Resolve

  constructor(projectId: string, { keys, localhost, resolve = resolveByDns }: DeliveryOptions) {
    this.#projectId = projectId
    this.#keys = keys
    this.#localhost = localhost
    this.#resolve = resolve
  }

  /** A name that leads nowhere today may do so tomorrow; one that leads where nothing may be sent is refused. */
  async check(url: string): Promise<void> {
    checkWebhookUrl(url, { localhost: this.#localhost })
    try {
      await within(LOOK_UP_MS, this.#target(url))
    } catch (error) {
      if (itxErrorDetails(error)?.['reason'] === 'webhook-url') throw error
    }
  }

  async deliver(url: string, notice: WakeNotice, signal: AbortSignal): Promise<{ readonly done: boolean }> {
    const target = await within(LOOK_UP_MS, this.#target(url))
    const body = this.#body(notice)
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Tributary',
      'webhook-signature': this.#keys.signature(this.#projectId, body),
    }
    const { status, text } = await post(target, headers, body, signal)
    if (status < 200 || status > 299) throw new Error(`it answered ${status}`)
    return { done: saysDone(text) }
  }

  #target(url: string): Promise<WebhookTarget> {
    return webhookTarget(url, { localhost: this.#localhost, resolve: this.#resolve })
  }

  #body({ subscriptionId, wakeId, generation, address, streams }: WakeNotice): string {
    return JSON.stringify({
      subscription_id: subscriptionId,
      wake_id: wakeId,
      generation,
      streams: streams.map(toldJson),
      callback_url: subscriptionUrl(address, subscriptionId, 'callback'),
      callback_token: this.#keys.mint({ projectId: this.#projectId, subscriptionId, wakeId, generation }),
    })
  }
}

/** Sends a body to the addresses that were looked at, and to no other. A redirection is an answer like any other. */
function post(
  { url, addresses }: WebhookTarget,
  headers: Readonly<Record<string, string | number>>,
  body: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly text: string }> {
  const lookup: LookupFunction = (_hostname, { all }, callback) => {
    const [first] = addresses
    if (all) callback(null, [...addresses])
    else if (first) callback(null, first.address, first.family)
  }
  // An agent of its own: no connection is kept that leads to what a name meant before, and no proxy looks it up anew.
  const isSecure = url.protocol === 'https:'
  const agent = isSecure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false })
  const request = isSecure ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const sent: ClientRequest = request(url, { method: 'POST', headers, agent, lookup, signal }, (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
    })
    sent.on('error', (error) => reject(signal.aborted && signal.reason instanceof Error ? signal.reason : error))
    sent.end(body)
  })
}

/** The beginning of an answer as text; the rest is not waited for. */
async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.byteLength
    if (size > ANSWER_BYTES) return ''
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function saysDone(text: string): boolean {
  try {
    const answer: unknown = JSON.parse(text)
    return typeof answer === 'object' && answer !== null && (answer as { done?: unknown }).done === true
  } catch {
    // Taken all the same: whoever has nothing to say calls back.
    return false
  }
}

async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`the name was not looked up in ${ms} ms`)), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
