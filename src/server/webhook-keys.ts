import {
  type KeyObject,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  sign,
  timingSafeEqual,
} from 'node:crypto'
import type { WakeGrant, WakeKeys, WebhookJwk } from '../streams/subscriptions/keys.ts'

/** How long whoever was told of a wake may speak of it. Fencing ends most long before. */
const TOKEN_SECONDS = 24 * 60 * 60
const PREFIX = 'trw_'
/** Characters: the longest id with everything else, in base64url, and some room. */
const LONGEST = 1500
/** What stands before the 32 bytes of a private key of Ed25519 in PKCS #8 (RFC 8410, section 7). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
/** Projects whose keys are remembered. */
const MOST_REMEMBERED = 1000

interface SigningKey {
  readonly key: KeyObject
  readonly jwk: WebhookJwk
}

/**
 * The keys of wakes, all derived from the secret of the data directory: nothing of them is stored, and they survive every
 * restart. Each project signs with a key of its own, or one project's webhooks would pass for another's.
 */
export class WebhookKeys implements WakeKeys {
  readonly #secret: string
  readonly #now: () => number
  readonly #tokenKey: Buffer
  readonly #signing = new Map<string, SigningKey>()

  /** @param secret of the data directory, from `loadSecret` */
  constructor(secret: string, now: () => number = Date.now) {
    this.#secret = secret
    this.#now = now
    // A key of its own: a token must never pass for another thing that the secret signs.
    this.#tokenKey = Buffer.from(hkdfSync('sha256', secret, '', 'tributary wake token', 32))
  }

  publicKey(projectId: string): WebhookJwk {
    return this.#signingKey(`project ${projectId}`).jwk
  }

  decoyKey(name: string): WebhookJwk {
    return this.#derive(`nothing ${name}`).jwk
  }

  /** The value of `Webhook-Signature` for a body. */
  signature(projectId: string, body: string): string {
    const { key, jwk } = this.#signingKey(`project ${projectId}`)
    const seconds = Math.floor(this.#now() / 1000)
    const signature = sign(null, Buffer.from(`${seconds}.${body}`), key).toString('base64url')
    return `t=${seconds},kid=${jwk.kid},ed25519=${signature}`
  }

  mint({ projectId, subscriptionId, wakeId, generation }: WakeGrant): string {
    const expiresAt = this.#now() + TOKEN_SECONDS * 1000
    const parts = [projectId, subscriptionId, wakeId, generation, expiresAt]
    const body = Buffer.from(JSON.stringify(parts)).toString('base64url')
    return `${PREFIX}${body}.${this.#sign(body).toString('base64url')}`
  }

  verify(token: string): WakeGrant | 'invalid' | 'expired' {
    if (!token.startsWith(PREFIX) || token.length > LONGEST) return 'invalid'
    const [body = '', signature, ...more] = token.slice(PREFIX.length).split('.')
    if (signature === undefined || more.length > 0) return 'invalid'
    const expected = this.#sign(body)
    const given = Buffer.from(signature, 'base64url')
    // Bits beyond the last byte would make several texts of one token.
    if (given.toString('base64url') !== signature) return 'invalid'
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return 'invalid'
    // Signed by us, so of this shape.
    const [projectId, subscriptionId, wakeId, generation, expiresAt] = JSON.parse(
      Buffer.from(body, 'base64url').toString(),
    ) as [string, string, string, number, number]
    return expiresAt > this.#now() ? { projectId, subscriptionId, wakeId, generation } : 'expired'
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#tokenKey).update(body).digest()
  }

  #signingKey(purpose: string): SigningKey {
    const known = this.#signing.get(purpose)
    if (known) return known
    const derived = this.#derive(purpose)
    this.#signing.set(purpose, derived)
    for (const oldest of this.#signing.keys()) {
      if (this.#signing.size <= MOST_REMEMBERED) break
      this.#signing.delete(oldest)
    }
    return derived
  }

  #derive(purpose: string): SigningKey {
    const seed = Buffer.from(hkdfSync('sha256', this.#secret, '', `tributary webhook signature ${purpose}`, 32))
    const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })
    const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
    // The thumbprint of RFC 7638: its members in this order.
    const thumbprint = createHash('sha256').update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }))
    const kid = `ds_${thumbprint.digest('base64url')}`
    return { key, jwk: { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig', alg: 'EdDSA' } }
  }
}
