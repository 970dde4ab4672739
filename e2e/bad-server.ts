import type { Page, WebSocketRoute } from 'playwright-core'
import type { ItxErrorCode } from '../src/streams/errors.ts'

/** What becomes of the answers to some calls. */
type Spell =
  | { readonly kind: 'hold' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'fail'; readonly error: WireError }

export interface WireError {
  /** Absent: an error that is none of ours. */
  readonly code?: ItxErrorCode
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * The socket of a page, with a server behind it that can be made to behave badly: to answer late, never, or with an
 * error. All else passes as it is. Frames are Cap'n Web's: `["push", …]` numbers the calls from 1 in each session, and
 * `["resolve", n, value]` or `["reject", n, error]` answers one.
 */
export class BadWire {
  readonly #spells = new Map<string, Spell>()
  readonly #held: (() => void)[] = []
  #socket: WebSocketRoute | null = null
  /** Answers that a spell has caught, by the name of the call. */
  readonly caught: string[] = []

  static async on(page: Page): Promise<BadWire> {
    const wire = new BadWire()
    await page.routeWebSocket(/\/api\/itx$/, (socket) => wire.#pass(socket))
    return wire
  }

  /** Calls of these names are not answered until `release`. Without a name: all but the pings. */
  hold(...calls: readonly string[]): void {
    this.#cast(calls, { kind: 'hold' })
  }

  slow(ms: number, ...calls: readonly string[]): void {
    this.#cast(calls, { kind: 'slow', ms })
  }

  fail(error: WireError, ...calls: readonly string[]): void {
    this.#cast(calls, { kind: 'fail', error })
  }

  /** The server behaves again, and says what it has held back. */
  release(): void {
    this.#spells.clear()
    for (const pass of this.#held.splice(0)) pass()
  }

  /** Ends the page's socket, as the server would. */
  async end(code: number, reason: string): Promise<void> {
    await this.#socket?.close({ code, reason })
  }

  #cast(calls: readonly string[], spell: Spell): void {
    for (const call of calls.length === 0 ? ['*'] : calls) this.#spells.set(call, spell)
  }

  #pass(near: WebSocketRoute): void {
    this.#socket = near
    const far = near.connectToServer()
    const calls = new Map<unknown, string>()
    let pushed = 0
    near.onMessage((message) => {
      const [kind, what] = JSON.parse(String(message)) as readonly [string, unknown]
      if (kind === 'push') calls.set(++pushed, nameOf(what))
      far.send(message)
    })
    far.onMessage((message) => {
      const [kind, id] = JSON.parse(String(message)) as readonly [string, unknown]
      const call = calls.get(id) ?? ''
      const spell = kind === 'resolve' || kind === 'reject' ? this.#spellOn(call) : undefined
      const pass = () => near.send(message)
      if (!spell) return pass()
      this.caught.push(call)
      if (spell.kind === 'hold') this.#held.push(pass)
      else if (spell.kind === 'slow') setTimeout(pass, spell.ms)
      else near.send(JSON.stringify(['reject', id, encoded(spell.error)]))
    })
  }

  #spellOn(call: string): Spell | undefined {
    return this.#spells.get(call) ?? (call === 'ping' ? undefined : this.#spells.get('*'))
  }
}

/** The last name on the way to what is called: `["pipeline", 1, ["streams", "get"], …]`. */
function nameOf(expression: unknown): string {
  const path: unknown = Array.isArray(expression) ? expression[2] : undefined
  return Array.isArray(path) ? String(path.at(-1)) : ''
}

function encoded({ code, message, details }: WireError): unknown {
  return ['error', 'Error', message, null, { ...(code && { code }), ...(details && { details }) }]
}
