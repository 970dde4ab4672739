import { ANONYMOUS, type Principal } from './access.ts'
import type { Instance } from './instance.ts'

/** A principal, or `bad` for a credential that was given and is not valid. */
export type Identified = Principal | 'bad'

/** The principal behind an `Authorization` header; anonymous without one. Only `Bearer` is known. */
export function principalOfAuthorization(instance: Instance, header: string | null | undefined): Identified {
  if (header === null || header === undefined || header === '') return ANONYMOUS
  const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(header) ?? []
  const found = token === undefined ? null : instance.tokens.verify(token)
  return found ? { kind: 'token', ...found } : 'bad'
}

/** The principal behind a session cookie; anonymous when there is none or it has ended. */
export async function principalOfCookie(instance: Instance, headers: Headers): Promise<Principal> {
  if (!headers.has('cookie')) return ANONYMOUS
  const session = await instance.auth.api.getSession({ headers })
  if (!session) return ANONYMOUS
  const { id, email, name } = session.user
  const instanceAdmin = (session.user as { instanceAdmin?: unknown }).instanceAdmin === true
  return { kind: 'user', userId: id, email, name, instanceAdmin }
}

/** The principal of an HTTP request: its token if it has one, else its session. */
export async function principalOfRequest(instance: Instance, request: Request): Promise<Identified> {
  const byToken = principalOfAuthorization(instance, request.headers.get('authorization'))
  if (byToken === 'bad' || byToken.kind !== 'anonymous') return byToken
  return principalOfCookie(instance, request.headers)
}
