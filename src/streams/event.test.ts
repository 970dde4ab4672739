import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DEFAULT_APPEND_LIMITS,
  type EncodedEvent,
  type EncodedInput,
  checkLimits,
  decodeEvent,
  encodedBytes,
  eventJson,
} from './event.ts'
import { checkEncodedInput, encodeInput, isUsableType, parseEnvelope } from './event-input.ts'
import type { JsonText } from './json-text.ts'
import { failure } from './testing.ts'

// Guards the one schema that every door shares: whatever it accepts, every reader must be able to accept.

function refused(act: () => unknown): unknown {
  try {
    return { accepted: act() }
  } catch (error) {
    return failure(error)
  }
}

/** The three ways in: a value, JSON text on the wire, a line of NDJSON. */
const DOORS: readonly (readonly [string, (input: Record<string, unknown>) => EncodedInput])[] = [
  ['encodeInput', (input) => encodeInput(input)],
  [
    'checkEncodedInput',
    (input) => {
      const { payload, metadata, ...rest } = input
      return checkEncodedInput({
        ...rest,
        ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
        ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
      })
    },
  ],
  ['parseEnvelope', (input) => parseEnvelope(JSON.stringify(input))],
]

const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown

describe.each(DOORS)('%s', (_, accept) => {
  test('takes every field, and the payload as one line of JSON', () => {
    const input = {
      type: 'order/placed',
      payload: { a: [1, null, 'x\ny'] },
      metadata: { trace: 't1' },
      source: { processor: { slug: 'billing', version: '1.2' } },
      idempotencyKey: '  k1\t',
      offset: 7,
    }
    expect(accept(input)).toEqual({
      ...input,
      payload: '{"a":[1,null,"x\\ny"]}',
      metadata: '{"trace":"t1"}',
      idempotencyKey: 'k1',
    })
  })

  test('a type is all that is needed', () => {
    expect(accept({ type: 'a' })).toEqual({ type: 'a' })
    expect(accept({ type: 'a', source: {} })).toEqual({ type: 'a', source: {} })
  })

  test.each([[null], [0], [false], [''], [[]], [{}], ['text'], [-0.5]])('a payload may be %j', (payload) => {
    expect(accept({ type: 'a', payload }).payload).toBe(JSON.stringify(payload))
  })

  test.each([
    ['unknown', 'extra', { extra: 1 }],
    ['createdAt', 'createdAt', { createdAt: '2026-01-01T00:00:00.000Z' }],
    ['raw', 'raw', { raw: true }],
    ['constructor', 'constructor', { constructor: 1 }],
    ['__proto__', '__proto__', JSON.parse('{"__proto__":{"type":"x"}}') as object],
  ])('refuses the unknown field %s by name', (_name, field, extra) => {
    const input = { type: 'a' }
    for (const [key, value] of Object.entries(extra)) {
      Object.defineProperty(input, key, { value, enumerable: true })
    }
    expect(refused(() => accept(input))).toEqual({ code: 'BAD_REQUEST', field })
    expect(() => accept(input)).toThrow(field)
  })

  test.each([
    ['missing', {}],
    ['empty', { type: '' }],
    ['256 characters', { type: 'a'.repeat(256) }],
    ['a number', { type: 1 }],
    ['null', { type: null }],
    ['NUL', { type: 'a\u0000b' }],
    ['a line break', { type: 'a\nb' }],
    ['DEL', { type: 'a\u007f' }],
    ['a C1 control', { type: 'a\u0085' }],
    ['a lone high surrogate', { type: 'a\ud800' }],
    ['a lone low surrogate', { type: '\udc00a' }],
  ])('refuses a type that is or holds: %s', (_name, input) => {
    expect(refused(() => accept(input))).toMatchObject({ code: 'BAD_REQUEST', field: 'type' })
  })

  test('takes a type of 255 characters, of any script', () => {
    for (const type of ['a'.repeat(255), 'größe/変更', '🙂', ' ', 'a/b c', 'stream', 'stream/created']) {
      expect(accept({ type }).type).toBe(type)
    }
  })

  test.each([
    ['empty', ''],
    ['blank', ' \t\n '],
    ['256 characters', 'k'.repeat(256)],
    ['a number', 7],
    ['null', null],
    ['a lone surrogate', 'k\ud83d'],
    ['the engine’s own prefix', 'stream/child-created/a@1'],
    ['the engine’s own prefix after blanks', '  stream/x'],
  ])('refuses a key that is: %s', (_name, idempotencyKey) => {
    expect(refused(() => accept({ type: 'a', idempotencyKey }))).toMatchObject({
      code: 'BAD_REQUEST',
      field: 'idempotencyKey',
    })
  })

  test('trims a key before it counts its characters', () => {
    const key = 'k'.repeat(255)
    expect(accept({ type: 'a', idempotencyKey: `  ${key}  ` }).idempotencyKey).toBe(key)
  })

  test.each([0, -1, 1.5, '1', null, 2 ** 53, 1e300, true])('refuses %j as an offset', (offset) => {
    expect(refused(() => accept({ type: 'a', offset }))).toMatchObject({ code: 'BAD_REQUEST', field: 'offset' })
  })

  test.each([[[]], ['text'], [7], [null], [true]])('refuses %j as metadata', (metadata) => {
    expect(refused(() => accept({ type: 'a', metadata }))).toMatchObject({ code: 'BAD_REQUEST', field: 'metadata' })
  })

  test.each([
    [null, 'source'],
    [[], 'source'],
    ['x', 'source'],
    [{ other: 1 }, 'source'],
    [{ processor: null }, 'source.processor'],
    [{ processor: {} }, 'source.processor'],
    [{ processor: { slug: 'a' } }, 'source.processor'],
    [{ processor: { slug: '', version: '1' } }, 'source.processor'],
    [{ processor: { slug: 'a', version: 1 } }, 'source.processor'],
    [{ processor: { slug: 'a', version: '1', extra: 1 } }, 'source.processor'],
    [{ processor: { slug: 'a'.repeat(256), version: '1' } }, 'source.processor'],
    [{ processor: { slug: '\ud800', version: '1' } }, 'source.processor'],
  ])('refuses %j as a source, naming %s', (source, field) => {
    expect(refused(() => accept({ type: 'a', source }))).toEqual({ code: 'BAD_REQUEST', field })
  })

  test.each(['payload', 'metadata'])('256 levels in %s are accepted, 257 are not', (field) => {
    const deep = (levels: number) => (field === 'metadata' ? { m: nested(levels - 1) } : nested(levels))
    expect(accept({ type: 'a', [field]: deep(256) })).toMatchObject({ [field]: JSON.stringify(deep(256)) })
    expect(refused(() => accept({ type: 'a', [field]: deep(257) }))).toEqual({
      code: 'BAD_REQUEST',
      field,
      depth: 257,
      limit: 256,
    })
  })

  test('keys such as __proto__ and constructor survive in payload and metadata', () => {
    const text = '{"__proto__":{"a":1},"constructor":{"prototype":2},"toJSON":3}'
    const { payload, metadata } = accept({ type: 'a', payload: JSON.parse(text), metadata: JSON.parse(text) })
    expect(payload).toBe(text)
    expect(metadata).toBe(text)
  })

  test('NUL and lone surrogates in a payload survive UTF-8', () => {
    const value = { 'k\u0000': 'a\u0000\ud800z' }
    const { payload } = accept({ type: 'a', payload: value })
    expect(payload?.isWellFormed()).toBe(true)
    expect(JSON.parse(payload ?? '')).toEqual(value)
  })
})

describe('encodeInput', () => {
  test.each([[null], [undefined], ['text'], [7], [[]], [[{ type: 'a' }]]])(
    'refuses %j: an event is an object',
    (value) => {
      expect(refused(() => encodeInput(value))).toMatchObject({ code: 'BAD_REQUEST', field: 'event' })
    },
  )

  test('a field that is undefined is absent', () => {
    const input = {
      type: 'a',
      payload: undefined,
      metadata: undefined,
      source: undefined,
      idempotencyKey: undefined,
      offset: undefined,
    }
    expect(encodeInput(input)).toStrictEqual({ type: 'a' })
  })

  test('refuses what JSON cannot say', () => {
    for (const payload of [1n, () => 1, Symbol('s')]) {
      expect(refused(() => encodeInput({ type: 'a', payload }))).toEqual({ code: 'BAD_REQUEST', field: 'payload' })
    }
  })
})

describe('checkEncodedInput', () => {
  test('keeps the text, so that large integers keep their digits', () => {
    const text = '{"n":12345678901234567890, "f":1.0}' as JsonText
    expect(checkEncodedInput({ type: 'a', payload: text, metadata: text })).toEqual({
      type: 'a',
      payload: text,
      metadata: text,
    })
  })

  test.each([[1], [null], [{}], [[]], [true]])('refuses %j where JSON text belongs', (payload) => {
    expect(refused(() => checkEncodedInput({ type: 'a', payload }))).toEqual({ code: 'BAD_REQUEST', field: 'payload' })
  })

  test('refuses text that is not JSON', () => {
    expect(refused(() => checkEncodedInput({ type: 'a', payload: '{' }))).toEqual({
      code: 'BAD_REQUEST',
      field: 'payload',
    })
    expect(refused(() => checkEncodedInput({ type: 'a', metadata: '' }))).toEqual({
      code: 'BAD_REQUEST',
      field: 'metadata',
    })
  })

  test('a line break in the text becomes a blank, so that an event stays one line of NDJSON', () => {
    expect(checkEncodedInput({ type: 'a', payload: '{\n"a":1}\n' }).payload).toBe('{ "a":1}')
  })
})

describe('parseEnvelope', () => {
  test('large integers keep their digits in payload and metadata', () => {
    const text = '{"type":"a","payload":{"n":12345678901234567890},"metadata":{"id":98765432109876543210}}'
    expect(parseEnvelope(text)).toEqual({
      type: 'a',
      payload: '{"n":12345678901234567890}',
      metadata: '{"id":98765432109876543210}',
    })
  })

  test('a payload that is a bare large number keeps its digits', () => {
    expect(parseEnvelope(' { "payload" : 12345678901234567890 , "type":"a" } ').payload).toBe('12345678901234567890')
  })

  test('of two payloads the last counts, as in JSON.parse', () => {
    expect(parseEnvelope('{"payload":1,"type":"a","pay\\u006coad":2}').payload).toBe('2')
  })

  test('raw line breaks between tokens are taken out', () => {
    expect(parseEnvelope('{\n"type":"a",\n"payload":{\n"b":1\r\n}\n}').payload).toBe('{ "b":1 }')
  })

  test.each(['', 'null', '[]', '"a"', '7', '{"type":"a"', '{"type":"a"}{}'])('refuses %j', (text) => {
    expect(refused(() => parseEnvelope(text))).toMatchObject({ code: 'BAD_REQUEST', field: 'event' })
  })

  test('means what encodeInput means, for any payload', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.dictionary(fc.string(), fc.jsonValue()), (payload, metadata) => {
        const input = { type: 'a', payload, metadata }
        const viaText = parseEnvelope(JSON.stringify(input, null, 1))
        const direct = encodeInput(JSON.parse(JSON.stringify(input)))
        expect(JSON.parse(viaText.payload ?? '')).toEqual(JSON.parse(direct.payload ?? ''))
        expect(JSON.parse(viaText.metadata ?? '')).toEqual(JSON.parse(direct.metadata ?? ''))
      }),
    )
  })
})

describe('a stored event', () => {
  const text = (value: unknown) => JSON.stringify(value) as JsonText
  const storedEvent = fc.record(
    {
      offset: fc.integer({ min: 1 }),
      type: fc.string({ minLength: 1, maxLength: 20 }),
      createdAt: fc.constant('2026-01-01T00:00:00.000Z'),
      payload: fc.jsonValue().map(text),
      metadata: fc.dictionary(fc.string(), fc.jsonValue()).map(text),
      source: fc.constant({ processor: { slug: 's"', version: '1' } }),
      idempotencyKey: fc.string({ minLength: 1 }),
      raw: fc.constant(true as const),
    },
    { requiredKeys: ['offset', 'type', 'createdAt'] },
  )

  test('is the same as one line of JSON and decoded', () => {
    fc.assert(
      fc.property(storedEvent, (event) => {
        const line = eventJson(event as EncodedEvent)
        expect(line).not.toContain('\n')
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(decodeEvent(event as EncodedEvent))))
      }),
    )
  })
})

describe('checkLimits', () => {
  const MiB = 1024 * 1024
  const ofBytes = (bytes: number, unit = 'x'): EncodedInput => ({
    type: 'a',
    payload: `"${unit.repeat((bytes - 2) / Buffer.byteLength(unit))}"` as JsonText,
  })
  const check = (batch: EncodedInput[]) => refused(() => checkLimits(batch, DEFAULT_APPEND_LIMITS))

  test('1,000 events are a batch, 1,001 are too many', () => {
    const batch = Array.from({ length: 1001 }, () => ({ type: 'a' }))
    expect(check(batch.slice(1))).toEqual({ accepted: undefined })
    expect(check(batch)).toEqual({ code: 'BAD_REQUEST', reason: 'too-large', unit: 'events', size: 1001, limit: 1000 })
  })

  test('raw messages are limited by bytes alone', () => {
    const batch = Array.from({ length: 5000 }, (): EncodedInput => ({ type: 'a', payload: '1' as JsonText, raw: true }))
    expect(check(batch)).toEqual({ accepted: undefined })
    expect(check([...batch, { type: 'a' }])).toMatchObject({ reason: 'too-large', size: 5001 })
  })

  test.each(['x', 'é', '変', '🙂'])('16 MiB of %s are an event, one byte more is not', (unit) => {
    const fits = ofBytes(16 * MiB - ((16 * MiB - 2) % Buffer.byteLength(unit)), unit)
    const bytes = encodedBytes(fits)
    expect(check([fits])).toEqual({ accepted: undefined })
    expect(check([{ ...fits, metadata: '{'.padEnd(16 * MiB - bytes + 1) as JsonText }])).toEqual({
      code: 'BAD_REQUEST',
      reason: 'too-large',
      unit: 'bytes',
      size: 16 * MiB + 1,
      limit: 16 * MiB,
    })
  })

  test('an event of 17 MiB is refused with size and limit', () => {
    expect(check([ofBytes(17 * MiB)])).toMatchObject({ reason: 'too-large', size: 17 * MiB, limit: 16 * MiB })
  })

  test('32 MiB are a batch, one byte more is not', () => {
    const half = ofBytes(16 * MiB)
    expect(check([half, half])).toEqual({ accepted: undefined })
    expect(check([half, half, { type: 'a', payload: '1' as JsonText }])).toEqual({
      code: 'BAD_REQUEST',
      reason: 'too-large',
      unit: 'bytes',
      size: 32 * MiB + 1,
      limit: 32 * MiB,
    })
  })
})

test('a usable type is one that an input may have', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (type) => {
      const accepted = refused(() => encodeInput({ type })) as object
      expect(isUsableType(type)).toBe('accepted' in accepted)
    }),
  )
  expect(isUsableType('a\ud800')).toBe(false)
  expect(isUsableType(7)).toBe(false)
})
