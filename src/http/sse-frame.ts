import type { EncodedEvent } from '../streams/event.ts'
import { mediaType } from '../streams/content-type.ts'
import { pageBytes } from './byte-messages.ts'
import { formatOffset } from './http-offset.ts'
import { JSON_TYPE, messagesJson } from './stream-messages.ts'

/** How the messages of a stream are put into an event stream, which is text. */
export type SseForm = 'json' | 'text' | 'base64'

export function sseForm(contentType: string): SseForm {
  const type = mediaType(contentType)
  if (type === JSON_TYPE) return 'json'
  return type.startsWith('text/') ? 'text' : 'base64'
}

/** Where a reader is after what it was sent (Durable Streams protocol, "SSE"). */
export interface Control {
  /** The last visible event it has. */
  readonly offset: number
  /** There is nothing more now. */
  readonly upToDate: boolean
  /** There will never be more. */
  readonly closed: boolean
}

/** The `data` event of a page; nothing for a page without events. */
export function dataEvent(events: readonly EncodedEvent[], form: SseForm): string {
  if (events.length === 0) return ''
  return sseEvent('data', payload(events, form))
}

/** @param cursor left out once the stream is closed: nobody comes back */
export function controlEvent({ offset, upToDate, closed }: Control, cursor: string): string {
  const control = {
    streamNextOffset: formatOffset(offset),
    ...(closed ? {} : { streamCursor: cursor }),
    ...(upToDate ? { upToDate } : {}),
    ...(closed ? { streamClosed: closed } : {}),
  }
  return sseEvent('control', JSON.stringify(control))
}

function payload(events: readonly EncodedEvent[], form: SseForm): string {
  switch (form) {
    case 'json':
      return `[${messagesJson(events)}]`
    case 'text':
      return pageBytes(events).toString()
    case 'base64':
      return pageBytes(events).toString('base64')
  }
}

/**
 * One event. Its lines begin with `data:` and no space, of which readers would take away one: a line that itself begins
 * with a space gets that one. Whatever a payload holds, it ends no line but as such: nobody can write events of their own.
 */
function sseEvent(name: 'data' | 'control', text: string): string {
  return `event: ${name}\ndata:${lines(text)}\n\n`
}

function lines(text: string): string {
  const first = text.startsWith(' ') ? ` ${text}` : text
  return /[\r\n]/.test(first) ? first.replace(/(?:\r\n|\r|\n)( ?)/g, '\ndata:$1$1') : first
}

/**
 * Text as it goes out, made once for however many connections: with its length before it, as HTTP/1.1 sends what has no
 * end yet, and without, for those of HTTP/1.0.
 */
export class Chunk {
  readonly framed: Buffer
  readonly plain: Buffer

  constructor(text: string) {
    const length = Buffer.byteLength(text).toString(16)
    this.framed = Buffer.from(`${length}\r\n${text}\r\n`)
    this.plain = this.framed.subarray(length.length + 2, -2)
  }
}

/** What is sent in one piece: the messages, and where the reader is after them. */
export class Frame {
  readonly control: Control
  /** The interval of its time. */
  readonly cursor: number
  readonly #data: string
  #whole: Chunk | undefined
  #dataAlone: Chunk | undefined

  constructor(events: readonly EncodedEvent[], form: SseForm, control: Control, cursor: number) {
    this.control = control
    this.#data = dataEvent(events, form)
    this.cursor = cursor
  }

  /** For everybody whose cursor is that of the time. */
  get whole(): Chunk {
    return (this.#whole ??= new Chunk(this.#data + controlEvent(this.control, String(this.cursor))))
  }

  /** For a reader that has a cursor of its own: the messages, once for all of these, and its control event. */
  withCursor(cursor: string): readonly Chunk[] {
    const own = new Chunk(controlEvent(this.control, cursor))
    return this.#data === '' ? [own] : [(this.#dataAlone ??= new Chunk(this.#data)), own]
  }
}
