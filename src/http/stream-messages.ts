import { mediaType } from '../streams/content-type.ts'
import { locatedError } from '../streams/errors.ts'
import {
  type EncodedEvent,
  type EncodedInput,
  RESERVED_PREFIX,
  eventJson,
  mostMessages,
  tooLarge,
} from '../streams/event.ts'
import { isUsableType, parseEnvelope } from '../streams/event-input.ts'
import { type JsonText, parseJsonText, splitJsonArray } from '../streams/json-text.ts'
import { byteInputs, pageBytes } from './byte-messages.ts'
import { utf8Text } from './request-body.ts'

/** One envelope or an array of them; the same in `Accept` reads envelopes, core events included. */
export const ENVELOPE = 'application/vnd.tributary.event+json'
/** Envelopes, one per line. */
export const ENVELOPE_LINES = 'application/vnd.tributary.event+x-ndjson'
export const JSON_TYPE = 'application/json'

/** Type of a message that does not name one that can be used. */
const MESSAGE_TYPE = 'message'

/**
 * The messages of a JSON stream's body: one level of array is flattened. Each is stored as the text that was sent, so
 * large integers survive.
 *
 * @param most messages that are taken
 * @throws {ItxError} BAD_REQUEST when the body is not JSON, or holds more.
 */
export function messagesOf(body: string, most: number): EncodedInput[] {
  return atMost(most, elementsOf(body)).map((message) => {
    const payload = parseJsonText(message, 'message')
    return { type: typeOf(payload), payload, raw: true }
  })
}

/**
 * What a body appends to a stream of a content type: the messages of a JSON stream, the bytes of any other.
 *
 * @param maxBatchEvents events of a batch, at most; raw messages may be more
 * @throws {ItxError} BAD_REQUEST when the body is not JSON, or holds too many.
 */
export function bodyInputs(body: Uint8Array, contentType: string, maxBatchEvents: number): EncodedInput[] {
  if (mediaType(contentType) !== JSON_TYPE) return byteInputs(body)
  return body.byteLength === 0 ? [] : messagesOf(utf8Text(body), mostMessages(maxBatchEvents))
}

/** The elements of a body that is an array, else the one value it is. The array is no level of what it holds. */
function elementsOf(body: string): readonly string[] {
  const text = parseJsonText(body, 'body', Infinity)
  return splitJsonArray(text) ?? [text]
}

/** Counted before any of them is looked at: millions would hold up everybody else. */
function atMost<T>(most: number, elements: readonly T[]): readonly T[] {
  if (elements.length > most) throw tooLarge('a batch', 'events', elements.length, most)
  return elements
}

/** A message's own `type` where it is a usable string, so that the dashboard can name and filter it. */
function typeOf(message: JsonText): string {
  if (!message.startsWith('{')) return MESSAGE_TYPE
  const { type } = JSON.parse(message) as { type?: unknown }
  return isUsableType(type) && !type.startsWith(RESERVED_PREFIX) ? type : MESSAGE_TYPE
}

/**
 * The events of an envelope body: one, an array, or one per line.
 *
 * @param most events that are taken
 * @throws {ItxError} BAD_REQUEST naming the line or the position of what is wrong, or holding more.
 */
export function envelopesOf(body: string, lines: boolean, most: number): EncodedInput[] {
  if (lines) {
    const numbered = body
      .split('\n')
      .map((line, i) => [line, i + 1] as const)
      .filter(([line]) => line.trim() !== '')
    return atMost(most, numbered).map(([line, number]) => envelope(line, `line ${number}`))
  }
  return atMost(most, elementsOf(body)).map((element, i) => envelope(element, `event ${i + 1}`))
}

function envelope(text: string, where: string): EncodedInput {
  try {
    return parseEnvelope(text)
  } catch (error) {
    throw locatedError(error, where)
  }
}

/** How events stand in an answer: what is written of several pages, one after another, is the same as of one. */
export interface BodyForm {
  readonly contentType: string
  readonly opening: string
  readonly between: string
  readonly end: string
  readonly write: (events: readonly EncodedEvent[]) => string | Buffer<ArrayBuffer>
}

const JSON_ARRAY = { opening: '[', between: ',', end: ']' }
const PLAIN = { opening: '', between: '', end: '' }

/** Events as they are stored. */
export const ENVELOPES: BodyForm = {
  contentType: ENVELOPE,
  ...JSON_ARRAY,
  write: (events) => events.map(eventJson).join(','),
}

/** The same, one per line. */
export const ENVELOPES_IN_LINES: BodyForm = {
  contentType: ENVELOPE_LINES,
  ...PLAIN,
  write: (events) => events.map((event) => `${eventJson(event)}\n`).join(''),
}

/** Events of a stream as its content type says: what was sent as it was sent, others as their envelopes. */
export function messageForm(contentType: string): BodyForm {
  return mediaType(contentType) === JSON_TYPE
    ? { contentType, ...JSON_ARRAY, write: messagesJson }
    : { contentType, ...PLAIN, write: pageBytes }
}

/** The messages of a JSON stream, with commas between them. */
export function messagesJson(events: readonly EncodedEvent[]): string {
  return events.map((event) => (event.raw ? (event.payload ?? 'null') : eventJson(event))).join(',')
}

/** Events as the whole of an answer. */
export function wholeBody(form: BodyForm, events: readonly EncodedEvent[]): string | Buffer<ArrayBuffer> {
  const written = form.write(events)
  return typeof written === 'string' ? `${form.opening}${written}${form.end}` : written
}
