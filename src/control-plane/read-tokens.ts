import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

/**
 * Short-lived tokens that let an end user's browser read one part of a project (design page `itx.md`, "Access"): an
 * editor's program mints one, the browser reads with it, and it dies by itself. Everything it stands for is in the token,
 * under a signature, so that no database is read to verify one; neither can one be taken back before its time.
 */

/** What a read token stands for: reading a path and everything below it. */
export interface ReadGrant {
  /** The public name of the token. */
  readonly id: string
  readonly projectId: string
  readonly path: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

const PREFIX = 'trr_'
/** Characters: the longest path with everything else, in base64url, and some room. */
const LONGEST = 2000

export class ReadTokens {
  readonly #key: Buffer
  readonly #now: () => number

  /** @param secret of the data directory, from `loadSecret` */
  constructor(secret: string, now: () => number = Date.now) {
    // A key of its own: a token must never pass for another thing that the secret signs.
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'tributary read token', 32))
    this.#now = now
  }

  /** A token for `seconds` from now. */
  mint({
    projectId,
    path,
    seconds,
  }: {
    readonly projectId: string
    readonly path: string
    readonly seconds: number
  }): ReadGrant & { readonly token: string } {
    const grant: ReadGrant = {
      id: `rtk_${randomBytes(10).toString('hex')}`,
      projectId,
      path,
      expiresAt: this.#now() + seconds * 1000,
    }
    const body = Buffer.from(JSON.stringify([grant.id, projectId, path, grant.expiresAt])).toString('base64url')
    return { ...grant, token: `${PREFIX}${body}.${this.#sign(body).toString('base64url')}` }
  }

  /** What a token stands for, or null when it is none of ours, was changed, or has ended. */
  verify(token: string): ReadGrant | null {
    if (!token.startsWith(PREFIX) || token.length > LONGEST) return null
    const [body = '', signature, ...more] = token.slice(PREFIX.length).split('.')
    if (signature === undefined || more.length > 0) return null
    const expected = this.#sign(body)
    const given = Buffer.from(signature, 'base64url')
    // Bits beyond the last byte would make several texts of one token.
    if (given.toString('base64url') !== signature) return null
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null
    // Signed by us, so of this shape.
    const [id, projectId, path, expiresAt] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [
      string,
      string,
      string,
      number,
    ]
    return expiresAt > this.#now() ? { id, projectId, path, expiresAt } : null
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#key).update(body).digest()
  }
}
