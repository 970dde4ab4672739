import type { AppConfig } from '../../app.config.ts'
import type { Audit } from '../control-plane/audit.ts'
import type { Auth } from '../control-plane/auth.ts'
import type { ClientAddresses } from '../control-plane/client-address.ts'
import type { ControlDatabase } from '../control-plane/database.ts'
import type { ReadTokens } from '../control-plane/read-tokens.ts'
import type { SetupGate } from '../control-plane/setup.ts'
import type { TokenVerifier } from '../control-plane/tokens.ts'
import type { Budgets } from './budgets.ts'
import type { LiveReaders } from './live-readers.ts'
import type { RightsWatch } from './rights-watch.ts'
import { ItxError } from '../streams/errors.ts'
import type { StreamEngine } from '../streams/engine.ts'
import type { WakeKeys } from '../streams/subscriptions/keys.ts'

/** What one running Tributary consists of. Made by `src/server`, used by every door. */
export interface Instance {
  readonly config: AppConfig
  readonly control: ControlDatabase
  readonly auth: Auth
  readonly tokens: TokenVerifier
  /** How often each credential may call over HTTP. */
  readonly budgets: Budgets
  readonly readTokens: ReadTokens
  /** Who still may what was given to them for longer than a request. */
  readonly rights: RightsWatch
  /** Who waits for news over HTTP. */
  readonly readers: LiveReaders
  readonly engine: StreamEngine
  /** The tokens of wakes, and what webhooks are signed with. */
  readonly wakes: WakeKeys
  readonly setup: SetupGate
  /** Where sign-ins, denials and administrative acts are told. */
  readonly audit: Audit
  /** Whom a request comes from. */
  readonly addresses: ClientAddresses
  /** Whether errors may show their cause to callers. */
  readonly dev: boolean
  log(message: string, error?: unknown): void
}

// In dev every edit evaluates the modules anew, while engine and databases must stay the same.
const KEY = Symbol.for('tributary.instance')
const holder = globalThis as { [KEY]?: Instance | undefined }

export function setInstance(instance: Instance | undefined): void {
  holder[KEY] = instance
}

/** @throws {ItxError} UNAVAILABLE before the start and after the end of the server. */
export function currentInstance(): Instance {
  const instance = holder[KEY]
  if (!instance) throw new ItxError('UNAVAILABLE', 'the server is not running', { reason: 'shutting-down' })
  return instance
}
