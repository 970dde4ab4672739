import { type Hash, createHash } from 'node:crypto'
import type { ExportPage } from '../itx/handle.ts'
import { ItxError, shown } from '../streams/errors.ts'
import { type EncodedEvent, eventJson } from '../streams/event.ts'
import { type JsonText, memberText, parseJsonText } from '../streams/json-text.ts'
import type { Line } from './lines.ts'

/**
 * A stream as a file of lines: what it was, then an event per line as it is stored, then how many there were and a
 * checksum of every line before, so that a file that was cut or changed is noticed.
 */
const VERSION = 1

export type FileHead = Pick<ExportPage, 'path' | 'contentType' | 'incarnationId' | 'firstOffset' | 'maxOffset'> & {
  /** The state before the first event of a log that begins above 1. */
  readonly baseState: JsonText | null
}

/** The lines of a file as they are written; each ends with a line break. */
export class FileWriter {
  readonly #hash: Hash = createHash('sha256')
  #events = 0

  head({ path, contentType, incarnationId, firstOffset, maxOffset, baseState }: FileHead): string {
    const fields = { tributary: 'stream', version: VERSION, path, contentType, incarnationId, firstOffset, maxOffset }
    const json = JSON.stringify(fields)
    return this.#line(baseState === null ? json : `${json.slice(0, -1)},"baseState":${baseState}}`)
  }

  events(events: readonly EncodedEvent[]): string {
    this.#events += events.length
    return events.map((event) => this.#line(storedJson(event))).join('')
  }

  end(): string {
    return `${JSON.stringify({ tributary: 'end', events: this.#events, sha256: this.#hash.digest('hex') })}\n`
  }

  #line(json: string): string {
    const line = `${json}\n`
    this.#hash.update(line)
    return line
  }
}

/** As `eventJson`, with the mark that tells a raw message apart. */
function storedJson(event: EncodedEvent): string {
  const json = eventJson(event)
  return event.raw ? `${json.slice(0, -1)},"raw":${JSON.stringify(event.raw)}}` : json
}

/**
 * Reads a file: its head, then its events. The generator ends well only when the last line was there and agreed.
 *
 * @throws {ItxError} BAD_REQUEST naming the line: not such a file, of another version, cut, changed, or with more after its end.
 */
export async function readStreamFile(
  lines: AsyncIterator<Line>,
): Promise<{ readonly head: FileHead; readonly events: AsyncGenerator<EncodedEvent> }> {
  const hash = createHash('sha256')
  const first = await lines.next()
  if (first.done) throw bad(1, 'the file is empty')
  const [number, text] = first.value
  const head = parseHead(number, text)
  hash.update(`${text}\n`)
  return { head, events: eventsOf(lines, hash, head) }
}

async function* eventsOf(lines: AsyncIterator<Line>, hash: Hash, head: FileHead): AsyncGenerator<EncodedEvent> {
  let count = 0
  let number = 1
  for (let line = await lines.next(); !line.done; line = await lines.next()) {
    const [at, text] = line.value
    number = at
    if (text.startsWith('{"tributary":')) {
      checkEnd(at, text, count, hash.digest('hex'))
      const after = await lines.next()
      if (!after.done) throw bad(after.value[0], 'there is more after the end of the stream')
      return
    }
    hash.update(`${text}\n`)
    count++
    yield parseEvent(at, text)
  }
  const expected = head.maxOffset - head.firstOffset + 1
  throw bad(number, `the file is cut: it ends after ${count} of ${expected} events`)
}

function parseHead(line: number, text: string): FileHead {
  const json = jsonAt(line, text)
  const value = JSON.parse(json) as Partial<Record<string, unknown>> | null
  if (value === null || value['tributary'] !== 'stream') {
    throw bad(line, 'this is no exported stream: its first line must say "tributary": "stream"')
  }
  if (value['version'] !== VERSION) {
    throw bad(line, `the file is of version ${shown(value['version'])}; this one reads version ${VERSION}`)
  }
  const { path, contentType, incarnationId, firstOffset, maxOffset } = value
  if (typeof path !== 'string' || typeof contentType !== 'string' || typeof incarnationId !== 'string') {
    throw bad(line, 'the first line must name path, contentType and incarnationId')
  }
  if (!Number.isSafeInteger(firstOffset) || !Number.isSafeInteger(maxOffset)) {
    throw bad(line, 'the first line must name firstOffset and maxOffset')
  }
  return {
    path: path as FileHead['path'],
    contentType,
    incarnationId,
    firstOffset: firstOffset as number,
    maxOffset: maxOffset as number,
    baseState: memberText(json, 'baseState'),
  }
}

function checkEnd(line: number, text: string, count: number, sha256: string): void {
  const end = JSON.parse(jsonAt(line, text)) as Partial<Record<string, unknown>>
  if (end['tributary'] !== 'end') throw bad(line, 'a line that is neither an event nor the end')
  if (end['events'] !== count) throw bad(line, `the file holds ${count} events; its end says ${shown(end['events'])}`)
  if (end['sha256'] !== sha256) throw bad(line, 'the file was changed: its checksum does not match')
}

/** An event with payload and metadata as the text that they are. The server says whether it is a good one. */
function parseEvent(line: number, text: string): EncodedEvent {
  const json = jsonAt(line, text)
  const value: unknown = JSON.parse(json)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(line, 'an event must be an object')
  const payload = memberText(json, 'payload')
  const metadata = memberText(json, 'metadata')
  return {
    ...(value as EncodedEvent),
    ...(payload === null ? {} : { payload }),
    ...(metadata === null ? {} : { metadata }),
  }
}

function jsonAt(line: number, text: string): JsonText {
  try {
    // What nests is held to its limit by the server; a line adds a level.
    return parseJsonText(text, 'line', Infinity)
  } catch (error) {
    throw bad(line, (error as Error).message)
  }
}

function bad(line: number, message: string): ItxError {
  return new ItxError('BAD_REQUEST', `line ${line}: ${message}`, { reason: 'file', line })
}
