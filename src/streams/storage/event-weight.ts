import type { EncodedEvent } from '../event.ts'
import { utf8Bytes } from '../utf8.ts'

/** Bytes of one chunk of a large payload: a value in a Durable Object may not exceed 2 MB. */
export const CHUNK_BYTES = 512 * 1024

/** What an event weighs in a page besides payload and metadata. */
export const ROW_BYTES = 100

/** Bytes of an event as they count for a page; whole chunks where a text is cut into chunks. */
export function eventWeight({ payload, metadata }: EncodedEvent): number {
  return ROW_BYTES + textWeight(payload) + textWeight(metadata)
}

function textWeight(text: string | undefined): number {
  if (text === undefined) return 0
  const bytes = utf8Bytes(text)
  return bytes > CHUNK_BYTES ? Math.ceil(bytes / CHUNK_BYTES) * CHUNK_BYTES : bytes
}
