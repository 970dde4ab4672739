import { rmSync } from 'node:fs'
import { runConformanceTests } from '@durable-streams/server-conformance-tests'
import { afterAll, beforeAll } from 'vitest'
import { ServerProcess, TestTributary, runCli, temporaryDirectory } from '../src/server/testing.ts'

// The published conformance suite of the Durable Streams protocol, as it is, against the built server. How many tests it
// has is pinned in scripts/suites.mjs: one that did not run must not pass for one that holds.
//
// CONFORMANCE_OF=source (`npm run test:conformance`) asks the sources instead, in this process: no build, for developing.

/** Short enough for the test that waits for an empty answer, long enough for those that append while one waits. */
const SETTINGS = { TRIBUTARY_LONG_POLL_MS: '2000' }

// The suite reads the address when a test runs, so the server may start after the tests were listed.
const options = { baseUrl: '', subscriptions: true }

interface Subject {
  readonly port: number
  readonly token: string
  stop(): Promise<void>
}

async function startSource(): Promise<Subject> {
  const tributary = await TestTributary.start(SETTINGS)
  const stop = async () => {
    await tributary.stop()
    for (const [message, error] of tributary.logged as [string, unknown][]) console.error(message, error)
  }
  return { port: tributary.port, token: tributary.token('admin'), stop }
}

async function startBuild(): Promise<Subject> {
  const dataDir = temporaryDirectory()
  const env = { TRIBUTARY_DATA_DIR: dataDir }
  const server = await ServerProcess.ready({ ...SETTINGS, ...env })
  const stop = async () => {
    server.kill('SIGKILL')
    const { stderr } = await server.finished
    if (stderr !== '') console.error(stderr)
    rmSync(dataDir, { recursive: true, force: true })
  }
  const made = await runCli(['token', 'create', '--project', 'demo', '--role', 'admin'], { env })
  if (made.code !== 0) throw new Error(`no token for the suite: ${made.stderr}`)
  return { port: server.port, token: made.stdout.trim(), stop }
}

/** `fetch` with the token for our server. A preflight carries none, and a woken worker brings its own. */
function withToken(fetchAsItIs: typeof fetch, token: string): typeof fetch {
  return (input, init) => {
    const url = input instanceof Request ? input.url : String(input)
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined))
    const isOurs = url.startsWith(`${options.baseUrl}/`)
    if (!isOurs || init?.method === 'OPTIONS' || headers.has('authorization')) return fetchAsItIs(input, init)
    headers.set('authorization', `Bearer ${token}`)
    return fetchAsItIs(input, { ...init, headers })
  }
}

const fetchAsItIs = globalThis.fetch
let subject: Subject | undefined

beforeAll(async () => {
  subject = await (process.env['CONFORMANCE_OF'] === 'source' ? startSource() : startBuild())
  options.baseUrl = `http://localhost:${subject.port}/api/streams/demo`
  globalThis.fetch = withToken(fetchAsItIs, subject.token)
})

afterAll(async () => {
  globalThis.fetch = fetchAsItIs
  await subject?.stop()
})

runConformanceTests(options)
