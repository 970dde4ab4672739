import type { GenericEndpointContext } from 'better-auth'
import { APIError, createAuthMiddleware, getSessionFromCtx } from 'better-auth/api'
import { type Audit, auditableEmail } from './audit.ts'

const SIGN_IN = '/sign-in/'
const SIGN_OUT = '/sign-out'
const ORIGIN_LENGTH = 254

interface AuditedAuth {
  readonly audit: Audit
  /** The header that holds the client's address. */
  readonly addressHeader: string
  readonly allowedOrigins: readonly string[]
}

/** What better-auth is told, so that everything that happens at `/api/auth` is recorded. */
export function auditHooks({ audit, addressHeader }: AuditedAuth) {
  const addressOf = (headers: Headers | undefined) => headers?.get(addressHeader) ?? null

  const after = createAuthMiddleware(async (ctx) => {
    // Reading the session of a page or a socket comes here as well, without a request.
    if (ctx.request?.method !== 'POST' || ctx.path === SIGN_OUT) return
    const address = addressOf(ctx.headers)
    const { newSession, returned } = ctx.context
    const status = returned instanceof APIError ? returned.statusCode : 200
    if (ctx.path.startsWith(SIGN_IN)) {
      if (newSession && status === 200) {
        const { id: userId, email } = newSession.user
        audit.record({ type: 'auth/signed-in', payload: { userId, email, address } })
        // Refused for where it came from, which `auditRefusal` tells, and not for who it was.
      } else if (status !== 403) {
        const email = auditableEmail((ctx.body as { email?: unknown } | undefined)?.email)
        audit.record({ type: 'auth/sign-in-failed', payload: { email, address } })
      }
      return
    }
    // What was done is done: whether its user can still be read must not make it look undone.
    const user = newSession?.user ?? (await getSessionFromCtx(ctx).catch(() => null))?.user
    if (!user) return
    if (status === 200) {
      audit.record({ type: 'auth/changed', payload: { userId: user.id, path: ctx.path, address } })
    } else if (status === 403) {
      const by = { kind: 'user', id: user.id } as const
      const denied = { reason: 'role', by, door: 'auth', address, operation: ctx.path } as const
      audit.record({ type: 'access/denied', payload: denied })
    }
  })

  return {
    hooks: { after },
    databaseHooks: {
      session: {
        delete: {
          // Here and not above: once signed out, nothing in the request tells any more who it was.
          after: async ({ userId }: { readonly userId: string }, ctx: GenericEndpointContext | null) => {
            if (ctx?.path !== SIGN_OUT) return
            audit.record({ type: 'auth/signed-out', payload: { userId, address: addressOf(ctx.headers) } })
          },
        },
      },
    },
  }
}

/** Records what better-auth refuses before it comes to its hooks: too many requests, and pages of other sites. */
export function auditRefusal(
  { audit, addressHeader, allowedOrigins }: AuditedAuth,
  request: Request,
  { status }: Response,
): void {
  const address = request.headers.get(addressHeader)
  if (status === 429) {
    audit.record({ type: 'auth/rate-limited', payload: { path: new URL(request.url).pathname, address } })
  }
  const origin = request.headers.get('origin')
  if (status === 403 && (origin === null || !allowedOrigins.includes(origin))) {
    const from = origin === null ? {} : { origin: origin.slice(0, ORIGIN_LENGTH) }
    const denied = { reason: 'origin', by: null, door: 'auth', address, ...from } as const
    audit.record({ type: 'access/denied', payload: denied })
  }
}
