import { isUtf8 } from 'node:buffer'
import { type EncodedEvent, type EncodedInput, eventJson } from '../streams/event.ts'
import type { JsonText } from '../streams/json-text.ts'

/** Bytes of a stream that one event holds, at most: a value in a Durable Object may not exceed 2 MB. */
export const PIECE_BYTES = 512 * 1024
/** A character of UTF-8 has at most so many bytes after its first. */
const MOST_CONTINUATIONS = 3

/**
 * What is appended to a byte stream, as events: text where the bytes are UTF-8, so that it can be read in the dashboard
 * and by processors, base64 where they are not.
 */
export function byteInputs(body: Uint8Array): EncodedInput[] {
  const inputs: EncodedInput[] = []
  for (let from = 0; from < body.byteLength;) {
    const to = Math.min(from + PIECE_BYTES, body.byteLength)
    const end = to < body.byteLength ? wholeCharacters(body, from, to) : to
    inputs.push(byteInput(body.subarray(from, end)))
    from = end
  }
  return inputs
}

function byteInput(piece: Uint8Array): EncodedInput {
  const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
  return isUtf8(bytes)
    ? { type: 'message', raw: 'text', payload: JSON.stringify(bytes.toString()) as JsonText }
    : { type: 'message', raw: 'bytes', payload: `"${bytes.toString('base64')}"` as JsonText }
}

/** Where a piece ends so that no character is cut: what is text then stays text. */
function wholeCharacters(body: Uint8Array, from: number, to: number): number {
  for (let end = to; end > from && to - end <= MOST_CONTINUATIONS; end--) {
    if (((body[end] ?? 0) & 0xc0) !== 0x80) return end
  }
  return to
}

/** The bytes of a page of a byte stream; events appended otherwise are there as their envelopes. */
export function pageBytes(events: readonly EncodedEvent[]): Buffer<ArrayBuffer> {
  const [only] = events
  if (only && events.length === 1) return eventBytes(only)
  return Buffer.concat(events.map(eventBytes))
}

/** The bytes that an event of a byte stream stands for. */
export function eventBytes(event: EncodedEvent): Buffer<ArrayBuffer> {
  switch (event.raw) {
    case 'text':
      return Buffer.from(JSON.parse(event.payload ?? '""') as string)
    case 'bytes':
      return Buffer.from(JSON.parse(event.payload ?? '""') as string, 'base64')
    default:
      return Buffer.from(eventJson(event))
  }
}
