import { execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectItx } from '../itx/client/connect.ts'
import {
  CHECKOUT,
  PASSWORD,
  type RawResponse,
  ServerProcess,
  type TestProcess,
  eventually,
  rawRequest,
  runCli,
  temporaryDirectory,
} from './testing.ts'

// The real server as a process of its own: how it starts, and how it ends.

let dataDir: string
const servers: TestProcess[] = []
beforeEach(() => (dataDir = temporaryDirectory()))
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.kill('SIGKILL')
    await server.finished
  }
  rmSync(dataDir, { recursive: true, force: true })
})

async function start(env: Record<string, string> = {}): Promise<ServerProcess> {
  const server = await ServerProcess.ready({ TRIBUTARY_DATA_DIR: dataDir, ...env })
  servers.push(server)
  return server
}

function launch(env: Record<string, string> = {}): ServerProcess {
  const server = new ServerProcess({ TRIBUTARY_DATA_DIR: dataDir, ...env })
  servers.push(server)
  return server
}

async function editorToken(directory = dataDir): Promise<string> {
  const made = await runCli(['token', 'create', '--project', 'demo', '--role', 'editor'], {
    env: { TRIBUTARY_DATA_DIR: directory },
  })
  return made.stdout.trim()
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

const send = (server: ServerProcess, target: string, token: string, body?: string): Promise<RawResponse> =>
  rawRequest(server.port, target, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/vnd.tributary.event+json' },
    ...(body === undefined ? {} : { body }),
  })

/** Every event of a stream, over as many pages as it takes. */
async function readAll(server: ServerProcess, token: string, path: string): Promise<Record<string, unknown>[]> {
  const read = await runCli(['read', path], {
    env: { TRIBUTARY_URL: server.url, TRIBUTARY_TOKEN: token, TRIBUTARY_PROJECT: 'demo' },
  })
  return read.stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('starting', () => {
  test('prints where it is, and while there is no admin a link to make one; healthy only after that', async () => {
    const port = await freePort()
    // Printed into a file: what is in it when the first healthy answer comes was written before that answer.
    const log = join(dataDir, 'log')
    const file = openSync(log, 'w')
    const env = {
      PATH: process.env['PATH'],
      TRIBUTARY_DATA_DIR: dataDir,
      PORT: String(port),
    } as unknown as NodeJS.ProcessEnv
    const child = spawn(process.execPath, [join(CHECKOUT, 'src/server/main.ts')], {
      env,
      stdio: ['ignore', file, 'inherit'],
    })
    closeSync(file)
    let printed = ''
    await eventually(async () => {
      const status = await rawRequest(port, '/healthz', {}).then(
        (answer) => answer.status,
        () => 503,
      )
      printed = readFileSync(log, 'utf8')
      expect([200, 503]).toContain(status)
      return status === 200
    })
    child.kill('SIGKILL')
    expect(printed).toMatch(
      new RegExp(
        `^Tributary is ready at http://localhost:${port}\\n.*http://localhost:${port}/setup/[A-Za-z0-9_-]{43}\\n$`,
      ),
    )
  })

  test('the link works once; then no more is printed', async () => {
    const server = await start()
    const [, token] = /\/setup\/(\S+)/.exec(server.stdout)!
    const page = await rawRequest(server.port, `/setup/${token}`, {})
    expect(page.status).toBe(200)
    const setUp = () =>
      rawRequest(server.port, '/api/setup', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token, name: 'Root', email: 'root@example.com', password: PASSWORD }),
      })
    expect([(await setUp()).status, (await setUp()).status]).toEqual([201, 403])
    server.kill('SIGTERM')
    await server.finished
    expect((await start()).stdout).not.toContain('setup')
  })

  test('the first admin can be made unattended', async () => {
    const env = { TRIBUTARY_BOOTSTRAP_EMAIL: 'root@example.com', TRIBUTARY_BOOTSTRAP_PASSWORD: PASSWORD }
    const server = await start(env)
    expect(server.stdout).not.toContain('setup')
    const signIn = await rawRequest(server.port, '/api/auth/sign-in/email', {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: server.url },
      body: JSON.stringify({ email: 'root@example.com', password: PASSWORD }),
    })
    expect(signIn.status).toBe(200)
    expect(signIn.headers['set-cookie']?.join()).toMatch(/^tributary\.session_token=[^;]+;.*HttpOnly; SameSite=Lax/)
    expect(server.stdout + server.stderr).not.toContain(PASSWORD)
  })

  test.each<[env: Record<string, string>, message: RegExp]>([
    [{ PORT: 'http' }, /PORT is "http"; allowed: a whole number from 0 to 65535/],
    [{ PORT: '65536' }, /PORT is "65536"/],
    [{ HOST: 'http://x' }, /HOST is "http:\/\/x"; allowed/],
    [{ TRIBUTARY_BASE_URL: 'https://x/path' }, /TRIBUTARY_BASE_URL is "https:\/\/x\/path"; allowed/],
    [{ TRIBUTARY_MAX_EVENT_BYTES: '10' }, /TRIBUTARY_MAX_EVENT_BYTES is "10"; allowed: .*1024/],
    [{ TRIBUTARY_BOOTSTRAP_EMAIL: 'a@example.com' }, /TRIBUTARY_BOOTSTRAP_PASSWORD is not set; allowed/],
  ])('with the settings %j it names variable, value and what is allowed, and ends', async (env, message) => {
    const done = await launch(env).finished
    expect([done.code, done.stdout]).toEqual([1, ''])
    expect(done.stderr).toMatch(message)
    expect(done.stderr).not.toMatch(/^\s+at /m)
  })

  test('several settings that are wrong are named together', async () => {
    const done = await launch({ PORT: 'x', HOST: '/' }).finished
    expect(done.stderr).toMatch(/2 settings are not valid:\n  HOST .*\n  PORT /)
  })

  test('a setting that is none is pointed out', async () => {
    const server = await start({ TRIBUTARY_DATADIR: 'x' })
    expect(server.stderr).toMatch(/warning: TRIBUTARY_DATADIR is not a setting .*nearest one is TRIBUTARY_DATA_DIR/)
  })

  test('on a port that is in use it says so in one line, and ends', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const done = await launch({ PORT: String(port) }).finished
    expect([done.code, done.stdout, done.stderr]).toEqual([1, '', `port ${port} is in use; set PORT to another one\n`])
    other.close()
  })

  test('a second server on the same data directory is refused in one line, and the first goes on', async () => {
    const first = await start()
    const done = await launch().finished
    expect([done.code, done.stdout]).toEqual([1, ''])
    expect(done.stderr).toBe(`another Tributary server is using ${dataDir}; stop it, or set TRIBUTARY_DATA_DIR\n`)
    expect((await rawRequest(first.port, '/healthz', {})).status).toBe(200)
  })

  test('a server waits for the data directory of one that is ending', async () => {
    const token = await editorToken()
    const first = await start()
    await send(first, '/api/streams/demo/a', token, '{"type":"a"}')
    const second = launch()
    first.kill('SIGTERM')
    expect((await first.finished).code).toBe(0)
    await eventually(() => second.stdout.includes('ready'))
    expect(await readAll(second, token, '/a')).toHaveLength(2)
  })

  test('a data directory that cannot be used is named in one line', async () => {
    const file = join(dataDir, 'file')
    writeFileSync(file, '')
    const done = await launch({ TRIBUTARY_DATA_DIR: join(file, 'data') }).finished
    expect([done.code, done.stdout]).toEqual([1, ''])
    expect(done.stderr).toContain(join(file, 'data'))
  })

  test('a control database that is damaged is named, and left as it is', async () => {
    const file = join(dataDir, 'control.db')
    writeFileSync(file, 'this is no database, and long enough to look like one '.repeat(100))
    const before = readFileSync(file)
    const done = await launch().finished
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining(file)])
    expect(readFileSync(file)).toEqual(before)
  })
})

describe('ending', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s, sent twice while many write: status 0, within 10 s, nothing acknowledged is lost',
    async (signal) => {
      const token = await editorToken()
      const server = await start()
      const acknowledged: string[] = []
      const ending = new AbortController()
      const writers = Array.from({ length: 16 }, async (_, w) => {
        for (let n = 0; ; n++) {
          const id = `${w}-${n}`
          const answer = await send(
            server,
            '/api/streams/demo/many',
            token,
            JSON.stringify({ type: 'a', payload: id }),
          ).catch(() => null)
          if (answer?.status === 200) acknowledged.push(id)
          // Once it is ending, every answer must say so; then the connection is refused.
          else if (answer !== null) expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1'])
          if (answer?.status !== 200 && ending.signal.aborted) return
        }
      })
      const client = connectItx({ url: server.url, token, project: 'demo' })
      const bySocket = (async () => {
        for (let n = 0; !ending.signal.aborted; n++) {
          const receipts = await client.append('/many', [{ type: 'a', payload: `socket-${n}` }]).catch(() => null)
          if (receipts !== null) acknowledged.push(`socket-${n}`)
        }
      })()
      await eventually(() => acknowledged.length > 200)
      const from = Date.now()
      ending.abort()
      server.kill(signal)
      server.kill(signal)
      const done = await server.finished
      expect([done.code, done.signal, done.stderr]).toEqual([0, null, ''])
      expect(Date.now() - from).toBeLessThan(10_000)
      client.close()
      await Promise.all([...writers, bySocket])

      const again = await start()
      const stored = (await readAll(again, token, '/many')).map(({ payload }) => payload as string)
      expect(acknowledged.filter((id) => !stored.includes(id))).toEqual([])
      expect(new Set(stored).size).toBe(stored.length)
    },
  )

  test('a second signal a moment later changes nothing', async () => {
    const server = await start()
    server.kill('SIGTERM')
    await new Promise((resolve) => setImmediate(resolve))
    server.kill('SIGTERM')
    expect((await server.finished).code).toBe(0)
  })

  test('while a request is stuck and sockets are open it ends all the same', async () => {
    const token = await editorToken()
    const server = await start()
    const client = connectItx({ url: server.url, token, project: 'demo' })
    const abort = new AbortController()
    const following = client.follow('/a', { after: 'start', signal: abort.signal }, () => new Promise(() => {}))
    await client.append('/a', [{ type: 'a' }])
    // A body that never comes to its end.
    const stuck = rawBodyThatNeverEnds(server.port, token)
    await eventually(() => stuck.connected)
    const from = Date.now()
    server.kill('SIGTERM')
    expect((await server.finished).code).toBe(0)
    expect(Date.now() - from).toBeLessThan(10_000)
    abort.abort()
    client.close()
    await following
    stuck.destroy()
  })

  test('while it is starting', async () => {
    const port = await freePort()
    const server = launch({ PORT: String(port) })
    await eventually(() =>
      rawRequest(port, '/', {}).then(
        () => true,
        () => false,
      ),
    )
    server.kill('SIGTERM')
    expect(await server.finished).toMatchObject({ code: 0, stderr: '' })
  })

  test('while it waits for the data directory of another', async () => {
    await start()
    const port = await freePort()
    const waiting = launch({ PORT: String(port) })
    await eventually(() =>
      rawRequest(port, '/', {}).then(
        () => true,
        () => false,
      ),
    )
    const from = Date.now()
    waiting.kill('SIGTERM')
    const done = await waiting.finished
    expect(Date.now() - from).toBeLessThan(10_000)
    expect([done.code, done.stderr]).toEqual([0, ''])
  })

  test('killed at any moment, it starts again without help', async () => {
    const token = await editorToken()
    for (let round = 0; round < 3; round++) {
      const server = await start()
      await send(server, '/api/streams/demo/a', token, '{"type":"a"}')
      server.kill('SIGKILL')
      await server.finished
    }
    expect(await readAll(await start(), token, '/a')).toHaveLength(4)
  })
})

function rawBodyThatNeverEnds(port: number, token: string) {
  const { request } = process.getBuiltinModule('node:http')
  const stuck = { connected: false, destroy: () => {} }
  const outgoing = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/api/streams/demo/a',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
  })
  outgoing.on('error', () => {})
  outgoing.on('socket', (socket) => socket.on('connect', () => outgoing.write('[1,', () => (stuck.connected = true))))
  stuck.destroy = () => void outgoing.destroy()
  return stuck
}

describe('files', () => {
  test('of the build are served for ever, and no others are', async () => {
    const server = await start({
      TRIBUTARY_BOOTSTRAP_EMAIL: 'root@example.com',
      TRIBUTARY_BOOTSTRAP_PASSWORD: PASSWORD,
    })
    const html = (await rawRequest(server.port, '/sign-in', {})).text
    const [asset] = /\/assets\/[\w.-]+\.js/.exec(html)!
    const served = await rawRequest(server.port, asset, {})
    expect([served.status, served.headers['x-content-type-options']]).toEqual([200, 'nosniff'])
    expect(served.headers['cache-control']).toMatch(/max-age=31536000.*immutable/)
    for (const target of [
      '/assets/../server/entry.js',
      '/../server/entry.js',
      '/..%2fserver%2fentry.js',
      '/%2e%2e/server/entry.js',
      '/assets/..%2f..%2fserver%2fentry.js',
      '/..%5cserver%5centry.js',
      '//server/entry.js',
      '/package.json',
      '/app.config.ts',
      `/${'../'.repeat(12)}etc/passwd.txt`,
    ]) {
      const answer = await rawRequest(server.port, target, {})
      // Doubled slashes are led back to where they are one: on this host, whatever they name.
      if (answer.status === 308) expect(answer.headers.location).toBe(`${server.url}/server/entry.js`)
      else expect([target, answer.status]).toEqual([target, 404])
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      expect(answer.text).not.toMatch(/createServerEntry|"dependencies"/)
    }
  })
})

function canMount(): boolean {
  try {
    const directory = temporaryDirectory()
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory], { stdio: 'ignore' })
    execFileSync('umount', [directory], { stdio: 'ignore' })
    rmSync(directory, { recursive: true })
    return true
  } catch {
    return false
  }
}

// Needs the right to mount; `disk-full.test.ts` tests the same without it.
describe.skipIf(!canMount())('on a disk that is really full', () => {
  test('every door says so, nothing is stored by half, and service goes on once there is room', async () => {
    const disk = join(dataDir, 'disk')
    mkdirSync(disk)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk])
    try {
      const env = { TRIBUTARY_DATA_DIR: join(disk, 'data') }
      const server = await start(env)
      const token = await editorToken(join(disk, 'data'))
      const cli = { TRIBUTARY_URL: server.url, TRIBUTARY_TOKEN: token, TRIBUTARY_PROJECT: 'demo' }
      await send(server, '/api/streams/demo/a', token, '{"type":"first"}')
      const filler = join(disk, 'filler')
      writeFileSync(filler, Buffer.alloc(8 * 2 ** 20))
      const stored: number[] = []
      let refused: RawResponse | undefined
      for (let n = 0; refused === undefined; n++) {
        const answer = await send(
          server,
          '/api/streams/demo/a',
          token,
          JSON.stringify([
            { type: 'a', payload: n },
            { type: 'b', payload: 'x'.repeat(200_000) },
          ]),
        )
        if (answer.status === 200) stored.push(n)
        else refused = answer
      }
      expect([refused.status, refused.json]).toMatchObject([
        503,
        { code: 'UNAVAILABLE', details: { reason: 'disk-full' } },
      ])
      const said = await runCli(['append', '/a'], {
        stdin: `{"type":"b","payload":"${'y'.repeat(300_000)}"}\n`,
        env: cli,
      })
      expect([said.code, said.stderr]).toEqual([
        1,
        expect.stringMatching(/^UNAVAILABLE: .*nothing of them is stored: .*the disk is full$/m),
      ])
      const numbers = async (from: ServerProcess) =>
        (await readAll(from, token, '/a')).filter(({ type }) => type === 'a').map(({ payload }) => payload)
      expect(await numbers(server)).toEqual(stored)

      rmSync(filler)
      expect((await send(server, '/api/streams/demo/a', token, '[{"type":"a","payload":-1}]')).status).toBe(200)
      expect(await numbers(server)).toEqual([...stored, -1])
      server.kill('SIGTERM')
      expect((await server.finished).code).toBe(0)
      const again = await start(env)
      expect(await numbers(again)).toEqual([...stored, -1])
      again.kill('SIGKILL')
      await again.finished
    } finally {
      execFileSync('umount', ['-l', disk])
    }
  })
})
