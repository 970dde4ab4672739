import { ItxError } from '../streams/errors.ts'

/** Bytes of one line, at most: an event of 16 MiB and its envelope, escaped. */
const MAX_LINE_BYTES = 48 * 1024 * 1024

/** A line and its number, counted from 1. */
export type Line = readonly [number: number, text: string]

/**
 * Splits bytes into lines at `\n` bytes only (Node's readline also splits at U+2028). Blank lines are left out, and
 * counted.
 *
 * @throws {ItxError} BAD_REQUEST for a line that is not UTF-8 or too long.
 */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let number = 0
  const take = (last: Uint8Array): string => {
    number++
    const bytes = pending.length === 0 ? last : Buffer.concat([...pending, last])
    pending = []
    pendingBytes = 0
    try {
      return decoder.decode(bytes)
    } catch {
      throw new ItxError('BAD_REQUEST', `line ${number} is not valid UTF-8`, { line: number })
    }
  }
  for await (const chunk of input) {
    let from = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, from)) {
      const text = take(chunk.subarray(from, end))
      from = end + 1
      if (text.trim() !== '') yield [number, text]
    }
    if (from < chunk.length) {
      pending.push(chunk.subarray(from))
      pendingBytes += chunk.length - from
      if (pendingBytes > MAX_LINE_BYTES) {
        throw new ItxError('BAD_REQUEST', `line ${number + 1} is longer than ${MAX_LINE_BYTES} bytes`, {
          reason: 'too-large',
          line: number + 1,
          limit: MAX_LINE_BYTES,
        })
      }
    }
  }
  if (pending.length > 0) {
    const text = take(new Uint8Array())
    if (text.trim() !== '') yield [number, text]
  }
}
