import type { Actor } from '../control-plane/audit.ts'
import type { Role } from '../control-plane/roles.ts'
import type { Instance } from './instance.ts'

/** Who is asking. Times are in milliseconds since 1970. */
export type Principal =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'user'
      readonly userId: string
      readonly email: string
      readonly name: string
      readonly instanceAdmin: boolean
      readonly sessionId: string
    }
  | { readonly kind: 'token'; readonly tokenId: string; readonly projectId: string; readonly role: Role }
  /** The holder of a read token: an end user's browser. Reads one path and what is below it, for a while. */
  | {
      readonly kind: 'reader'
      readonly tokenId: string
      readonly projectId: string
      readonly path: string
      readonly expiresAt: number
    }

/** Somebody whom a door let in. */
export type KnownPrincipal = Exclude<Principal, { kind: 'anonymous' }>

/** A user whose flag says so: a flag of theirs, and no role of any project. */
export type InstanceAdmin = Extract<Principal, { kind: 'user' }> & { readonly instanceAdmin: true }

export function isInstanceAdmin(principal: Principal): principal is InstanceAdmin {
  return principal.kind === 'user' && principal.instanceAdmin
}

export const ANONYMOUS: Principal = { kind: 'anonymous' }

/** The principal as the audit names it. */
export function actorOf(principal: KnownPrincipal): Actor {
  switch (principal.kind) {
    case 'user':
      return { kind: 'user', id: principal.userId }
    case 'token':
    case 'reader':
      return { kind: 'token', id: principal.tokenId }
  }
}

/** A principal, or `bad` for a credential that was given and is not valid. */
export type Identified = Principal | 'bad'

/** The principal behind an `Authorization` header; anonymous without one. Only `Bearer` is known. */
export function principalOfAuthorization(instance: Instance, header: string | null | undefined): Identified {
  if (header === null || header === undefined || header === '') return ANONYMOUS
  const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(header) ?? []
  if (token === undefined) return 'bad'
  const read = instance.readTokens.verify(token)
  if (read)
    return { kind: 'reader', tokenId: read.id, projectId: read.projectId, path: read.path, expiresAt: read.expiresAt }
  const found = instance.tokens.verify(token)
  return found ? { kind: 'token', ...found } : 'bad'
}

/** The principal behind a session cookie; anonymous when there is none or it has ended. */
export async function principalOfCookie(instance: Instance, headers: Headers): Promise<Principal> {
  if (!headers.has('cookie')) return ANONYMOUS
  const session = await instance.auth.api.getSession({ headers })
  if (!session) return ANONYMOUS
  const { id, email, name } = session.user
  const instanceAdmin = (session.user as { instanceAdmin?: unknown }).instanceAdmin === true
  return { kind: 'user', userId: id, email, name, instanceAdmin, sessionId: session.session.id }
}

/** The principal of an HTTP request: its token if it has one, else its session. */
export async function principalOfRequest(instance: Instance, request: Request): Promise<Identified> {
  const byToken = principalOfAuthorization(instance, request.headers.get('authorization'))
  if (byToken === 'bad' || byToken.kind !== 'anonymous') return byToken
  return principalOfCookie(instance, request.headers)
}
