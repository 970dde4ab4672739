import { isIP } from 'node:net'
import { resolve } from 'node:path'

/** The sizes and rates that an operator can change; every one has a default that suits a single machine. */
export interface ConfigLimits {
  /** Bytes of one event's payload. */
  readonly maxEventBytes: number
  /** Events in one append. */
  readonly maxBatchEvents: number
  /** Bytes of one append. */
  readonly maxBatchBytes: number
  /** Bytes of one socket message and of one HTTP body. */
  readonly maxMessageBytes: number
  /** Project files held open; beyond it the least recently used one closes. */
  readonly openProjects: number
  /** Sign-in attempts per address and minute. */
  readonly loginsPerMinute: number
  /** Calls per second of one socket, and requests per second of one credential over HTTP. */
  readonly callsPerSecond: number
  /** Handles and calls that one socket may have open at once. */
  readonly openHandles: number
  /** Subscriptions that one socket may have open at once, those to activity among them. */
  readonly subscriptions: number
  /** Long polls, event streams and answers of more than a page that one credential may have open at once over HTTP. */
  readonly liveReaders: number
}

/** The one configuration of a process: read once at start, never changed afterwards. */
export interface AppConfig {
  /** TCP port; 0 lets the system choose, see `withPort`. */
  readonly port: number
  /** The address the server listens on. */
  readonly host: string
  /** Absolute path of the data directory. */
  readonly dataDir: string
  /** The public origin, when the operator named one. */
  readonly baseUrl: string | undefined
  /** The URL that is printed to people and that cookies and links are derived from. */
  readonly origin: string
  /** The only values of the Origin header that a browser may come with (`itx.md`, "The socket door"). */
  readonly allowedOrigins: readonly string[]
  /** Origins of other sites whose pages may use the HTTP door with a token of their own. */
  readonly corsOrigins: readonly string[]
  /** The first admin, created unattended; both values or none. */
  readonly bootstrap: { readonly email: string; readonly password: string } | undefined
  /** Addresses and subnets of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  /** How long a long poll waits for news, in milliseconds. */
  readonly longPollMs: number
  /** The module with this server's own processors, when the operator named one. */
  readonly processors: string | undefined
  /** Whether webhooks may be sent to receivers on this very machine, over plain http. */
  readonly webhookLocalhost: boolean
  readonly limits: ConfigLimits
  /** Things that are allowed and probably not meant; the server prints them. */
  readonly warnings: readonly string[]
}

/** Thrown by `loadConfig`: `message` lists every problem, one per line; `problems` holds the same lines. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? '1 setting is' : `${problems.length} settings are`
    super(`${count} not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

type Env = Readonly<Record<string, string | undefined>>

const MIB = 1024 * 1024

// The server's own variables first, then those of the client and of the processor host, which other modules read.
const KNOWN_VARIABLES = [
  'TRIBUTARY_DATA_DIR',
  'TRIBUTARY_BASE_URL',
  'TRIBUTARY_TRUSTED_PROXIES',
  'TRIBUTARY_BOOTSTRAP_EMAIL',
  'TRIBUTARY_BOOTSTRAP_PASSWORD',
  'TRIBUTARY_LONG_POLL_MS',
  'TRIBUTARY_MAX_EVENT_BYTES',
  'TRIBUTARY_MAX_BATCH_EVENTS',
  'TRIBUTARY_MAX_BATCH_BYTES',
  'TRIBUTARY_MAX_MESSAGE_BYTES',
  'TRIBUTARY_LOGINS_PER_MINUTE',
  'TRIBUTARY_CALLS_PER_SECOND',
  'TRIBUTARY_OPEN_HANDLES',
  'TRIBUTARY_SUBSCRIPTIONS',
  'TRIBUTARY_LIVE_READERS',
  'TRIBUTARY_CORS_ORIGINS',
  'TRIBUTARY_URL',
  'TRIBUTARY_TOKEN',
  'TRIBUTARY_PROJECT',
  'TRIBUTARY_PROCESSORS',
  'TRIBUTARY_WEBHOOK_LOCALHOST',
]

// better-auth reads these by itself, past every check made here.
const BYPASSING_VARIABLES = ['BETTER_AUTH_TRUSTED_ORIGINS', 'BETTER_AUTH_SECRETS', 'BETTER_AUTH_TELEMETRY']

// The same rule as better-auth's sign-in (zod's `z.email()`), so that an admin made here can sign in.
const EMAIL = /^(?:[A-Za-z0-9_'+-]+\.)*[A-Za-z0-9_'+-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$/

/**
 * Reads and validates the environment. An empty value counts as unset.
 *
 * @throws ConfigError naming, for every problem, the variable, the value given and what is allowed. The bootstrap
 *   password never appears in it.
 */
export function loadConfig(env: Env = process.env): AppConfig {
  const problems: string[] = []
  const read = (name: string) => (env[name] === '' ? undefined : env[name])
  const integer = (name: string, fallback: number, min: number, max: number) => {
    const given = read(name)
    if (given === undefined) return fallback
    const value = Number(given)
    if (/^\d+$/.test(given) && value >= min && value <= max) return value
    problems.push(`${name} is ${quoted(given)}; allowed: a whole number from ${min} to ${max}`)
    return fallback
  }

  const host = read('HOST') ?? '127.0.0.1'
  if (!/^[A-Za-z0-9.:_-]+$/.test(host)) {
    problems.push(`HOST is ${quoted(host)}; allowed: an IP address or a host name, without scheme, brackets or port`)
  }
  const port = integer('PORT', 3000, 0, 65_535)
  const baseUrl = readBaseUrl(read('TRIBUTARY_BASE_URL'), problems)
  const corsOrigins = readCorsOrigins(read('TRIBUTARY_CORS_ORIGINS'), problems)
  const bootstrap = readBootstrap(read('TRIBUTARY_BOOTSTRAP_EMAIL'), read('TRIBUTARY_BOOTSTRAP_PASSWORD'), problems)
  const limits: ConfigLimits = {
    maxEventBytes: integer('TRIBUTARY_MAX_EVENT_BYTES', 16 * MIB, 1024, 256 * MIB),
    maxBatchEvents: integer('TRIBUTARY_MAX_BATCH_EVENTS', 1000, 1, 100_000),
    maxBatchBytes: integer('TRIBUTARY_MAX_BATCH_BYTES', 32 * MIB, 1024, 384 * MIB),
    maxMessageBytes: integer('TRIBUTARY_MAX_MESSAGE_BYTES', 48 * MIB, 1024, 512 * MIB),
    openProjects: 64,
    loginsPerMinute: integer('TRIBUTARY_LOGINS_PER_MINUTE', 5, 1, 10_000),
    callsPerSecond: integer('TRIBUTARY_CALLS_PER_SECOND', 10_000, 1, 1_000_000),
    openHandles: integer('TRIBUTARY_OPEN_HANDLES', 10_000, 16, 1_000_000),
    subscriptions: integer('TRIBUTARY_SUBSCRIPTIONS', 1000, 1, 100_000),
    liveReaders: integer('TRIBUTARY_LIVE_READERS', 10_000, 1, 1_000_000),
  }
  const trustedProxies = readProxies(read('TRIBUTARY_TRUSTED_PROXIES'), problems)
  const webhookLocalhost = readWebhookLocalhost(read('TRIBUTARY_WEBHOOK_LOCALHOST'), baseUrl, problems)
  const longPollMs = integer('TRIBUTARY_LONG_POLL_MS', 30_000, 1, 600_000)
  if (limits.maxEventBytes > limits.maxBatchBytes) {
    problems.push(
      `TRIBUTARY_MAX_EVENT_BYTES is ${limits.maxEventBytes}; ` +
        `allowed: at most TRIBUTARY_MAX_BATCH_BYTES, which is ${limits.maxBatchBytes}`,
    )
  }
  if (limits.maxBatchBytes > limits.maxMessageBytes) {
    problems.push(
      `TRIBUTARY_MAX_BATCH_BYTES is ${limits.maxBatchBytes}; ` +
        `allowed: at most TRIBUTARY_MAX_MESSAGE_BYTES, which is ${limits.maxMessageBytes}`,
    )
  }
  // An origin cannot be derived from a host that is not one: stop before.
  if (problems.length > 0) throw new ConfigError(problems)

  const dataDir = resolve(read('TRIBUTARY_DATA_DIR') ?? './data')
  const processors = read('TRIBUTARY_PROCESSORS')
  const origins = originsOf(host, port, baseUrl)
  const warnings = [...unknownVariables(env), ...bypassingVariables(env), ...unreachableOrigin(host, baseUrl)]
  return {
    port,
    host,
    dataDir,
    baseUrl,
    ...origins,
    corsOrigins,
    bootstrap,
    trustedProxies,
    longPollMs,
    processors,
    webhookLocalhost,
    limits,
    warnings,
  }
}

/** The configuration with the port the system chose, for `PORT=0`: origin and allowed origins follow it. */
export function withPort(config: AppConfig, port: number): AppConfig {
  return { ...config, port, ...originsOf(config.host, port, config.baseUrl) }
}

function originsOf(host: string, port: number, baseUrl: string | undefined) {
  if (baseUrl !== undefined) return { origin: baseUrl, allowedOrigins: [baseUrl] }
  // Through URL, because a browser leaves the default port out of its Origin header.
  const originOf = (name: string) => new URL(`http://${name}:${port}`).origin
  const named = isLoopbackOrAny(host) ? 'localhost' : host.includes(':') ? `[${host}]` : host
  const origin = originOf(named)
  return {
    origin,
    allowedOrigins: [...new Set([origin, originOf('localhost'), originOf('127.0.0.1'), originOf('[::1]')])],
  }
}

function isLoopbackOrAny(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '::' || host === '0.0.0.0' || /^127(\.\d+){3}$/.test(host)
}

function readBaseUrl(given: string | undefined, problems: string[]): string | undefined {
  if (given === undefined) return undefined
  const url = URL.canParse(given) ? new URL(given) : undefined
  const isOrigin =
    url !== undefined &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.pathname === '/' &&
    url.username === '' &&
    url.password === '' &&
    !/[?#]/.test(given) &&
    // better-auth reads a star in a trusted origin as a wildcard.
    !url.host.includes('*')
  if (isOrigin) return url.origin
  const shown = given.replace(/\/\/[^/]*@/, '//(hidden)@')
  problems.push(
    `TRIBUTARY_BASE_URL is ${quoted(shown)}; allowed: an http or https origin without path, ` +
      'such as https://streams.example.com',
  )
  return undefined
}

/** A server that people reach under a name of its own has neighbours on its machine that they must not reach. */
function readWebhookLocalhost(given: string | undefined, baseUrl: string | undefined, problems: string[]): boolean {
  if (given === 'true' || given === 'false') return given === 'true'
  if (given !== undefined) {
    problems.push(`TRIBUTARY_WEBHOOK_LOCALHOST is ${quoted(given)}; allowed: true or false`)
  }
  return baseUrl === undefined || isLoopbackOrAny(new URL(baseUrl).hostname.replace(/^\[(.*)\]$/, '$1'))
}

function readBootstrap(email: string | undefined, password: string | undefined, problems: string[]) {
  if (email !== undefined && !EMAIL.test(email)) {
    problems.push(`TRIBUTARY_BOOTSTRAP_EMAIL is ${quoted(email)}; allowed: an email address`)
  }
  if (password !== undefined && (password.length < 8 || password.length > 128)) {
    problems.push('TRIBUTARY_BOOTSTRAP_PASSWORD is (hidden); allowed: 8 to 128 characters')
  }
  if (email !== undefined && password === undefined) {
    problems.push(
      'TRIBUTARY_BOOTSTRAP_PASSWORD is not set; allowed: 8 to 128 characters, with TRIBUTARY_BOOTSTRAP_EMAIL',
    )
  }
  if (email === undefined && password !== undefined) {
    problems.push('TRIBUTARY_BOOTSTRAP_EMAIL is not set; allowed: an email address, with TRIBUTARY_BOOTSTRAP_PASSWORD')
  }
  return email === undefined || password === undefined ? undefined : { email, password }
}

function readCorsOrigins(given: string | undefined, problems: string[]): string[] {
  return (given ?? '')
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .flatMap((part) => {
      // Exact origins alone: a star would let in every page that ever gets hold of a token.
      const url = URL.canParse(part) ? new URL(part) : undefined
      if (
        url !== undefined &&
        /^https?:$/.test(url.protocol) &&
        url.origin === part.replace(/\/$/, '') &&
        !url.host.includes('*')
      )
        return [url.origin]
      problems.push(
        `TRIBUTARY_CORS_ORIGINS has ${quoted(part)}; allowed: http and https origins such as https://app.example.com, ` +
          'with commas between them',
      )
      return []
    })
}

function readProxies(given: string | undefined, problems: string[]): string[] {
  const proxies = (given ?? '').split(/[\s,]+/).filter((part) => part !== '')
  for (const proxy of proxies) {
    const [address = '', prefix, ...rest] = proxy.split('/')
    const bits = isIP(address) === 6 ? 128 : 32
    // A prefix of 0 would believe everybody; a zone means something on this machine alone.
    const fits = prefix === undefined || (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= bits)
    if (isIP(address) !== 0 && !address.includes('%') && fits && rest.length === 0) continue
    problems.push(
      `TRIBUTARY_TRUSTED_PROXIES has ${quoted(proxy)}; allowed: IP addresses and subnets such as 10.0.0.0/8, ` +
        'with commas between them',
    )
  }
  return proxies
}

function unknownVariables(env: Env): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('TRIBUTARY_') && !KNOWN_VARIABLES.includes(name))
    .toSorted()
    .map((name) => `${name} is not a setting of Tributary and is ignored; the nearest one is ${nearestKnown(name)}`)
}

function bypassingVariables(env: Env): string[] {
  return BYPASSING_VARIABLES.filter((name) => env[name] !== undefined && env[name] !== '').map(
    (name) => `${name} is read by the sign-in library itself and bypasses this configuration; unset it`,
  )
}

function unreachableOrigin(host: string, baseUrl: string | undefined): string[] {
  const onlyThisMachine = isLoopbackOrAny(host) && host !== '0.0.0.0' && host !== '::'
  if (baseUrl !== undefined || onlyThisMachine) return []
  return [
    `HOST is ${host} and TRIBUTARY_BASE_URL is not set: browsers are let in at localhost alone; ` +
      'set TRIBUTARY_BASE_URL to the address that people open',
  ]
}

function nearestKnown(name: string): string {
  let nearest = ''
  let best = Infinity
  for (const known of KNOWN_VARIABLES) {
    const distance = editDistance(name, known)
    if (distance < best) [nearest, best] = [known, distance]
  }
  return nearest
}

/** Levenshtein: the fewest insertions, deletions and replacements that turn one word into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replace = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

function quoted(value: string): string {
  return JSON.stringify(value)
}
