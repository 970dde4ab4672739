import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TestTributary, eventually, runCli, startCli } from '../server/testing.ts'

// `append` as a process of its own, over a real socket.

let tributary: TestTributary
let env: Record<string, string>
beforeAll(async () => {
  tributary = await TestTributary.start()
  env = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('editor'), TRIBUTARY_PROJECT: 'demo' }
})
afterAll(() => tributary.stop())

const append = (path: string, stdin: string | Buffer, ...args: string[]) =>
  runCli(['append', path, ...args], { stdin, env })
const stored = async (path: string) => (await tributary.streams().read(path as never, { after: 1, limit: 1000 })).events
const lines = (count: number, line: (n: number) => object = (n) => ({ type: 'a', payload: n })) =>
  Array.from({ length: count }, (_, i) => `${JSON.stringify(line(i + 1))}\n`).join('')

test('prints a receipt per event on standard output, progress on standard error', async () => {
  const done = await append('/receipts', lines(3))
  expect(done.code).toBe(0)
  expect(
    done.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toEqual([2, 3, 4].map((offset) => ({ offset, createdAt: expect.any(String), duplicate: false })))
  expect(done.stderr).toBe('/receipts: 3 appended, 0 already there\n')
})

test('nothing on standard input appends nothing', async () => {
  const done = await append('/nothing', '')
  expect([done.code, done.stdout]).toEqual([0, ''])
  expect((await tributary.streams().state('/nothing' as never)).exists).toBe(false)
})

test('more lines than a batch holds arrive in order', async () => {
  const done = await append('/batches', lines(2500))
  expect([done.code, done.stdout.trimEnd().split('\n').length]).toEqual([0, 2500])
  const { events } = await tributary.streams().read('/batches' as never, { after: 2000, limit: 1000 })
  expect(events.map(({ payload }) => payload)).toEqual(Array.from({ length: 501 }, (_, i) => String(2000 + i)))
})

describe('lines', () => {
  test('end at line breaks alone: U+2028 and U+2029 are part of a payload', async () => {
    const done = await append(
      '/separators',
      '{"type":"a","payload":"one\u2028two\u2029three\u0085four"}\n{"type":"b"}\n',
    )
    expect(done.code).toBe(0)
    const events = await stored('/separators')
    expect(events.map(({ type }) => type)).toEqual(['a', 'b'])
    expect(JSON.parse(events[0]!.payload!)).toBe('one\u2028two\u2029three\u0085four')
  })

  test('may be blank, may end with CRLF, and the last needs no end', async () => {
    const done = await append('/ends', '{"type":"a"}\r\n\r\n\n  \n{"type":"b"}\n{"type":"c"}')
    expect(done.code).toBe(0)
    expect((await stored('/ends')).map(({ type }) => type)).toEqual(['a', 'b', 'c'])
  })

  test('may be cut anywhere on their way, in the middle of a character too', async () => {
    const bytes = Buffer.from('{"type":"a","payload":"é😀"}\n{"type":"b"}\n')
    const tool = startCli(['append', '/cut'], env)
    for (const byte of bytes) {
      tool.child.stdin!.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    tool.child.stdin!.end()
    expect((await tool.finished).code).toBe(0)
    expect((await stored('/cut'))[0]?.payload).toBe('"é😀"')
  })

  test('keep the digits of large integers, and keys that are special elsewhere', async () => {
    const payload = '{"n":12345678901234567890,"__proto__":{"x":1},"constructor":2,"toJSON":3,"z":1,"a":2}'
    await append('/digits', `{"payload":${payload},"type":"a"}\n`)
    expect((await stored('/digits'))[0]?.payload).toBe(payload)
  })

  test('keep every field', async () => {
    const event = {
      type: 'a',
      payload: null,
      metadata: { m: [1] },
      source: { processor: { slug: 's', version: '1' } },
      idempotencyKey: 'k',
    }
    await append('/fields', `${JSON.stringify(event)}\n`)
    expect((await stored('/fields'))[0]).toEqual({
      ...event,
      payload: 'null',
      metadata: '{"m":[1]}',
      offset: 2,
      createdAt: expect.any(String),
    })
  })

  test.each<[what: string, bad: string | Buffer, message: RegExp]>([
    ['no JSON', '{"type":', /line 4: .*JSON/],
    ['an unknown field', '{"type":"a","colour":1}', /line 4: unknown field "colour"/],
    ['no type', '{"payload":1}', /line 4: .*type/],
    ['a scalar', '7', /line 4: .*object/],
    ['an array', '[{"type":"a"}]', /line 4: .*array/],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /line 4 is not valid UTF-8/],
  ])('that hold %s are named by their number, blank lines counted', async (what, bad, message) => {
    const path = `/bad-${what.replaceAll(' ', '-')}`
    const done = await append(
      path,
      Buffer.concat([Buffer.from('{"type":"a"}\n\n{"type":"b"}\n'), Buffer.from(bad), Buffer.from('\n')]),
    )
    expect([done.code, done.stdout]).toEqual([1, ''])
    expect(done.stderr).toMatch(message)
    expect(done.stderr).toMatch(/^BAD_REQUEST: /m)
    expect((await tributary.streams().state(path as never)).exists).toBe(false)
  })
})

test('what comes slowly is stored as it comes, while the input stays open', async () => {
  const tool = startCli(['append', '/live'], env)
  for (let n = 1; n <= 3; n++) {
    tool.child.stdin!.write(lines(n))
    await eventually(() => tool.stdout.split('\n').length === (n * (n + 1)) / 2 + 1)
  }
  expect(await stored('/live')).toHaveLength(6)
  tool.child.stdin!.end()
  expect((await tool.finished).code).toBe(0)
})

test('goes on to its end when nobody reads its receipts any more', async () => {
  const tool = startCli(['append', '/unread'], env)
  tool.child.stdin!.write(lines(1000))
  await eventually(() => tool.stdout !== '')
  tool.child.stdout!.destroy()
  tool.child.stdin!.end(lines(4000))
  const done = await tool.finished
  expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('5000 appended, 0 already there')])
  expect((await tributary.streams().state('/unread' as never)).eventCount).toBe(5001)
})

test('an error ends it, though the input stays open', async () => {
  const tool = startCli(['append', '/open'], env)
  tool.child.stdin!.write('{"type":"a","offset":9}\n')
  const done = await tool.finished
  expect([done.code, done.stderr]).toEqual([1, expect.stringContaining('CONFLICT')])
})

test('a bad line that comes after a good one was stored is named, and the receipt of the good one is out', async () => {
  const tool = startCli(['append', '/half'], env)
  tool.child.stdin!.write('{"type":"a"}\n')
  await eventually(() => tool.stdout !== '')
  tool.child.stdin!.write('nonsense\n')
  const done = await tool.finished
  expect([done.code, done.stderr]).toEqual([1, expect.stringMatching(/^BAD_REQUEST: line 2: /m)])
  expect(await stored('/half')).toHaveLength(1)
})

describe('keys', () => {
  const keyed = lines(5, (n) => ({ type: 'a', payload: n, idempotencyKey: `key-${n}` }))

  test('of their own: a second run adds nothing', async () => {
    await append('/keys', keyed)
    const again = await append('/keys', keyed + '{"type":"a","idempotencyKey":"key-6"}\n')
    expect(again.code).toBe(0)
    expect(again.stderr).toContain('1 appended, 5 already there')
    const receipts = again.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { offset: number; duplicate: boolean })
    expect(receipts.map(({ offset, duplicate }) => [offset, duplicate])).toEqual([
      [2, true],
      [3, true],
      [4, true],
      [5, true],
      [6, true],
      [7, false],
    ])
    expect(await stored('/keys')).toHaveLength(6)
  })

  test('--resume: a second run adds nothing, and a longer one only what is new', async () => {
    const all = lines(1500)
    const first = await append('/resume', lines(700), '--resume', 'import')
    expect([first.code, first.stderr]).toEqual([0, expect.stringContaining('700 appended, 0 already there')])
    const second = await append('/resume', lines(700), '--resume', 'import')
    expect([second.code, second.stderr]).toEqual([0, expect.stringContaining('0 appended, 700 already there')])
    const third = await append('/resume', all, '--resume', 'import')
    expect([third.code, third.stderr]).toEqual([0, expect.stringContaining('800 appended, 700 already there')])
    const { maxOffset } = await tributary.streams().state('/resume' as never)
    expect(maxOffset).toBe(1501)
  })

  test('--resume by another name appends again', async () => {
    await append('/names', lines(2), '--resume', 'one')
    await append('/names', lines(2), '--resume', 'two')
    expect(await stored('/names')).toHaveLength(4)
  })

  test('--resume stops with CONFLICT at the line whose content differs, and stores nothing of its batch after it', async () => {
    await append('/conflict', lines(3), '--resume', 'x')
    const done = await append(
      '/conflict',
      '{"type":"a","payload":1}\n{"type":"a","payload":"other"}\n{"type":"a","payload":3}\n',
      '--resume',
      'x',
    )
    expect(done.code).toBe(1)
    expect(done.stderr).toMatch(/^CONFLICT: line 2 differs .*"x:2" at offset 3$/m)
    expect(JSON.parse(/^details: (.*)$/m.exec(done.stderr)![1]!)).toEqual({
      reason: 'content',
      line: 2,
      offset: 3,
      idempotencyKey: 'x:2',
    })
    expect(await stored('/conflict')).toHaveLength(3)
  })

  test.each<[what: string, first: string, second: string]>([
    ['the type', '{"type":"a"}', '{"type":"b"}'],
    ['a payload that is gone', '{"type":"a","payload":null}', '{"type":"a"}'],
    ['metadata', '{"type":"a","metadata":{"a":1}}', '{"type":"a","metadata":{"a":2}}'],
    ['the source', '{"type":"a"}', '{"type":"a","source":{"processor":{"slug":"s","version":"1"}}}'],
    [
      'the last digit of a large integer',
      '{"type":"a","payload":{"n":9007199254740993}}',
      '{"type":"a","payload":{"n":9007199254740992}}',
    ],
    ['__proto__', '{"type":"a","payload":{"__proto__":{"a":1}}}', '{"type":"a","payload":{"__proto__":{"a":2}}}'],
  ])('--resume notices another content: %s', async (what, first, second) => {
    const path = `/differs-${what.replaceAll(/[^a-z]/g, '-')}`
    await append(path, first, '--resume', 'x')
    const done = await append(path, second, '--resume', 'x')
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining('CONFLICT: line 1 differs')])
  })

  test('--resume minds neither blanks nor the order of keys', async () => {
    await append('/same', '{"type":"a","payload":{"a":1,"b":[1,2]}}', '--resume', 'x')
    const done = await append('/same', '{ "payload": { "b": [1, 2], "a": 1 }, "type": "a" }', '--resume', 'x')
    expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('0 appended, 1 already there')])
  })

  test("a line's own key goes before --resume", async () => {
    await append('/own', '{"type":"a","idempotencyKey":"mine"}\n{"type":"b"}\n', '--resume', 'x')
    expect((await stored('/own')).map(({ idempotencyKey }) => idempotencyKey)).toEqual(['mine', 'x:2'])
  })
})

describe('what the server refuses', () => {
  test('a precondition: CONFLICT with its details, the lines named, nothing of them stored', async () => {
    const done = await append('/pre', '{"type":"a"}\n{"type":"b","offset":9}\n')
    expect([done.code, done.stdout]).toEqual([1, ''])
    expect(done.stderr).toMatch(/^CONFLICT: lines 1 to 2, nothing of them is stored: .*offset 9 was expected/m)
    expect(JSON.parse(/^details: (.*)$/m.exec(done.stderr)![1]!)).toMatchObject({
      reason: 'precondition',
      expected: 9,
      actual: 3,
    })
    expect((await tributary.streams().state('/pre' as never)).exists).toBe(false)
  })

  test('a reserved type', async () => {
    const done = await append('/reserved', '{"type":"stream/closed"}\n')
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining('FORBIDDEN')])
  })

  test('a bad path', async () => {
    const done = await append('no-slash', lines(1))
    expect([done.code, done.stderr]).toEqual([1, expect.stringMatching(/^BAD_REQUEST: .*slash/m)])
  })

  test('a role that is too small', async () => {
    const done = await runCli(['append', '/a'], {
      stdin: lines(1),
      env: { ...env, TRIBUTARY_TOKEN: tributary.token('viewer') },
    })
    expect([done.code, done.stderr]).toEqual([1, expect.stringMatching(/^FORBIDDEN: .*editor/m)])
  })

  test('a wrong token', async () => {
    const done = await runCli(['append', '/a'], {
      stdin: lines(1),
      env: { ...env, TRIBUTARY_TOKEN: `trb_${'x'.repeat(43)}` },
    })
    expect([done.code, done.stdout, done.stderr]).toEqual([1, '', expect.stringMatching(/^FORBIDDEN: .*token/m)])
  })

  test('an unknown project', async () => {
    const done = await runCli(['append', '/a'], { stdin: lines(1), env: { ...env, TRIBUTARY_PROJECT: 'nosuch' } })
    expect([done.code, done.stdout, done.stderr]).toEqual([1, '', expect.stringMatching(/^NOT_FOUND: .*nosuch/m)])
  })

  test('an event that is too large, with the limit and the size', async () => {
    const done = await append('/large', `${JSON.stringify({ type: 'a', payload: 'x'.repeat(17 * 1024 * 1024) })}\n`)
    expect([done.code, done.stderr]).toEqual([1, expect.stringMatching(/^BAD_REQUEST: .*17825794 bytes.*16777216/m)])
  })
})

test('a server that is not there: the address is named, with keys or without', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  await new Promise((resolve) => server.close(resolve))
  for (const args of [[], ['--resume', 'x']]) {
    const done = await runCli(['append', '/a', ...args], { stdin: lines(1), env: { ...env, TRIBUTARY_URL: url } })
    expect([done.code, done.stdout]).toEqual([1, ''])
    expect(done.stderr).toMatch(/^UNAVAILABLE: .*nothing answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)$/m)
  }
})

describe('a server that goes away in the middle', () => {
  test('and comes back: lines with keys are all there, once', async () => {
    const tool = startCli(['append', '/through', '--resume', 'x'], env)
    tool.child.stdin!.write(lines(1000))
    await eventually(() => tool.stdout.split('\n').length > 1000)
    await tributary.kill()
    tool.child.stdin!.write(lines(1500, (n) => ({ type: 'b', payload: n })))
    await tributary.resume()
    tool.child.stdin!.end()
    const done = await tool.finished
    expect([done.code, done.stdout.trimEnd().split('\n').length]).toEqual([0, 2500])
    expect((await tributary.streams().state('/through' as never)).maxOffset).toBe(2501)
  })

  test('lines without keys are not sent twice: the tool says which may be stored', async () => {
    const tool = startCli(['append', '/unsure'], env)
    tool.child.stdin!.write(lines(1000))
    await eventually(() => tool.stdout.split('\n').length > 1000)
    // The second batch is under way, and its answer never comes.
    const { engine } = tributary.instance
    const streams = engine.project(tributary.projectId('demo'))
    const real = streams.append.bind(streams)
    let asked = 0
    streams.append = async (path, inputs) => {
      await real(path, inputs)
      asked++
      return new Promise<never>(() => {})
    }
    tool.child.stdin!.end(lines(10))
    await eventually(() => asked === 1)
    await tributary.kill()
    await tributary.resume()
    const done = await tool.finished
    expect(done.code).toBe(1)
    expect(done.stderr).toMatch(/^UNAVAILABLE: lines 1001 to 1010 may or may not be stored/m)
    expect(done.stderr).toContain('--resume')
    expect(asked).toBe(1)
    expect((await tributary.streams().state('/unsure' as never)).maxOffset).toBe(1011)
  })
})
