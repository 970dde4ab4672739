import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Receipt } from '../streams/event.ts'
import { type HostileEvent, badEvent, goodEvent } from './hostile-input.ts'
import { Watch, checkReaders, checkStored, checkUnharmed } from './hostile-oracle.ts'
import { type Finished, TestTributary, runCli } from './testing.ts'

// Threat: a line, a file or an argument ends the tool with a stack, or leaves half of what it was given behind.

const SEED = 20_261_124
let tributary: TestTributary
let watch: Watch
let env: Record<string, string>
beforeAll(async () => {
  tributary = await TestTributary.start()
  watch = new Watch()
  env = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('editor'), TRIBUTARY_PROJECT: 'demo' }
})
afterAll(async () => {
  watch[Symbol.dispose]()
  await tributary.stop()
})

/** What a person may see: words, and where the tool was not understood its usage. */
function checkWords({ code, stderr }: Finished): void {
  expect([0, 1, 2]).toContain(code)
  expect(stderr).not.toMatch(/\n\s+at |node:internal|node_modules|\.ts:\d|FAILED|INTERNAL|Unhandled/)
  if (code === 1) expect(stderr).toMatch(/^(?:BAD_REQUEST|NOT_FOUND|FORBIDDEN|CONFLICT|UNAVAILABLE): /m)
  if (code === 2) expect(stderr).toContain('tributary <command>')
}

const receiptsOf = ({ stdout }: Finished) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Receipt)

/** The tool takes a byte order mark off a line, as it does a blank. */
const asLine = ({ text }: HostileEvent) => !text.startsWith('\ufeff')

test('200 odd lines are all appended, and read back alike through every door', async () => {
  const sent = fc.sample(goodEvent.filter(asLine), { numRuns: 200, seed: SEED })
  const done = await runCli(['append', '/odd'], { stdin: sent.map(({ text }) => text).join('\n'), env })
  checkWords(done)
  expect(done.code).toBe(0)
  const receipts = receiptsOf(done)
  await checkStored(sent, receipts, (offset) => tributary.streams().getEvent('/odd' as never, { offset }))
  const fresh = receipts.filter(({ duplicate }) => !duplicate).length
  expect(await checkReaders(tributary, '/odd')).toBe(1 + fresh)
  checkUnharmed(watch)
}, 60_000)

test('a bad line among 12 good ones is named, and what has a receipt is stored and nothing else: 8 times', async () => {
  let lines = 0
  let round = 0
  const input = fc.tuple(
    fc.array(goodEvent.filter(asLine), { minLength: 12, maxLength: 12 }),
    badEvent.filter(asLine),
    fc.nat(12),
  )
  await fc.assert(
    fc.asyncProperty(input, async ([good, bad, at]) => {
      const path = `/bad/${round++}`
      const sent = good.toSpliced(at, 0, bad)
      lines += sent.length
      const done = await runCli(['append', path], { stdin: sent.map(({ text }) => text).join('\n'), env })
      checkWords(done)
      expect([done.code, done.stderr]).toEqual([
        1,
        expect.stringMatching(new RegExp(`^BAD_REQUEST: line ${at + 1}\\b`, 'm')),
      ])
      const receipts = receiptsOf(done)
      await checkStored(sent.slice(0, receipts.length), receipts, (offset) =>
        tributary.streams().getEvent(path as never, { offset }),
      )
      const { maxOffset } = await tributary.streams().state(path as never)
      expect(maxOffset).toBe(receipts.length === 0 ? 0 : 1 + receipts.filter(({ duplicate }) => !duplicate).length)
    }),
    { numRuns: 8, seed: SEED },
  )
  expect(lines).toBeGreaterThanOrEqual(100)
  checkUnharmed(watch)
}, 60_000)

describe('arguments that make no sense', () => {
  const wrong: readonly (readonly string[])[] = [
    ['append', '/a', '--nonsense'],
    ['constructor'],
    ['read', '/a', '--after', '1.5'],
    ['read', '/a', '--after=9007199254740993'],
    ['read', '/a', '--limit=-1'],
    ['read', '/a\u0001'],
    ['read', '/a%2Fb'],
    ['read', '/../a'],
    ['read', `/${'a'.repeat(5000)}`],
    ['scan', '/a', '(((('],
    ['scan', '/a', 'x'.repeat(2001)],
    ['state', '/a', '__proto__'],
    ['read', '/a', '--project', '../other\u0001'],
    ['read', '/a', '--token', 'a\nb'],
    ['read', '/a', '--url', 'http://['],
    ['read', '/a', '--url', 'ftp://x'],
  ]
  test(`${wrong.length} of them are told in words`, async () => {
    for (let i = 0; i < wrong.length; i += 4) {
      const done = await Promise.all(wrong.slice(i, i + 4).map((args) => runCli(args, { env })))
      for (const each of done) {
        checkWords(each)
        expect([1, 2]).toContain(each.code)
        expect(each.stdout).toBe('')
      }
    }
  }, 60_000)
})

describe('files that are no exported stream', () => {
  const head = (more: string) =>
    `{"tributary":"stream","version":1,"path":"/a","contentType":"application/json","incarnationId":"x","firstOffset":1,"maxOffset":2${more}}`
  const files: Record<string, string> = {
    'a version that is an object': '{"tributary":"stream","version":{"toString":1}}',
    'an end that is an object': `${head('')}\n{"tributary":"end","events":{"toString":1},"sha256":[]}`,
    'an event that is null': `${head('')}\nnull`,
    'an event nested too deep': `${head('')}\n{"offset":1,"type":"stream/created","payload":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    'offsets that are text':
      '{"tributary":"stream","version":1,"path":"/a","contentType":"a","incarnationId":"x","firstOffset":"1","maxOffset":[]}',
    'something else': '\u0000\u0001\u0002',
  }
  test(`${Object.keys(files).length} of them are told in words, and make no stream`, async () => {
    const entries = Object.entries(files)
    const done = await Promise.all(
      entries.map(([, text], i) => {
        const file = join(tributary.dataDir, `hostile-${i}`)
        writeFileSync(file, text)
        return runCli(['import', `/imported/${i}`, '--input', file], { env })
      }),
    )
    for (const each of done) {
      checkWords(each)
      expect([each.code, each.stderr]).toEqual([1, expect.stringMatching(/^BAD_REQUEST: /m)])
    }
    const { streams } = await tributary.streams().list({ prefix: '/imported' })
    expect(streams).toEqual([])
  }, 60_000)
})
