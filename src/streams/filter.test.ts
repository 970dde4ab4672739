import { describe, expect, test } from 'vitest'
import type { EncodedEvent } from './event.ts'
import { MAX_FILTER_LENGTH, compileFilter } from './filter.ts'
import { FUNCTIONS } from './filter-functions.ts'
import { LinearPattern } from './filter-pattern.ts'
import { Exhausted, Meter } from './filter-values.ts'
import type { JsonText } from './json-text.ts'
import { failure, times } from './testing.ts'

// A filter is written by somebody who may read, and judges events that somebody else wrote: neither may stop the server.

const EVENT: EncodedEvent = { offset: 7, type: 'order', createdAt: '2026-01-01T00:00:00.000Z' }

function event(payload: unknown, more: Partial<EncodedEvent> = {}): EncodedEvent {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  return { ...EVENT, ...more, ...(payload === undefined ? {} : { payload: text as JsonText }) }
}

function matches(filter: string, payload?: unknown, more?: Partial<EncodedEvent>): boolean {
  return compileFilter(filter).matches(event(payload, more))
}

function refusal(filter: unknown): unknown {
  try {
    compileFilter(filter)
  } catch (error) {
    return failure(error)
  }
  return 'compiled'
}

describe('an event is judged by its fields', () => {
  test.each([
    ['event.type == "order"'],
    ['event["type"] == "order"'],
    ['event.type in ["order", "refund"]'],
    ['event.type.startsWith("or") && event.type.endsWith("er") && event.type.contains("rde")'],
    ['event.type.matches("^o.*r$")'],
    ['offset == 7 && event.offset > 6 && offset % 2 == 1'],
    ['createdAt > "2025-12-31" && timestamp(createdAt) < timestamp("2026-01-01T00:00:01Z")'],
    ['timestamp(event.createdAt) - timestamp("2025-12-31T23:00:00Z") == duration("1h")'],
    ['idempotencyKey == "k" && metadata.tenant == "a" && source.processor.slug == "p"'],
    ['has(event.idempotencyKey) && !has(payload.x)'],
    ['true'],
  ])('%s', (filter) => {
    const more = {
      idempotencyKey: 'k',
      metadata: '{"tenant":"a"}' as JsonText,
      source: { processor: { slug: 'p', version: '1' } },
    }
    expect(matches(filter, {}, more)).toBe(true)
  })
})

describe('a payload is judged by its values', () => {
  test.each([
    ['payload.n == 3 && payload.n == 3.0 && payload.n > 2 && payload.n < 3.5', { n: 3 }],
    ['payload.n + 1 == 4 && payload.n * 2.5 == 7.5 && payload.n / 2 == 1.5 && payload.n % 2 == 1', { n: 3 }],
    ['7 / 2 == 3 && size(payload.a) / 2 == 1', { a: [1, 2, 3] }],
    ['1 == 1.0 && 1 + 0.5 == 1.5', {}],
    ['payload.a[1] == "x" && "x" in payload.a && !("y" in payload.a)', { a: [1, 'x'] }],
    ['"k" in payload && payload["k"] == null', { k: null }],
    ['payload.a == [1, {"b": [true, null]}]', { a: [1, { b: [true, null] }] }],
    [
      'payload.items.exists(i, i.price > 10) && !payload.items.all(i, i.price > 10)',
      { items: [{ price: 5 }, { price: 20 }] },
    ],
    ['payload.items.exists_one(i, i == 2)', { items: [1, 2, 3] }],
    [
      'payload.items.filter(i, i > 1).map(i, i * 2) == [4, 6] && payload.items.map(i, i > 2, i) == [3]',
      { items: [1, 2, 3] },
    ],
    ['payload.m.exists(key, key == "b")', { m: { a: 1, b: 2 } }],
    ['payload.rows.exists(r, payload.cols.exists(c, r == c))', { rows: [1, 2], cols: [2, 3] }],
    ['payload.flag ? payload.n == 1 : payload.n == 2', { flag: false, n: 2 }],
    ['payload.t.lowerAscii() == "äb" && payload.t.upperAscii().size() == 2', { t: 'äB' }],
    [
      'payload.t.split(",").join("-") == "a-b" && payload.t.substring(2) == "b" && payload.t.indexOf(",") == 1',
      { t: 'a,b' },
    ],
    ['size(payload.t) == 2', { t: 'a😀' }],
    ['int(payload.t) == 42 && double("1.5") == 1.5 && string(payload.n) == "3" && bool("true")', { t: '42', n: 3 }],
    ['-payload.n == -3 && !(payload.n == 4)', { n: 3 }],
    ['payload.flag', { flag: true }],
  ])('%s', (filter, payload) => {
    expect(matches(filter, payload)).toBe(true)
  })
})

describe('an event for which the expression has no value does not match', () => {
  test.each([
    ['payload.x == 1', {}],
    ['payload.x == 1', undefined],
    ['payload.x.y.z == 1', { x: 5 }],
    ['payload.x > 1', { x: 'text' }],
    ['payload.x', { x: 1 }],
    ['payload.x', { x: 'true' }],
    ['!payload.x', { x: null }],
    ['payload.a[3] == 1', { a: [1] }],
    ['payload.a[0.5] == 1', { a: [1] }],
    ['payload.n / 0 == 1 || 1 / 0 == 1', { n: 1 }],
    ['payload.x.exists(i, i == 1)', { x: 7 }],
    ['payload.a.all(i, i.ok)', { a: [{ ok: true }, {}] }],
    ['timestamp(payload.t) > timestamp("2020-01-01T00:00:00Z")', { t: 'yesterday' }],
    ['timestamp("9999-12-31T00:00:00Z") + duration("999999999999h") > timestamp(createdAt)', {}],
    ['idempotencyKey == "k"', {}],
  ])('%s', (filter, payload) => {
    expect(matches(filter, payload)).toBe(false)
  })

  test('but one side that decides is enough, and a list needs one element that does', () => {
    expect(matches('payload.missing == 1 || event.type == "order"', {})).toBe(true)
    expect(matches('!(payload.missing == 1 && event.type == "other")', {})).toBe(true)
    expect(matches('payload.a.exists(i, i.ok)', { a: [{}, { ok: true }] })).toBe(true)
  })

  test('a member that is null is there; what an object inherits is not', () => {
    expect(matches('has(payload.x) && payload.x == null', { x: null })).toBe(true)
    expect(matches('has(payload.toString) || has(payload.constructor) || has(payload.__proto__)', {})).toBe(false)
    expect(matches('has(payload.a.length)', { a: [1] })).toBe(false)
  })
})

test('JSON is parsed only when the expression gets to it', () => {
  const broken = event('not JSON at all')
  expect(compileFilter('event.type == "other" && payload.x == 1').matches(broken)).toBe(false)
  expect(() => compileFilter('payload.x == 1').matches(broken)).toThrow(SyntaxError)
})

describe('a filter that cannot be used is refused, with the place', () => {
  test.each([
    ['1 +', { start: 3, end: 3 }],
    ['event.tpye == "a"', { start: 0, end: 10 }],
    ['total > 3', { start: 0, end: 5 }],
    ['type == "a"', { start: 0, end: 4 }],
    ['event == 1', { start: 0, end: 5 }],
    ['event.type > 3', { start: 0, end: 14 }],
    ['payload.x.matches("[")', { start: 18, end: 21 }],
    ['payload.x.matches(payload.y)', { start: 18, end: 27 }],
    ['payload.x.matches("(a{500}){2}b{500}")', { start: 18, end: 37 }],
    ['cel.bind(x, 1, x == 1)', { start: 0, end: 22 }],
    ['size(bytes(payload.x)) == 1', { start: 5, end: 21 }],
    ['offset == 9007199254740993', { start: 10, end: 26 }],
    ['{payload.x: 1} == payload', { start: 0, end: 14 }],
    ['[[],[],[],[],[],[],[],[]] == payload', { start: 22, end: 24 }],
    ['__proto__ == 1', { start: 0, end: 9 }],
  ])('%s', (filter, position) => {
    expect(refusal(filter)).toEqual({ code: 'BAD_REQUEST', field: 'filter', reason: 'filter', position })
  })

  test.each(['', '"text"', '3', 'event.type', 'null', '[true]'])('one that gives no boolean: %j', (filter) => {
    expect(refusal(filter)).toMatchObject({ code: 'BAD_REQUEST', reason: 'filter' })
  })

  test.each([
    ['very long', `"${'a'.repeat(MAX_FILTER_LENGTH)}" == "a"`],
    ['very many nodes', times(300, 'true').join('||')],
    ['very deep', `${'('.repeat(100)}true${')'.repeat(100)}`],
    ['very many signs', `${'!'.repeat(1900)}true`],
    ['no text', 7],
    ['nothing', undefined],
  ])('%s', (_what, filter) => {
    expect(refusal(filter)).toMatchObject({ code: 'BAD_REQUEST', reason: 'filter' })
  })
})

describe('hostile JSON is only data', () => {
  const hostile = '{"__proto__":{"admin":true},"constructor":1,"toJSON":2,"hasOwnProperty":3,"then":4}'
  test.each([
    ['payload.constructor == 1 && payload.toJSON == 2 && payload.hasOwnProperty == 3 && payload.then == 4', true],
    ['payload.__proto__.admin', true],
    ['payload.admin', false],
    ['payload == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}', false],
    ['"constructor" in payload && !("valueOf" in payload)', true],
    ['size(payload) == 5', true],
  ])('%s', (filter, expected) => {
    expect(matches(filter, hostile)).toBe(expected)
  })

  test('a payload nested 256 deep is compared and looked into', () => {
    const deep = `${'['.repeat(255)}1${']'.repeat(255)}`
    expect(matches('payload.a == payload.b', `{"a":${deep},"b":${deep}}`)).toBe(true)
    expect(matches('payload.a[0][0][0][0] == payload.b[0][0][0][0]', `{"a":${deep},"b":${deep}}`)).toBe(true)
  })
})

describe('no event costs more than its share', () => {
  const numbers = Array.from({ length: 100_000 }, (_, i) => i)

  test('a list of 100,000 is looked through', () => {
    expect(matches('payload.exists(i, i == 99999)', numbers)).toBe(true)
  })

  test.each([
    ['payload.exists(a, payload.exists(b, a + b < 0))', numbers],
    ['payload.all(a, !payload.all(b, b.x == a.y) || true)', numbers],
    ['payload.exists(a, a in payload.filter(b, b < 0))', numbers],
    ['payload.exists(a, payload != payload.map(b, b))', numbers],
    ['payload.l.exists(a, payload.t.contains(a))', { l: times(50_000, 'x'), t: 'a'.repeat(100_000) }],
    ['payload.l.exists(a, payload.t.lowerAscii() == a)', { l: times(50_000, 'x'), t: 'A'.repeat(100_000) }],
    ['payload.l.map(a, payload.t + a).exists(a, a == "")', { l: times(50_000, 'x'), t: 'A'.repeat(100_000) }],
    ['payload.l.map(a, payload.l + payload.l).exists(a, a == [])', { l: numbers }],
    ['payload.h.contains(payload.n)', { h: 'a'.repeat(400_000), n: `b${'a'.repeat(200_000)}` }],
    ['payload.h.split(payload.n) == []', { h: 'a'.repeat(400_000), n: `b${'a'.repeat(200_000)}` }],
  ])('%s is given up, and said so', (filter, payload) => {
    const compiled = compileFilter(filter)
    expect(compiled.matches(event(payload))).toBe(false)
    expect(compiled.unjudged).toBe(1)
    // What was given up for one event does not count against the next.
    expect(compiled.matches(event({ l: [], h: '', n: '', t: '' }))).toBeTypeOf('boolean')
    expect(compiled.unjudged).toBe(1)
  })

  test('every text function pays for the length of what it reads', () => {
    const text = 'x'.repeat(1_000_000)
    const cost = (name: string, ...texts: string[]) => spent((meter) => FUNCTIONS.get(name)?.(texts, meter))
    for (const name of ['size/1', '.size/0', '.lowerAscii/0', '.upperAscii/0', '.trim/0']) {
      expect([name, cost(name, text) > 100_000]).toEqual([name, true])
    }
    for (const name of ['.contains/1', '.indexOf/1', '.split/1', '.startsWith/1', '.endsWith/1']) {
      expect([name, cost(name, text, text) > 50_000]).toEqual([name, true])
    }
  })
})

function spent(run: (meter: Meter) => unknown): number {
  const meter = new Meter(1e15)
  run(meter)
  return 1e15 - meter.left
}

describe('matching a pattern is linear in the text', () => {
  const CATASTROPHIC = ['(a+)+$', '(a|aa)+$', '(a|a?)+$', '(.*a){12}$', '([a-z]+)*\\d', '(?:a?){30}a{30}!', '(\\ba?)+$']

  test.each(CATASTROPHIC)('%s', (pattern) => {
    const steps = (length: number) =>
      spent((meter) => expect(new LinearPattern(pattern).test(`${'a'.repeat(length)}!?`, meter)).toBeTypeOf('boolean'))
    const [short, long] = [steps(2000), steps(20_000)]
    // Ten times the text, at most about ten times the steps; backtracking would take 2^2000.
    expect(long).toBeLessThan(15 * short)
    expect(long).toBeLessThan(20_000 * 200)
  })

  test('what a match costs is counted, to its end', () => {
    const pattern = new LinearPattern('(a|b|c|d|e|f|g|h)*(\\b|x)(i|j)*$')
    const text = 'abcdefgh '.repeat(100_000)
    expect(() => pattern.test(text, new Meter(300_000))).toThrow(Exhausted)
    expect(pattern.test('abc', new Meter(10_000))).toBe(true)
  })

  test('a pattern keeps nothing of the texts it has seen beyond a bound, and stays right', () => {
    const pattern = new LinearPattern('[^x]y$')
    for (let round = 0; round < 20; round++) {
      const text = Array.from({ length: 30_000 }, (_, i) =>
        String.fromCharCode(0x4e00 + ((i + round * 977) % 20_000)),
      ).join('')
      expect(pattern.test(`${text}y`, new Meter(5_000_000))).toBe(true)
      expect(pattern.test(`${text}xy`, new Meter(5_000_000))).toBe(false)
    }
  })

  test('RE2 and the engine of the language agree where both have an answer', () => {
    const patterns = ['^a', 'b$', 'a.c', '[a-c]{2,3}', '(ab)+', 'a|b', '\\d+', '^$', '(?i)AB', '\\bab\\b']
    const texts = ['', 'a', 'ab', 'abc', 'xaby', 'a1c', 'AB', 'ab ab', 'zz', '12']
    for (const pattern of patterns) {
      const native = pattern.startsWith('(?i)') ? new RegExp(pattern.slice(4), 'i') : new RegExp(pattern)
      for (const text of texts) {
        expect([pattern, text, new LinearPattern(pattern).test(text, new Meter(1e9))]).toEqual([
          pattern,
          text,
          native.test(text),
        ])
      }
    }
  })
})
