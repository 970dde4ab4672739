import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parsePath } from '../path.ts'
import { defineProcessor } from './contract.ts'
import { ProcessorRegistry } from './registry.ts'
import { echo } from './testing.ts'

const slugs = (pattern: string, path: string) =>
  new ProcessorRegistry([{ processor: echo, attachTo: [pattern] }]).matching(parsePath(path)).map(({ slug }) => slug)

describe('a pattern', () => {
  test.each([
    ['/agents/*/runs/*', '/agents/a1/runs/7', true],
    ['/agents/*/runs/*', '/agents/a1/runs', false],
    ['/agents/*/runs/*', '/agents/a1/runs/7/steps', false],
    ['/agents/**', '/agents', true],
    ['/agents/**', '/agents/a/b/c', true],
    ['/agents/**', '/agents-old', false],
    ['/**', '/', true],
    ['/', '/', true],
    ['/', '/a', false],
    ['/a.b', '/axb', false],
  ])('%s and %s: %s', (pattern, path, matches) => {
    expect(slugs(pattern, path)).toEqual(matches ? ['echo'] : [])
  })

  test.each(['agents', '/a/**/b', '/a//b', '/a b', '/../a', ''])('%j is refused', (pattern) => {
    expect(() => slugs(pattern, '/a')).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', details: { reason: 'pattern' } }),
    )
  })
})

test('a slug that is there twice is refused', () => {
  expect(() => new ProcessorRegistry([{ processor: echo }, { processor: echo }])).toThrow(/two processors named echo/)
})

describe('a definition that cannot work is refused when it is made', () => {
  const good = {
    slug: 'good',
    version: '1',
    state: z.object({ n: z.number() }),
    initialState: { n: 0 },
    consumes: ['a'],
    reduce: () => ({ n: 1 }),
  }
  const effect = () => {}
  test.each<[string, object]>([
    ['slug', { slug: 'Not Good' }],
    ['slug', { slug: 'core' }],
    ['slug', { slug: 'a'.repeat(65) }],
    ['version', { version: '' }],
    ['consumes', { consumes: [] }],
    ['consumes', { consumes: ['a\u0000'] }],
    ['events', { events: { b: z.any() } }],
    ['reduce', { reduce: undefined }],
    ['schema', { state: {} }],
    ['processEvent', { processEvent: effect, processEventBatch: effect }],
  ])('%s: %j', (reason, wrong) => {
    expect(() => defineProcessor({ ...good, ...wrong } as typeof good)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', details: { reason } }),
    )
  })

  test('state: an initial state that does not fit its schema, or a schema that answers later', () => {
    const wrong = { ...good, initialState: { n: 'no' } } as unknown as typeof good
    expect(() => new ProcessorRegistry([{ processor: wrong }])).toThrow(/does not fit its schema at n/)
    const late = { ...good, state: z.object({ n: z.number() }).refine(async () => true) } as unknown as typeof good
    expect(() => new ProcessorRegistry([{ processor: late }])).toThrow(/must answer at once/)
  })
})
