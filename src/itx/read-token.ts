import type { ReadToken } from './handle.ts'
import type { Instance } from './instance.ts'
import { PROJECT, taken } from './operations.ts'
import type { ProjectAccess } from './project-access.ts'

/** How long a read token lives when nobody says. */
const SECONDS = 600

/**
 * Mints a token with which a browser may read a path and what is below it, for a while.
 *
 * @throws {ItxError} FORBIDDEN for a role below editor; BAD_REQUEST for a bad path or a time outside 1 to 86,400 s.
 */
export function mintReadToken(
  { readTokens }: Pick<Instance, 'readTokens'>,
  access: ProjectAccess,
  options: unknown,
): ReadToken {
  access.require('createReadToken')
  const [{ path, seconds = SECONDS }] = taken(PROJECT.createReadToken, 'createReadToken', [options])
  const minted = readTokens.mint({ projectId: access.id, path: access.path(path), seconds })
  return { id: minted.id, token: minted.token, path: minted.path, expiresAt: minted.expiresAt }
}
