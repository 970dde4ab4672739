import { ItxError } from '../streams/errors.ts'

export const STREAMS_PREFIX = '/api/streams/'

/** What a target below `/api/streams/` names. `path` is null for the listing: `/api/streams/p`, without a slash. */
export interface StreamTarget {
  readonly project: string
  readonly rawPath: string | null
}

/** Splits the raw target of a request; the path is resolved later, below the project alone. */
export function splitTarget(pathname: string): StreamTarget {
  const rest = pathname.slice(STREAMS_PREFIX.length)
  const slash = rest.indexOf('/')
  const project = decode(slash === -1 ? rest : rest.slice(0, slash))
  return { project, rawPath: slash === -1 ? null : rest.slice(slash) }
}

/** The path that a target names, not yet looked at. @throws {ItxError} BAD_REQUEST for a bad escape. */
export function decodedPath(rawPath: string): string {
  // Decoded by segment: an escaped slash stays inside its segment, where it is refused.
  return rawPath.split('/').map(decode).join('/')
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment
  try {
    const decoded = decodeURIComponent(segment)
    if (decoded.includes('/')) throw new URIError('a slash')
    return decoded
  } catch {
    throw new ItxError('BAD_REQUEST', `the path has a bad escape: ${segment.slice(0, 80)}`, { field: 'path' })
  }
}
