import type Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Door, TestTributary, eventually, runCli, startCli } from './testing.ts'

// A disk that is full: every door says so, nothing is stored by half, and service goes on once there is room again.
// SQLite is told that the disk ends where the file does; `main.crash.test.ts` does it with a real file system.

const connections: Database.Database[] = []
vi.mock('better-sqlite3', async (load) => {
  const { default: Real } = await load<{ default: typeof Database }>()
  return {
    default: class extends Real {
      constructor(file: string, options?: Database.Options) {
        super(file, options)
        if (file.includes('/projects/') && options?.readonly !== true) connections.push(this)
      }
    },
  }
})

let tributary: TestTributary
let editor: Door
let env: Record<string, string>
beforeAll(async () => {
  tributary = await TestTributary.start()
  editor = tributary.door('editor')
  env = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('editor'), TRIBUTARY_PROJECT: 'demo' }
  await editor.put('/a', '["before"]')
})
afterAll(() => tributary.stop())

function fill(): void {
  for (const connection of connections) {
    const pages = connection.pragma('page_count', { simple: true }) as number
    connection.pragma(`max_page_count = ${pages}`)
  }
}

function makeRoom(): void {
  for (const connection of connections) connection.pragma('max_page_count = 1000000')
}

const big = JSON.stringify('x'.repeat(100_000))

describe('while it is full', () => {
  beforeAll(fill)

  test('raw messages and envelopes are 503 with the reason and when to come back', async () => {
    for (const answer of [
      await editor.post('/a', big),
      await editor.append('/a', { type: 'b', payload: 'x'.repeat(100_000) }),
    ]) {
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
      expect(answer.json).toEqual({
        code: 'UNAVAILABLE',
        message: expect.stringContaining('disk is full'),
        details: { reason: 'disk-full' },
      })
    }
  })

  test('creating a stream is 503, and there is no part of it', async () => {
    expect((await editor.put('/new/deep', big)).status).toBe(503)
    expect((await editor.get('/new/deep')).status).toBe(404)
    expect((await editor.get('/new')).status).toBe(404)
  })

  test('a batch is not stored by half', async () => {
    const events = [
      { type: 'small', idempotencyKey: 'k1' },
      { type: 'large', payload: 'x'.repeat(100_000) },
    ]
    expect((await editor.append('/a', events)).status).toBe(503)
    expect((await editor.events('/a')).map(({ type }) => type)).toEqual(['stream/created', 'message'])
  })

  test('the command line says so, and that nothing is stored', async () => {
    const done = await runCli(['append', '/a'], { stdin: `{"type":"a","payload":${big}}\n`, env })
    expect([done.code, done.stdout]).toEqual([1, ''])
    expect(done.stderr).toMatch(/^UNAVAILABLE: lines 1 to 1, nothing of them is stored: .*the disk is full$/m)
    expect(done.stderr).toContain('"reason":"disk-full"')
  })

  test('the socket says so', async () => {
    const { root, socket } = tributary.itx('editor')
    const append = root.projects
      .get('demo')
      .streams.get('/a')
      .append([{ type: 'a', payload: big as never }])
    await expect(append).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'disk-full' } })
    socket.close()
  })

  test('reading goes on', async () => {
    expect((await editor.get('/a')).text).toBe('["before"]')
  })
})

test('service goes on once there is room, and what was refused can be sent again', async () => {
  makeRoom()
  expect((await editor.append('/a', [{ type: 'small', idempotencyKey: 'k1' }])).json).toMatchObject({
    receipts: [{ offset: 3, duplicate: false }],
  })
  expect((await editor.put('/new/deep', big)).status).toBe(201)
})

test('lines with keys wait for room and are stored once', async () => {
  fill()
  const input = Array.from(
    { length: 3 },
    (_, i) => `{"type":"a","payload":${JSON.stringify(String(i).repeat(50_000))}}\n`,
  ).join('')
  const tool = startCli(['append', '/patient', '--resume', 'x'], env)
  tool.child.stdin!.end(input)
  await eventually(() => tool.stderr.includes('trying again'))
  makeRoom()
  const done = await tool.finished
  expect([done.code, done.stderr]).toEqual([0, expect.stringContaining('3 appended, 0 already there')])
  expect(await editor.events('/patient')).toHaveLength(4)
})
