import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestTributary, runCli } from '../server/testing.ts'

let tributary: TestTributary
let env: Record<string, string>
beforeAll(async () => {
  tributary = await TestTributary.start()
  env = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('viewer'), TRIBUTARY_PROJECT: 'demo' }
  for (const path of ['/agents/a1/runs/1', '/agents/a2', '/notes', '/agents/B'])
    await tributary.streams().append(path as never, [{ type: 'a' }])
})
afterAll(() => tributary.stop())

const ls = (...args: string[]) => runCli(['ls', ...args], { env })
const lines = async (...args: string[]) => {
  const done = await ls(...args)
  expect([done.code, done.stderr]).toEqual([0, ''])
  return done.stdout.split('\n').slice(0, -1)
}

describe('ls', () => {
  test.each([
    [[], ['/agents', '/notes']],
    [['/'], ['/agents', '/notes']],
    [['/agents'], ['/agents/B', '/agents/a1', '/agents/a2']],
    [['/agents/'], ['/agents/B', '/agents/a1', '/agents/a2']],
    [['/notes'], []],
    [
      ['/agents', '--match', 'A'],
      ['/agents/a1', '/agents/a2'],
    ],
    [['/agents', '--limit', '1'], ['/agents/B']],
    [
      ['/agents', '--recursive'],
      ['/agents/B', '/agents/a1', '/agents/a1/runs', '/agents/a1/runs/1', '/agents/a2'],
    ],
    [
      ['--recursive', '--match', 'runs'],
      ['/agents/a1/runs', '/agents/a1/runs/1'],
    ],
    [
      ['--recursive', '--limit', '3'],
      ['/agents', '/agents/B', '/agents/a1'],
    ],
  ])('%j prints %j', async (args, expected) => expect(await lines(...args)).toEqual(expected))

  test('--long prints NDJSON with what the catalogue knows', async () => {
    const rows = (await lines('/agents', '--long')).map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(rows.map(({ path, eventCount, childCount }) => [path, eventCount, childCount])).toEqual([
      ['/agents/B', 2, 0],
      ['/agents/a1', 3, 1],
      ['/agents/a2', 2, 0],
    ])
    expect(rows[0]).toMatchObject({ paused: false, closed: false, lastEventAt: expect.stringMatching(/Z$/) })
  })

  test('more children than a page has are all printed, each once, in order', async () => {
    await tributary.streams().append('/many' as never, [{ type: 'a' }])
    const names = Array.from({ length: 1203 }, (_, i) => `/many/${String(i).padStart(5, '0')}`)
    await Promise.all(names.map((name) => tributary.streams().create(name as never)))
    expect(await lines('/many')).toEqual(names)
    expect(await lines('/many', '--recursive', '--limit', '1001')).toEqual(names.slice(0, 1001))
  })

  test.each([
    [['/nosuch'], 'NOT_FOUND'],
    [['/nosuch', '--recursive'], 'NOT_FOUND'],
    [['nosuch'], 'BAD_REQUEST'],
  ])('%j fails with %s', async (args, code) => {
    const done = await ls(...args)
    expect([done.code, done.stdout, done.stderr]).toEqual([1, '', expect.stringMatching(new RegExp(`^${code}: `, 'm'))])
  })

  test('more than one path is not understood', async () => {
    const done = await ls('/a', '/b')
    expect([done.code, done.stderr]).toEqual([2, expect.stringContaining('tributary <command>')])
  })
})

describe('read --format csv', () => {
  test('prints a header and a line per event, over as many pages as it takes', async () => {
    for (let i = 0; i < 2; i++) {
      const inputs = Array.from({ length: 700 }, () => ({ type: '=1+1', payload: '{"a":1}' as never }))
      await tributary.streams().append('/csv' as never, inputs)
    }
    const done = await runCli(['read', '/csv', '--after', '1', '--format', 'csv'], { env })
    const rows = done.stdout.split('\r\n')
    expect([done.code, done.stderr, rows.length]).toEqual([0, '', 1402])
    expect(rows[0]).toBe('offset,createdAt,type,payload,metadata,source,idempotencyKey')
    expect(rows[1]).toMatch(/^2,2\d{3}-[^,]+,'=1\+1,"\{""a"":1\}",,,$/)
    expect(rows.filter((row) => row.startsWith('offset'))).toHaveLength(1)
  })

  test('an empty page has its header all the same', async () => {
    const done = await runCli(['read', '/csv', '--after', '9999', '--format', 'csv'], { env })
    expect([done.code, done.stdout]).toEqual([0, 'offset,createdAt,type,payload,metadata,source,idempotencyKey\r\n'])
  })

  test('ndjson is what it prints anyway; another format is not understood', async () => {
    const [named, plain, odd] = await Promise.all([
      runCli(['read', '/notes', '--format', 'ndjson'], { env }),
      runCli(['read', '/notes'], { env }),
      runCli(['read', '/notes', '--format', 'xml'], { env }),
    ])
    expect(named.stdout).toBe(plain.stdout)
    expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining('ndjson, csv')])
  })
})
