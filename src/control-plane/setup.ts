import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { ItxError } from '../streams/errors.ts'
import type { Auth } from './auth.ts'
import { createFirstAdmin } from './bootstrap.ts'
import type { ControlDatabase } from './database.ts'
import { hasInstanceAdmin, type UserRecord } from './users.ts'

export interface SetupInput {
  readonly token: string
  readonly name: string
  readonly email: string
  readonly password: string
}

/**
 * The first-run setup: whoever holds the one-time link, printed on the operator's terminal, makes the first admin. The
 * token lives in the memory of this process alone, so a restart makes a new link and the old one is worthless.
 */
export class SetupGate {
  readonly #auth: Auth
  readonly #database: ControlDatabase
  readonly #token = randomBytes(32).toString('base64url')
  #used = false

  constructor({ auth, database }: { readonly auth: Auth; readonly database: ControlDatabase }) {
    this.#auth = auth
    this.#database = database
  }

  /** Whether setup is still to be done: this gate was not used and the instance has no admin. */
  isOpen(): boolean {
    return !this.#used && !hasInstanceAdmin(this.#database)
  }

  /** The path of the link, `/setup/<token>`; to be printed only while the gate is open. */
  path(): string {
    return `/setup/${this.#token}`
  }

  /** Whether a token opens the gate now, for the page that shows the form. Compares in constant time. */
  accepts(token: string): boolean {
    return timingSafeEqual(digest(token), digest(this.#token)) && this.isOpen()
  }

  /**
   * Creates the first instance admin, a member of `demo`. Of several calls at once exactly one succeeds; a call that
   * fails on its input leaves the link good.
   *
   * @throws ItxError FORBIDDEN, always with the same words, for a wrong or used token or when there is an admin;
   *   BAD_REQUEST and CONFLICT as `createUser`.
   */
  async complete({ token, name, email, password }: SetupInput): Promise<UserRecord> {
    if (!this.accepts(token)) throw refused()
    const admin = await createFirstAdmin(this.#auth, this.#database, { name, email, password })
    if (admin === null) throw refused()
    this.#used = true
    return admin
  }
}

function refused(): ItxError {
  return new ItxError('FORBIDDEN', 'this setup link is wrong or was used; restart the server for a new one if needed')
}

/** Hashed, because a comparison in constant time needs equal lengths. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
