/**
 * The one error class of Tributary and the closed set of its codes (design page `itx.md`, "Errors").
 *
 * Cap'n Web drops class and name of an error and keeps message and own enumerable properties, so an error is
 * recognised by its `code` alone: never by `instanceof`, `name` or wording.
 */
export const ITX_ERROR_CODES = [
  'BAD_REQUEST',
  'NOT_FOUND',
  'FORBIDDEN',
  'CONFLICT',
  'RATE_LIMITED',
  'UNAVAILABLE',
  'INTERNAL',
] as const

export type ItxErrorCode = (typeof ITX_ERROR_CODES)[number]

/** Facts that go with an error: JSON values only, so that they survive every door. */
export type ItxErrorDetails = Readonly<Record<string, unknown>>

export class ItxError extends Error {
  readonly code: ItxErrorCode
  // Declared without a value: `details` must be absent, not undefined, when there is none.
  declare readonly details?: ItxErrorDetails

  constructor(code: ItxErrorCode, message: string, details?: ItxErrorDetails, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ItxError'
    // `name` would become an own enumerable property and cross the wire as noise.
    Object.defineProperty(this, 'name', { enumerable: false })
    this.code = code
    if (details !== undefined) this.details = details
  }
}

/** The refusal of one of several things, saying which: `event 3`, `line 7`. */
export function locatedError(error: unknown, where: string): unknown {
  if (!(error instanceof ItxError)) return error
  return new ItxError(error.code, `${where}: ${error.message}`, { ...error.details, at: where })
}

/** Offsets are gapless: an event that is not there was lost by the disk, or by somebody at the disk. */
export function missingEvent(path: string, offset: number): ItxError {
  return new ItxError('INTERNAL', `event ${offset} of ${path} is missing`, { reason: 'corrupt', path, offset })
}

/** Events before the beginning of a log were removed on purpose. */
export function trimmedBelow(path: string, after: number, firstOffset: number): ItxError {
  return new ItxError('NOT_FOUND', `${path} begins at offset ${firstOffset}; what came before is gone`, {
    reason: 'trimmed',
    path,
    after,
    firstOffset,
  })
}

export function streamNotFound(path: string): ItxError {
  return new ItxError('NOT_FOUND', `stream ${path} does not exist`, { path })
}

/** A stream that has ended, for good. */
export function streamClosed({
  path,
  lastVisibleOffset,
}: {
  readonly path: string
  readonly lastVisibleOffset: number
}): ItxError {
  return new ItxError('CONFLICT', `${path} is closed`, { reason: 'closed', path, lastVisibleOffset })
}

/** A stream that was deleted while forks read its log keeps its path until the last of them is gone. */
export function streamGone(code: 'NOT_FOUND' | 'CONFLICT', path: string): ItxError {
  return new ItxError(code, `${path} was deleted, and its path is not free before its forks are`, {
    reason: 'gone',
    path,
  })
}

/** Of what a stream holds, something else was appended or asked for. */
export function otherContentType({
  path,
  contentType,
}: {
  readonly path: string
  readonly contentType: string
}): ItxError {
  return new ItxError('CONFLICT', `${path} has the content type ${contentType}`, {
    reason: 'content-type',
    path,
    contentType,
  })
}

/** Characters of a value that a message shows, at most. */
const SHOWN_LENGTH = 80

/** A value from outside as a message shows it: short, and never by its own `toString`, which may be anything. */
export function shown(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'function') return 'a function'
  const text = String(value)
  const short = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text
  return typeof value === 'string' ? JSON.stringify(short) : short
}

const CODES: ReadonlySet<unknown> = new Set(ITX_ERROR_CODES)

/** The code of an error from any door, or undefined when it carries none of ours. */
export function itxErrorCode(error: unknown): ItxErrorCode | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code } = error as { code?: unknown }
  return CODES.has(code) ? (code as ItxErrorCode) : undefined
}

/** The details of a coded error, or undefined. */
export function itxErrorDetails(error: unknown): ItxErrorDetails | undefined {
  if (itxErrorCode(error) === undefined) return undefined
  const { details } = error as { details?: unknown }
  return typeof details === 'object' && details !== null ? (details as ItxErrorDetails) : undefined
}
