import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { checkConfigChange } from '../streams/core/config.ts'
import { checkEncodedInput } from '../streams/event-input.ts'
import { parsePath } from '../streams/path.ts'
import { configChange, eventInput, events, path } from './arguments.ts'

// Threat: `describe()` says that something may be sent which is then refused, or the other way round. Where the engine
// has a check of its own, written by hand because browsers run it as well, the schema must agree with it.

function accepts(check: (value: unknown) => unknown, value: unknown): boolean {
  try {
    check(value)
    return true
  } catch {
    return false
  }
}

/** Mostly good, sometimes just beyond an edge, sometimes anything. */
const near = (...edges: unknown[]) => fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...edges) }, fc.anything())
const text = (length: number) => 'x'.repeat(length)
const types = near(
  'a',
  text(255),
  text(256),
  '',
  'stream/paused',
  'tab\t',
  'del\u007f',
  'next\u0085',
  '\ud800',
  '😀',
  '\u2028',
)
const jsonTexts = near(
  '{}',
  '{"a":1}',
  ' {"a":1}\n',
  '[1]',
  'null',
  '{',
  '',
  '"\ud800"',
  `${'['.repeat(256)}${']'.repeat(256)}`,
  `${'['.repeat(257)}${']'.repeat(257)}`,
)
const keys = near(
  'k',
  ' k ',
  '\ufeffk\u00a0',
  '\u2028k\n',
  text(255),
  text(256),
  `  ${text(255)}  `,
  `${text(254)} y`,
  '   ',
  '',
  'stream/x',
  ' stream/x',
  'xstream/',
  'a\nb',
  '\udc00',
)
const shortTexts = near('s', text(255), text(256), '', '\ud800')
const sources = fc.oneof(
  fc.anything(),
  fc.constantFrom({}, { processor: undefined }, { processor: {} }, { colour: 1 }, []),
  fc.record({ processor: fc.record({ slug: shortTexts, version: shortTexts }) }),
  fc.record({ processor: fc.record({ slug: shortTexts, version: shortTexts, colour: fc.constant(1) }) }),
)
const offsets = near(1, 0, -1, 1.5, Number.MAX_SAFE_INTEGER, 2 ** 53, Number.NaN, Infinity, '1', 1n, -0)
const inputs = fc.oneof(
  fc.anything(),
  fc.record(
    { type: types, payload: jsonTexts, metadata: jsonTexts, source: sources, idempotencyKey: keys, offset: offsets },
    { requiredKeys: [] },
  ),
  fc.record({ type: fc.constant('a'), payload: jsonTexts }),
  fc.record({ type: fc.constant('a'), metadata: jsonTexts }),
  fc.record({ type: fc.constant('a'), source: sources }),
  fc.record({ type: fc.constant('a'), idempotencyKey: keys }),
  fc.record({ type: fc.constant('a'), offset: offsets }),
  fc.record({ type: types }),
  fc.record({ type: fc.constant('a'), colour: fc.anything() }),
  fc.record({ type: fc.constant('a'), raw: fc.constant(true) }),
)

describe('the schema of an event', () => {
  test('accepts what append accepts, and nothing else', () => {
    const seen = { accepted: 0, refused: 0 }
    fc.assert(
      fc.property(inputs, (input) => {
        const checked = accepts(checkEncodedInput, input)
        seen[checked ? 'accepted' : 'refused']++
        expect(eventInput.safeParse(input).success).toBe(checked)
      }),
      { numRuns: 20_000 },
    )
    // Both ways were gone, and often.
    expect(seen.accepted).toBeGreaterThan(1000)
    expect(seen.refused).toBeGreaterThan(1000)
  })

  test('as JSON Schema it refuses nothing that append accepts, and what it cannot say is in words', () => {
    const shown = z.fromJSONSchema(z.toJSONSchema(eventInput, { io: 'input' }))
    const notSayable = new Set<string>()
    fc.assert(
      fc.property(inputs, (input) => {
        // JSON Schema speaks of JSON alone, and a lone surrogate is no text.
        fc.pre(isJson(input) && !/\\ud[89a-f]/.test(JSON.stringify(input)))
        const checked = accepts(checkEncodedInput, input)
        const fits = shown.safeParse(input).success
        if (checked) expect(fits).toBe(true)
        else if (fits) notSayable.add(reasonOf(input))
      }),
      { numRuns: 20_000 },
    )
    for (const reason of notSayable) {
      expect(reason).toMatch(/is not valid JSON|levels deep|metadata must be an object/)
    }
  })

  test('a batch is an array of them', () => {
    const batches = fc.oneof(fc.anything(), fc.array(inputs, { maxLength: 4 }))
    fc.assert(
      fc.property(batches, (batch) => {
        expect(events.schema.safeParse(batch).success).toBe(accepts((value) => events.take(value, 'append'), batch))
      }),
      { numRuns: 5000 },
    )
  })
})

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(JSON.parse(JSON.stringify(value))) === JSON.stringify(value) && noOddNumbers(value)
  } catch {
    return false
  }
}

function noOddNumbers(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return value !== undefined && typeof value !== 'bigint'
  return Object.values(value).every(noOddNumbers)
}

function reasonOf(input: unknown): string {
  try {
    checkEncodedInput(input)
    return 'none'
  } catch (error) {
    return (error as Error).message
  }
}

test('the schema of a change of settings accepts what configure accepts, and nothing else', () => {
  const rates = near(0, 1, 0.5, 1e12, 1e12 + 1, -1, Number.NaN, Infinity, '1', null, undefined)
  const changes = fc.oneof(
    fc.anything(),
    fc.record(
      {
        circuitBreaker: fc.oneof(
          near(null, undefined, {}, []),
          fc.record({ burstCapacity: rates, refillRatePerMinute: rates }, { requiredKeys: [] }),
          fc.record({ burstCapacity: rates, refillRatePerMinute: rates, colour: fc.constant(1) }),
        ),
        recordPresence: near(true, false, null, undefined, 0),
      },
      { requiredKeys: [] },
    ),
  )
  fc.assert(
    fc.property(changes, (change) => {
      expect(configChange.schema.safeParse(change).success).toBe(accepts(checkConfigChange, change))
    }),
    { numRuns: 10_000 },
  )
})

test('the schema of a path refuses no path that is one', () => {
  const segments = fc.stringMatching(/^[A-Za-z0-9\-._~:@!$&'()*+,;=]+$/)
  const paths = fc.oneof(
    fc.anything(),
    fc.array(segments, { maxLength: 40 }).map((parts) => `/${parts.join('/')}`),
  )
  fc.assert(
    fc.property(paths, (value) => {
      const fits = path.schema.safeParse(value).success
      expect(fits || !accepts(parsePath, value)).toBe(true)
    }),
  )
})
