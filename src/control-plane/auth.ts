import { betterAuth } from 'better-auth'
import { drizzleAdapter } from 'better-auth/adapters/drizzle'
import { APIError } from 'better-auth/api'
import { organization } from 'better-auth/plugins/organization'
import type { AppConfig } from '../../app.config.ts'
import type { Audit } from './audit.ts'
import { auditHooks, auditRefusal } from './auth-audit.ts'
import type { ControlDatabase } from './database.ts'
import { RequestWindows } from './request-windows.ts'
import * as schema from './schema.ts'

/**
 * The one header better-auth takes a client's address from. Only our server sets it, from the connection (or from a
 * configured proxy's word); it must drop whatever value a client sent.
 */
export const CLIENT_ADDRESS_HEADER = 'x-tributary-client-address'

/** Characters of a password; the same for every way an account is made. */
export const PASSWORD_LENGTH = { min: 8, max: 128 } as const

const SESSION_SECONDS = 7 * 24 * 60 * 60

/** What of the configuration sign-in depends on. */
export type AuthConfig = Pick<AppConfig, 'origin' | 'allowedOrigins'> & {
  readonly limits: Pick<AppConfig['limits'], 'loginsPerMinute'>
}

interface AuthParts {
  readonly database: ControlDatabase
  readonly config: AuthConfig
  /** From `loadSecret`. */
  readonly secret: string
  /** Hears of every sign-in, refusal and sign-out. */
  readonly audit: Audit
  /** Milliseconds; for the rate limit. */
  readonly now?: () => number
}

export type Auth = ReturnType<typeof createAuth>

/** The name of the session cookie: `__Host-` exactly when people come over HTTPS, which plain HTTP could not set. */
export function sessionCookieName(config: Pick<AppConfig, 'origin'>): string {
  return `${cookiePrefix(config)}.session_token`
}

/**
 * better-auth over the control database: email and password, sessions of 7 days, organisations. `handler` answers
 * `/api/auth/*`. Nobody can sign up: accounts come from setup, bootstrap and CLI (`users.ts`). Sign-in is limited to
 * `config.limits.loginsPerMinute` attempts per address in any minute: 429 with Retry-After (`itx.md`, "Security").
 *
 * It opens no connection and reports to nobody.
 */
export function createAuth({ database, config, secret, audit, now }: AuthParts) {
  const audited = { audit, addressHeader: CLIENT_ADDRESS_HEADER, allowedOrigins: config.allowedOrigins }
  const windows = new RequestWindows(now === undefined ? {} : { now })
  const auth = betterAuth({
    appName: 'Tributary',
    baseURL: config.origin,
    basePath: '/api/auth',
    secret,
    database: drizzleAdapter(database.db, { provider: 'sqlite', schema }),
    trustedOrigins: [...config.allowedOrigins],
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: PASSWORD_LENGTH.min,
      maxPasswordLength: PASSWORD_LENGTH.max,
    },
    user: {
      additionalFields: {
        // `input: false` is what keeps a signed-in user from making themselves admin through /update-user.
        instanceAdmin: { type: 'boolean', required: true, defaultValue: false, input: false },
      },
    },
    session: { expiresIn: SESSION_SECONDS, updateAge: 24 * 60 * 60 },
    rateLimit: {
      enabled: true,
      window: 10,
      max: 100,
      customStorage: windows,
      customRules: { '/sign-in/*': { window: 60, max: config.limits.loginsPerMinute } },
    },
    plugins: [
      organization({
        allowUserToCreateOrganization: (user) => user['instanceAdmin'] === true,
        // It would take the projects with it, past the one place that may delete a project.
        disableOrganizationDeletion: true,
        organizationHooks: {
          beforeCreateInvitation: () => Promise.reject(new APIError('FORBIDDEN', { message: 'no invitations yet' })),
        },
      }),
    ],
    advanced: {
      cookiePrefix: cookiePrefix(config),
      // True would put `__Secure-` before our prefix; the default does so in production.
      useSecureCookies: false,
      defaultCookieAttributes: { httpOnly: true, sameSite: 'lax', path: '/', secure: isSecure(config) },
      ipAddress: { ipAddressHeaders: [CLIENT_ADDRESS_HEADER] },
      // Said aloud, because better-auth turns both checks off when NODE_ENV is test.
      disableOriginCheck: false,
      disableCSRFCheck: false,
    },
    ...auditHooks(audited),
    // A page of its own making, without the headers of ours; nothing leads to it.
    disabledPaths: ['/error'],
    telemetry: { enabled: false },
    logger: { level: 'error', log: (_level, message, ...facts) => report(message, ...facts) },
    onAPIError: {
      // What a client did wrong is told to the client alone; better-auth would print it too.
      onError: (error) => {
        if (!(error instanceof APIError) || error.statusCode >= 500) report('request failed', error)
      },
    },
  })
  const handler = async (request: Request) => {
    if (request.method === 'POST' && !isJson(request)) return new Response(null, { status: 415 })
    const response = withRetryAfter(await auth.handler(request))
    auditRefusal(audited, request, response)
    return response
  }
  return { ...auth, handler, fetch: handler }
}

/** better-auth takes forms at sign-in; the design takes bodies as JSON only, which no foreign page can send unasked. */
function isJson(request: Request): boolean {
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';')
  return type.trim().toLowerCase() === 'application/json'
}

/** On standard error, since the CLI's standard output belongs to its result. */
function report(message: string, ...facts: readonly unknown[]): void {
  console.error(`sign-in: ${message}`, ...facts.map(innermost))
}

/** Drizzle's error quotes the parameters of the query, session tokens among them; its cause says what went wrong. */
function innermost(fact: unknown): unknown {
  return fact instanceof Error && fact.cause !== undefined ? innermost(fact.cause) : fact
}

/** better-auth says when to come back in a header of its own; clients look for the standard one. */
function withRetryAfter(response: Response): Response {
  const seconds = response.headers.get('x-retry-after')
  if (response.status !== 429 || seconds === null) return response
  const headers = new Headers(response.headers)
  headers.set('retry-after', seconds)
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

function isSecure(config: Pick<AppConfig, 'origin'>): boolean {
  return config.origin.startsWith('https://')
}

function cookiePrefix(config: Pick<AppConfig, 'origin'>): string {
  return isSecure(config) ? '__Host-tributary' : 'tributary'
}
