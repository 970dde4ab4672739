import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHECKOUT, TestTributary, eventually, runCli, startCli } from '../server/testing.ts'

let tributary: TestTributary
let env: Record<string, string>
beforeAll(async () => {
  tributary = await TestTributary.start()
  env = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('viewer'), TRIBUTARY_PROJECT: 'demo' }
})
afterAll(() => tributary.stop())

const store = (path: string, count: number) =>
  tributary.streams().append(
    path as never,
    Array.from({ length: count }, (_, i) => ({ type: 'a', payload: String(i) as never })),
  )
const offsets = (ndjson: string) =>
  ndjson
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { offset: number }).offset)
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('read', () => {
  beforeAll(async () => {
    for (let i = 0; i < 3; i++) await store('/long', 800)
  })

  test('prints all events as NDJSON, over as many pages as it takes', async () => {
    const done = await runCli(['read', '/long'], { env })
    expect([done.code, done.stderr]).toEqual([0, ''])
    expect(offsets(done.stdout)).toEqual(range(1, 2401))
  })

  test.each([
    [['--after', '5', '--limit', '3'], range(6, 8)],
    [['--limit', '1'], [1]],
    [['--limit', '1500'], range(1, 1500)],
    [['--after', '1000', '--limit', '1001'], range(1001, 2001)],
    [['--after', '2400'], [2401]],
    [['--after', '2401'], []],
    [['--after', '99999'], []],
    [
      ['--after=2399', '--limit=10'],
      [2400, 2401],
    ],
  ])('%j', async (args, expected) => {
    const done = await runCli(['read', '/long', ...args], { env })
    expect([done.code, offsets(done.stdout)]).toEqual([0, expected])
  })

  test('prints an event as it is stored, U+2028 and large integers included', async () => {
    await tributary
      .streams()
      .append('/exact' as never, [
        { type: 'a', payload: '{"t":"\u2028","n":12345678901234567890,"__proto__":1}' as never, idempotencyKey: 'k' },
      ])
    const done = await runCli(['read', '/exact', '--after', '1'], { env })
    expect(done.stdout).toMatch(
      /^\{"offset":2,"type":"a","createdAt":"[^"]+","payload":\{"t":"\u2028","n":12345678901234567890,"__proto__":1\},"idempotencyKey":"k"\}\n$/,
    )
  })

  test('takes options before the path, too, and the path with a slash at its end', async () => {
    const done = await runCli(['read', '--limit', '1', '/long/', '--url', tributary.url, '--project', 'demo'], {
      env: { TRIBUTARY_TOKEN: env['TRIBUTARY_TOKEN']! },
    })
    expect([done.code, offsets(done.stdout)]).toEqual([0, [1]])
  })

  test('a stream that is not there is NOT_FOUND', async () => {
    const done = await runCli(['read', '/absent'], { env })
    expect([done.code, done.stdout, done.stderr]).toEqual([
      1,
      '',
      expect.stringMatching(/^NOT_FOUND: stream \/absent does not exist$/m),
    ])
  })

  test('into a reader that has seen enough ends quietly', async () => {
    const command = `"${process.execPath}" "${join(CHECKOUT, 'src/cli/main.ts')}" read /long; echo "status $?" >&2`
    const shell = spawn('/bin/sh', ['-c', `{ ${command}; } | head -1`], {
      env: { PATH: process.env['PATH'], ...env } as NodeJS.ProcessEnv,
    })
    let [stdout, stderr] = ['', '']
    shell.stdout.on('data', (data) => (stdout += String(data)))
    shell.stderr.on('data', (data) => (stderr += String(data)))
    await new Promise((resolve) => shell.on('close', resolve))
    expect(offsets(stdout)).toEqual([1])
    expect(stderr).toBe('status 0\n')
  })
})

describe('tail', () => {
  test('prints what comes, from now on', async () => {
    await store('/now', 3)
    const tool = startCli(['tail', '/now'], env)
    await eventually(() => !tributary.streams().idle)
    await store('/now', 2)
    await eventually(() => offsets(tool.stdout).length === 2)
    tool.kill('SIGINT')
    const done = await tool.finished
    expect([done.code, offsets(done.stdout), done.stderr]).toEqual([0, [5, 6], ''])
    await eventually(() => tributary.streams().idle)
  })

  test.each([
    [['--after', 'start'], range(1, 4)],
    [['--after', '2'], range(3, 4)],
    [['--after', '0'], range(1, 4)],
  ])('%j', async (args, expected) => {
    const path = `/after-${args[1]}`
    await store(path, 3)
    const tool = startCli(['tail', path, ...args], env)
    await eventually(() => offsets(tool.stdout).length >= expected.length)
    tool.kill('SIGTERM')
    const done = await tool.finished
    expect([done.code, offsets(done.stdout)]).toEqual([0, expected])
  })

  test.each(['ends', 'is killed'])('resumes over a server that %s: no gap, nothing twice', async (how) => {
    const path = `/restart-${how.at(-1)}`
    await store(path, 3)
    const tool = startCli(['tail', path, '--after', 'start'], env)
    let last = 4
    for (let round = 0; round < 2; round++) {
      await eventually(() => offsets(tool.stdout).length >= last)
      await store(path, 2)
      await (how === 'ends' ? tributary.pause() : tributary.kill())
      await tributary.resume()
      await store(path, 2)
      last += 4
    }
    await eventually(() => offsets(tool.stdout).length >= last)
    tool.kill('SIGTERM')
    const done = await tool.finished
    expect([done.code, offsets(done.stdout)]).toEqual([0, range(1, last)])
    expect(done.stderr).toContain('trying again')
  })

  test('ends quietly when its reader has gone', async () => {
    await store('/reader', 1)
    const tool = startCli(['tail', '/reader', '--after', 'start'], env)
    await eventually(() => offsets(tool.stdout).length === 2)
    tool.child.stdout!.destroy()
    // The first write after the end may still fit into the pipe.
    await eventually(async () => {
      await store('/reader', 1)
      return !tool.running
    })
    const done = await tool.finished
    expect([done.code, done.stderr]).toEqual([0, ''])
  })

  test('an offset beyond the end is CONFLICT: it belongs to another stream', async () => {
    await store('/short', 1)
    const done = await runCli(['tail', '/short', '--after', '100'], { env })
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining('CONFLICT')])
  })

  test.each([
    ['a wrong token', { TRIBUTARY_TOKEN: 'trb_wrong' }, 'FORBIDDEN'],
    ['an unknown project', { TRIBUTARY_PROJECT: 'nosuch' }, 'NOT_FOUND'],
    ['a server that is not there', { TRIBUTARY_URL: 'http://127.0.0.1:9' }, 'UNAVAILABLE'],
  ])('%s ends it', async (_what, wrong, code) => {
    for (const command of ['tail', 'read']) {
      const done = await runCli([command, '/now'], { env: { ...env, ...wrong } })
      expect([done.code, done.stdout, done.stderr]).toEqual([
        1,
        '',
        expect.stringMatching(new RegExp(`^${code}: `, 'm')),
      ])
    }
  })
})
