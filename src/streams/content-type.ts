/** Characters of a stream's content type, at most: it is kept in the state, which appends rewrite. */
export const MAX_CONTENT_TYPE = 255

const CONTENT_TYPE = /^[!-.0-:<-~]+\/[!-.0-:<-~]+[\t ]*(?:;[\t -~]*)?$/

/** Whether a stream can have this content type: a media type, perhaps with parameters. */
export function isContentType(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_CONTENT_TYPE && CONTENT_TYPE.test(value)
}

/** The media type of a header value: lower case, without parameters; empty when there is none. */
export function mediaType(header: string | null): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
}
