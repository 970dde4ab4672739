import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestTributary, runCli } from '../server/testing.ts'

let tributary: TestTributary
let env: Record<string, string>
const folder = mkdtempSync(join(tmpdir(), 'tributary-transfer-'))
beforeAll(async () => {
  tributary = await TestTributary.start()
  env = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('editor'), TRIBUTARY_PROJECT: 'demo' }
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await tributary.stop()
})

const store = (path: string, count: number) =>
  tributary.streams().append(
    path as never,
    Array.from({ length: count }, (_, i) => ({ type: 'a', payload: `{"n":${i}}` as never, idempotencyKey: `k${i}` })),
  )
const log = async (path: string) => (await tributary.streams().read(path as never, { limit: 1000 })).events
const cli = (args: readonly string[], stdin = '') => runCli(args, { env, stdin })

describe('scan', () => {
  test('prints what matches as NDJSON, and nothing else to a pipe', async () => {
    await store('/scan', 1000)
    const done = await cli(['scan', '/scan', 'payload.n >= 997', '--after', '500'])
    expect([done.code, done.stderr]).toEqual([0, ''])
    const lines = done.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { offset: number })
    expect(lines.map(({ offset }) => offset)).toEqual([999, 1000, 1001])
  })

  test('a bad filter is told with its place, an absent stream as NOT_FOUND', async () => {
    const bad = await cli(['scan', '/scan', 'payload.n >'])
    expect([bad.code, bad.stderr]).toEqual([
      1,
      expect.stringMatching(/"position":\{"start":11,"end":11\}[^]*^BAD_REQUEST: filter/m),
    ])
    const absent = await cli(['scan', '/absent', 'true'])
    expect([absent.code, absent.stderr]).toEqual([1, expect.stringMatching(/^NOT_FOUND/m)])
  })

  test.each([[['scan', '/scan']], [['scan']], [['scan', '/scan', 'true', 'more']]])(
    '%j is not understood',
    async (args) => {
      expect((await cli(args)).code).toBe(2)
    },
  )
})

describe('export and import', () => {
  const file = join(folder, 'stream.ndjson')
  let text = ''
  beforeAll(async () => {
    await store('/out', 900)
    await tributary.streams().append('/out' as never, [
      { type: 'exact', payload: '{"t":"\u2028","n":12345678901234567890,"__proto__":1}' as never },
      { type: 'raw', payload: '[1, 2]' as never, raw: true },
    ])
    await store('/out/child', 1)
    await cli(['export', '/out', '--output', file])
    text = readFileSync(file, 'utf8')
  })

  test('a file holds what it was, every event, and how to tell that it is whole', () => {
    expect(existsSync(`${file}.part`)).toBe(false)
    const lines = text.split('\n')
    expect(JSON.parse(lines[0]!)).toMatchObject({
      tributary: 'stream',
      version: 1,
      path: '/out',
      firstOffset: 1,
      maxOffset: 904,
    })
    expect(lines.length).toBe(1 + 904 + 1 + 1)
    expect(JSON.parse(lines.at(-2)!)).toEqual({
      tributary: 'end',
      events: 904,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
  })

  test('standard output and input carry the same; what arrives is what left', async () => {
    const out = await cli(['export', '/out'])
    expect(out.stdout).toBe(text)
    const done = await cli(['import', '/piped'], text)
    expect([done.code, done.stderr]).toEqual([0, '/piped: offsets 1 to 904 imported\n'])
    const own = (events: Awaited<ReturnType<typeof log>>) => events.filter(({ type }) => !type.startsWith('stream/'))
    expect(own(await log('/piped'))).toEqual(own(await log('/out')))
    expect(await tributary.streams().state('/piped' as never)).not.toHaveProperty('importing')
  })

  test('an existing stream is not overwritten', async () => {
    const before = await log('/out')
    const done = await cli(['import', '/out', '--input', file])
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining('CONFLICT: /out exists already')])
    expect(await log('/out')).toEqual(before)
  })

  const damaged: readonly [string, (lines: string[]) => string[]][] = [
    ['cut', (lines) => lines.slice(0, -100)],
    ['cut before its end', (lines) => lines.slice(0, -1)],
    ['changed', (lines) => lines.map((line) => line.replace('"n":17}', '"n":71}'))],
    ['short of an event', (lines) => lines.toSpliced(500, 1)],
    ['longer than its end', (lines) => [...lines, '{}']],
    ['of another version', (lines) => lines.with(0, lines[0]!.replace('"version":1', '"version":2'))],
    ['something else', () => ['{"type":"a"}']],
    ['empty', () => []],
  ]
  test.each(damaged)('a named file that is %s is refused before anything is stored', async (what, change) => {
    const wrong = join(folder, 'wrong.ndjson')
    writeFileSync(
      wrong,
      change(text.split('\n').slice(0, -1))
        .map((line) => `${line}\n`)
        .join(''),
    )
    const done = await cli(['import', `/wrong-${damaged.findIndex(([each]) => each === what)}`, '--input', wrong])
    expect([done.code, done.stderr]).toEqual([1, expect.stringMatching(/^BAD_REQUEST: line \d+: /m)])
    expect(
      (await tributary.streams().state(`/wrong-${damaged.findIndex(([each]) => each === what)}` as never)).exists,
    ).toBe(false)
  })

  test('a pipe that broke off leaves an import that is unfinished and says so; the whole file finishes it', async () => {
    const lines = text.split('\n').slice(0, -1)
    // Larger than a chunk, so that some of it was stored before the end was missed.
    await store('/large', 1000)
    await store2('/large', 1000)
    const large = (await cli(['export', '/large'])).stdout
    const cut = large
      .split('\n')
      .slice(0, 1700)
      .map((line) => `${line}\n`)
      .join('')
    const broken = await cli(['import', '/resumed'], cut)
    expect([broken.code, broken.stderr]).toEqual([
      1,
      expect.stringMatching(/unfinished, up to offset 1000[^]*BAD_REQUEST: line 1700: the file is cut/),
    ])
    expect(await tributary.streams().state('/resumed' as never)).toMatchObject({ importing: true, maxOffset: 1000 })
    const refused = await cli(['import', '/resumed'], large)
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('--continue goes on with its import')])
    const other = await cli(['import', '/resumed', '--continue'], lines.map((line) => `${line}\n`).join(''))
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringContaining('/resumed is no unfinished import of this file'),
    ])
    const done = await cli(['import', '/resumed', '--continue'], large)
    expect([done.code, done.stderr]).toEqual([0, '/resumed: offsets 1 to 2001 imported\n'])
    expect(await tributary.streams().state('/resumed' as never)).toMatchObject({ maxOffset: 2001 })
    expect(await tributary.streams().state('/resumed' as never)).not.toHaveProperty('importing')
    // Once more: it is complete already.
    expect((await cli(['import', '/resumed', '--continue'], large)).code).toBe(0)
  })

  test('what was imported so far must have come out of the same file', async () => {
    const [head, first, second] = text.split('\n')
    const { firstOffset, contentType } = JSON.parse(head!)
    const event = JSON.parse(second!)
    await tributary.streams().import('/mixed' as never, {
      head: { firstOffset, contentType },
      events: [
        { ...JSON.parse(first!), payload: '{}' },
        { ...event, payload: '{"n":"other"}' },
      ],
    })
    const done = await cli(['import', '/mixed', '--continue', '--input', file])
    expect([done.code, done.stderr]).toEqual([
      1,
      expect.stringContaining('CONFLICT: event 2 of /mixed is not the one in this file'),
    ])
  })

  test('a viewer may export and not import; an absent stream is NOT_FOUND', async () => {
    const viewer = { ...env, TRIBUTARY_TOKEN: tributary.token('viewer') }
    expect((await runCli(['export', '/out'], { env: viewer })).code).toBe(0)
    const refused = await runCli(['import', '/no', '--input', file], { env: viewer })
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/^FORBIDDEN/m)])
    const absent = await cli(['export', '/absent', '--output', join(folder, 'absent')])
    expect([absent.code, existsSync(join(folder, 'absent'))]).toEqual([1, false])
  })
})

function store2(path: string, count: number) {
  return tributary.streams().append(
    path as never,
    Array.from({ length: count }, (_, i) => ({ type: 'b', payload: `{"m":${i}}` as never })),
  )
}
