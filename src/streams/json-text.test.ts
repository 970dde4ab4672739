import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type JsonText, MAX_JSON_DEPTH, encodeJson, memberText, parseJsonText, splitJsonArray } from './json-text.ts'
import { utf8Bytes } from './utf8.ts'
import { failure } from './testing.ts'

// Guards the payloads: what is stored must be the JSON that was sent, and one line of it.

function refused(act: () => unknown): unknown {
  try {
    return { accepted: act() }
  } catch (error) {
    return failure(error)
  }
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

/** JSON text with white space wherever JSON allows it. */
const spacedJson = fc
  .tuple(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), fc.constantFrom(undefined, 1, '\t', '\n'))
  .map(([value, indent]) => JSON.stringify(value, null, indent))

describe('parseJsonText', () => {
  test('means what was sent, on one line', () => {
    fc.assert(
      fc.property(spacedJson, fc.constantFrom('', ' ', '\n', '\r\n\t'), (text, space) => {
        const parsed = parseJsonText(space + text + space, 'payload')
        expect(JSON.parse(parsed)).toEqual(JSON.parse(text))
        expect(parsed).not.toMatch(/[\r\n]/)
        expect(parsed).toBe(parsed.trim())
      }),
    )
  })

  test('keeps the digits of large integers, the zeros of fractions and the order of keys', () => {
    const text = '{"z":12345678901234567890,"a":1.500,"z2":1e400}'
    expect(parseJsonText(text, 'payload')).toBe(text)
  })

  test('a raw line break between tokens is gone; an escaped one inside a string stays', () => {
    expect(parseJsonText('{\n"a":\r\n"x\\ny"\n}', 'payload')).toBe('{ "a": "x\\ny" }')
  })

  test('a line separator inside a string is no line break', () => {
    expect(parseJsonText('"a\u2028b\u2029c"', 'payload')).toBe('"a\u2028b\u2029c"')
  })

  test('a raw lone surrogate becomes an escape, so that it survives UTF-8', () => {
    const parsed = parseJsonText('{"a":"\ud800"}', 'payload')
    expect(parsed.isWellFormed()).toBe(true)
    expect(JSON.parse(Buffer.from(parsed).toString())).toEqual({ a: '\ud800' })
  })

  test.each(['', ' ', '{', '{a:1}', "'a'", 'undefined', 'NaN', '1,2', '"a\nb"', '[1,]', '\ufeff1', '01', '"\u0000"'])(
    'refuses %j, naming the field',
    (text) => {
      expect(refused(() => parseJsonText(text, 'metadata'))).toMatchObject({ code: 'BAD_REQUEST', field: 'metadata' })
    },
  )

  test.each(['[', '{"a":'])('256 levels of %s are accepted, 257 are refused with depth and limit', (open) => {
    const text = (levels: number) => open.repeat(levels - 1) + nested(1) + (open === '[' ? ']' : '}').repeat(levels - 1)
    expect(parseJsonText(text(MAX_JSON_DEPTH), 'payload')).toBe(text(MAX_JSON_DEPTH))
    expect(refused(() => parseJsonText(text(MAX_JSON_DEPTH + 1), 'payload'))).toEqual({
      code: 'BAD_REQUEST',
      field: 'payload',
      depth: 257,
      limit: 256,
    })
  })

  test('brackets inside strings are no levels', () => {
    const text = JSON.stringify(['['.repeat(1000), '\\"[[['.repeat(500), '\\'])
    expect(parseJsonText(text, 'payload')).toBe(text)
  })

  test('very deep text is refused, not a stack overflow', () => {
    expect(refused(() => parseJsonText(nested(200_000), 'payload'))).toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('encodeJson', () => {
  test('is JSON.stringify for whatever JSON can say', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(encodeJson(value, 'payload')).toBe(JSON.stringify(value))
      }),
    )
  })

  test('keys such as __proto__, constructor and toJSON survive', () => {
    const text = '{"__proto__":{"polluted":true},"constructor":1,"toJSON":2,"prototype":3,"hasOwnProperty":4}'
    expect(encodeJson(JSON.parse(text), 'payload')).toBe(text)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('lone surrogates and NUL come out as escapes', () => {
    expect(encodeJson({ a: '\ud800\u0000' }, 'payload')).toBe('{"a":"\\ud800\\u0000"}')
  })

  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  test.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a BigInt', 1n],
    ['a BigInt inside', { a: [1n] }],
    ['a cycle', cycle],
    [
      'a throwing toJSON',
      {
        toJSON() {
          throw new Error('no')
        },
      },
    ],
    ['257 levels', JSON.parse(nested(257)) as unknown],
  ])('refuses %s, naming the field', (_, value) => {
    expect(refused(() => encodeJson(value, 'payload'))).toMatchObject({ code: 'BAD_REQUEST', field: 'payload' })
  })

  test('very deep values are refused, not a stack overflow', () => {
    let value: unknown = 1
    for (let i = 0; i < 100_000; i++) value = [value]
    expect(refused(() => encodeJson(value, 'payload'))).toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('splitJsonArray', () => {
  test('gives the elements as JSON.parse sees them', () => {
    const arrays = fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 8 })
    fc.assert(
      fc.property(arrays, fc.constantFrom(undefined, 2, '\t'), (values, indent) => {
        const text = `\n ${JSON.stringify(values, null, indent)} \n`
        const elements = splitJsonArray(text)
        expect(elements?.map((element) => JSON.parse(element) as unknown)).toEqual(JSON.parse(text))
      }),
      { numRuns: 500 },
    )
  })

  test('gives each element as the text it was sent as', () => {
    expect(splitJsonArray(' [ 12345678901234567890 ,"a,]\\"[" , {"b" : [1, 2]},[],{} ]')).toEqual([
      '12345678901234567890',
      '"a,]\\"["',
      '{"b" : [1, 2]}',
      '[]',
      '{}',
    ])
  })

  test('an empty array has no elements; no array has no answer', () => {
    expect(splitJsonArray('[]')).toEqual([])
    expect(splitJsonArray(' [ \n ] ')).toEqual([])
    for (const text of ['{}', '1', '"[1]"', 'null', '{"a":[1]}']) expect(splitJsonArray(text)).toBeNull()
  })

  test('strings of backslashes end where they end', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[\\",[\]{}:]*$/)), (values) => {
        expect(splitJsonArray(JSON.stringify(values))).toEqual(values.map((value) => JSON.stringify(value)))
      }),
    )
  })
})

describe('memberText', () => {
  test('gives the member that JSON.parse would take', () => {
    const name = fc.constantFrom('payload', 'pay', '__proto__', 'a"b', '\u00e9', '')
    const members = fc.array(fc.tuple(name, fc.jsonValue({ maxDepth: 3 })), { maxLength: 6 })
    fc.assert(
      fc.property(members, name, fc.constantFrom('', ' ', '\t'), (pairs, wanted, space) => {
        const text = `{${pairs.map(([key, value]) => `${space}${JSON.stringify(key)}${space}:${space}${JSON.stringify(value)}${space}`).join(',')}}`
        const parsed = new Map(Object.entries(JSON.parse(text) as object))
        const found = memberText(text as JsonText, wanted)
        if (!parsed.has(wanted)) expect(found).toBeNull()
        else expect(JSON.parse(found ?? '')).toEqual(parsed.get(wanted))
      }),
      { numRuns: 500 },
    )
  })

  test('an escaped name is the name it stands for; the last of a name wins', () => {
    const text = '{"payload":1,"pay\\u006coad": 12345678901234567890 }' as JsonText
    expect(memberText(text, 'payload')).toBe('12345678901234567890')
  })

  test('a member of a member is not a member', () => {
    expect(memberText('{"a":{"payload":1},"b":["payload"],"c":"payload"}' as JsonText, 'payload')).toBeNull()
    expect(memberText('{}' as JsonText, 'payload')).toBeNull()
  })
})

describe('utf8Bytes', () => {
  test('is Buffer.byteLength for any text, lone surrogates included', () => {
    const units = fc.oneof(
      fc.integer({ min: 0, max: 0xffff }),
      fc.integer({ min: 0xd7fe, max: 0xe001 }),
      fc.integer({ min: 0x7e, max: 0x81 }),
      fc.integer({ min: 0x7fe, max: 0x801 }),
    )
    fc.assert(
      fc.property(fc.array(units, { maxLength: 40 }), (codes) => {
        const text = String.fromCharCode(...codes)
        expect(utf8Bytes(text)).toBe(Buffer.byteLength(text))
      }),
      { numRuns: 2000 },
    )
  })
})
