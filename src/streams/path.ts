import { ItxError } from './errors.ts'

declare const streamPath: unique symbol

/** A path in its one canonical form: a leading slash, no trailing one, no empty segment. `/` is the root. */
export type StreamPath = string & { readonly [streamPath]: true }

export const ROOT_PATH = '/' as StreamPath

/** Characters of a path, at most (design page `streams.md`, "Paths"). */
export const MAX_PATH_LENGTH = 512
/** Segments of a path, at most. */
export const MAX_PATH_LEVELS = 32

// RFC 3986: unreserved characters, plus `:@` and the sub-delimiters.
const SEGMENT = /^[A-Za-z0-9\-._~:@!$&'()*+,;=]+$/

/**
 * Validates a path and brings it to its canonical form: `/a/` is `/a`, `.` and `..` resolve.
 *
 * @throws {ItxError} BAD_REQUEST naming the rule and the value.
 */
export function parsePath(input: unknown): StreamPath {
  if (typeof input !== 'string') throw badPath(input, 'a path must be a string')
  if (!input.startsWith('/')) throw badPath(input, 'a path must begin with a slash')
  // Twice the limit leaves room for dots that resolve away; longer input is not worth splitting.
  if (input.length > 2 * MAX_PATH_LENGTH) throw tooLong(input)
  if (input === '/') return ROOT_PATH
  const trimmed = input.endsWith('/') ? input.slice(1, -1) : input.slice(1)
  const segments: string[] = []
  for (const segment of trimmed.split('/')) {
    if (segment === '') throw badPath(input, 'a path must not contain an empty segment')
    if (segment === '.') continue
    if (segment === '..') {
      if (segments.pop() === undefined) throw badPath(input, 'the path leads above the root')
      continue
    }
    if (!SEGMENT.test(segment)) {
      throw badPath(input, `segment ${JSON.stringify(segment)} may only contain A-Z a-z 0-9 and -._~:@!$&'()*+,;=`)
    }
    segments.push(segment)
  }
  if (segments.length > MAX_PATH_LEVELS) {
    throw new ItxError('BAD_REQUEST', `path has ${segments.length} levels; at most ${MAX_PATH_LEVELS}`, {
      levels: segments.length,
      limit: MAX_PATH_LEVELS,
    })
  }
  const path = `/${segments.join('/')}`
  if (path.length > MAX_PATH_LENGTH) throw tooLong(path)
  return path as StreamPath
}

/** The parent of a path, or null for the root. */
export function parentPath(path: StreamPath): StreamPath | null {
  if (path === ROOT_PATH) return null
  const end = path.lastIndexOf('/')
  return end === 0 ? ROOT_PATH : (path.slice(0, end) as StreamPath)
}

/** The last segment; the root's name is `/`. */
export function pathName(path: StreamPath): string {
  return path === ROOT_PATH ? '/' : path.slice(path.lastIndexOf('/') + 1)
}

/** Every proper ancestor, the root first. The root has none. */
export function ancestorPaths(path: StreamPath): StreamPath[] {
  const ancestors: StreamPath[] = []
  for (let parent = parentPath(path); parent !== null; parent = parentPath(parent)) ancestors.unshift(parent)
  return ancestors
}

/** Whether `path` lies strictly below `ancestor`: `/a/b` below `/a`, but `/ab` not. */
export function isBelow(path: string, ancestor: StreamPath): boolean {
  return ancestor === ROOT_PATH ? path !== ROOT_PATH && path.startsWith('/') : path.startsWith(`${ancestor}/`)
}

function badPath(input: unknown, why: string): ItxError {
  return new ItxError('BAD_REQUEST', `${why}: ${preview(input)}`, { field: 'path', value: preview(input) })
}

function tooLong(path: string): ItxError {
  return new ItxError('BAD_REQUEST', `path has ${path.length} characters; at most ${MAX_PATH_LENGTH}`, {
    length: path.length,
    limit: MAX_PATH_LENGTH,
  })
}

function preview(input: unknown): string {
  const text = typeof input === 'string' ? JSON.stringify(input) : typeof input
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}
