import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EncodedEvent } from '../streams/event.ts'
import { encodeInput } from '../streams/event-input.ts'
import type { JsonText } from '../streams/json-text.ts'
import { byteInputs } from './byte-messages.ts'
import { Chunk, type Control, Frame, controlEvent, dataEvent, sseForm } from './sse-frame.ts'
import { messagesOf } from './stream-messages.ts'
import { parseSse } from './testing.ts'

// Guards the bytes of an event stream: clients match them by pattern, and nobody may write events into those of others.

const stored = (inputs: readonly Omit<EncodedEvent, 'offset' | 'createdAt'>[]): EncodedEvent[] =>
  inputs.map((input, i) => ({ ...input, offset: i + 2, createdAt: '2026-01-01T00:00:00.000Z' }))
const json = (body: string) => stored(messagesOf(body, 1000))
const bytes = (...pieces: (string | Uint8Array)[]) =>
  stored(pieces.flatMap((piece) => byteInputs(typeof piece === 'string' ? Buffer.from(piece) : piece)))
const control: Control = { offset: 12, upToDate: true, closed: false }

describe('the form of a stream', () => {
  test.each([
    ['application/json', 'json'],
    ['Application/JSON; charset=utf-8', 'json'],
    ['text/plain', 'text'],
    ['text/html; charset=utf-8', 'text'],
    ['application/octet-stream', 'base64'],
    ['application/x-ndjson', 'base64'],
    ['image/png', 'base64'],
  ])('of %s is %s', (contentType, form) => expect(sseForm(contentType)).toBe(form))
})

describe('bytes', () => {
  test('of a page of messages: one array, then where the reader is, each on one line', () => {
    const frame = new Frame(json('[{"n":1},"two",3]'), 'json', control, 4711)
    expect(frame.whole.plain.toString()).toBe(
      'event: data\ndata:[{"n":1},"two",3]\n\n' +
        'event: control\ndata:{"streamNextOffset":"0000000000000012_0000000000000000","streamCursor":"4711","upToDate":true}\n\n',
    )
  })

  test('of a control event: nothing that is not so is said, and no cursor to somebody who need not come back', () => {
    expect(controlEvent({ offset: 0, upToDate: false, closed: false }, '9')).toBe(
      'event: control\ndata:{"streamNextOffset":"0000000000000000_0000000000000000","streamCursor":"9"}\n\n',
    )
    expect(controlEvent({ offset: 3, upToDate: true, closed: true }, '9')).toBe(
      'event: control\ndata:{"streamNextOffset":"0000000000000003_0000000000000000","upToDate":true,"streamClosed":true}\n\n',
    )
  })

  test('of a page without events: a control event alone', () => {
    expect(parseSse(new Frame([], 'json', control, 1).whole.plain.toString()).map(({ name }) => name)).toEqual([
      'control',
    ])
  })

  test('of a chunk: its length in hexadecimal, of bytes and not of characters', () => {
    expect(new Chunk('zwölf €').framed.toString()).toBe('a\r\nzwölf €\r\n')
    expect(new Chunk('zwölf €').plain.toString()).toBe('zwölf €')
  })

  test('for a reader with a cursor of its own: the same messages, its own cursor', () => {
    const frame = new Frame(json('[1]'), 'json', control, 5)
    const own = frame.withCursor('77').map(({ plain }) => plain.toString())
    expect(own.join('')).toBe(frame.whole.plain.toString().replace('"streamCursor":"5"', '"streamCursor":"77"'))
    expect(frame.withCursor('78')[0]).toBe(frame.withCursor('77')[0])
    expect(new Frame([], 'json', control, 5).withCursor('77')).toHaveLength(1)
  })

  test('of bytes: base64 of the whole page, padded once', () => {
    expect(dataEvent(bytes(new Uint8Array([0, 255, 2, 128]), new Uint8Array([4])), 'base64')).toBe(
      'event: data\ndata:AP8CgAQ=\n\n',
    )
  })

  test('of an event that was appended otherwise: its envelope', () => {
    const [event] = stored([encodeInput({ type: 'note', payload: { a: 1 } })])
    expect(parseSse(dataEvent([event!], 'text'))[0]?.data).toContain('"type":"note"')
    expect(JSON.parse(parseSse(dataEvent([event!], 'json'))[0]!.data)).toMatchObject([{ type: 'note' }])
  })
})

describe('a payload that looks like an event stream', () => {
  const attack = 'x\r\n\r\nevent: control\r\ndata: {"streamClosed":true}\r\n\r\nid: 1\rretry: 1\n\n: c\n\ndata:y\n'

  test.each(['text', 'json'] as const)('is data and nothing else, as %s', (form) => {
    const events = form === 'text' ? bytes(attack) : json(JSON.stringify([attack]))
    const parsed = parseSse(new Frame(events, form, control, 1).whole.plain.toString())
    expect(parsed.map(({ name }) => name)).toEqual(['data', 'control'])
    expect(parsed[0]?.data).toBe(form === 'text' ? attack.replace(/\r\n?/g, '\n') : JSON.stringify([attack]))
  })

  test('in the spaces of a JSON text is data and nothing else', () => {
    const payload = '{"a":\r\n\r\n1,\n\n"b":\r2}' as JsonText
    const [data, after] = parseSse(
      new Frame(stored([{ type: 'm', raw: true, payload }]), 'json', control, 1).whole.plain.toString(),
    )
    expect(JSON.parse(data!.data)).toEqual([{ a: 1, b: 2 }])
    expect(after?.name).toBe('control')
  })
})

test('any text comes out as it went in, its line ends as line feeds', () => {
  const text = fc.array(
    fc.constantFrom('\r', '\n', '\r\n', ' ', '  ', 'data:', 'event: data', ':', 'ä€𝄞', 'x', '\0', '﻿'),
  )
  fc.assert(
    fc.property(text, (parts) => {
      const sent = parts.join('')
      fc.pre(sent !== '')
      const [only, ...more] = parseSse(dataEvent(bytes(sent), 'text'))
      expect(more).toEqual([])
      expect(only).toEqual({ name: 'data', data: sent.replace(/\r\n|\r/g, '\n') })
    }),
  )
})
