import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ServerProcess, eventually, rawRequest, runCli, startCli, temporaryDirectory } from '../src/server/testing.ts'

// The server is killed in the middle of everything, three times: what was acknowledged is there, once, and whoever
// follows misses nothing and sees nothing twice.

const WRITERS = 16
const KILLS = 3
const ENVELOPE = 'application/vnd.tributary.event+json'

let dataDir: string
let server: ServerProcess
let port: string
beforeAll(async () => {
  dataDir = temporaryDirectory()
  server = await ServerProcess.ready({ TRIBUTARY_DATA_DIR: dataDir })
  port = String(server.port)
})
afterAll(async () => {
  server.kill('SIGKILL')
  await server.finished
  rmSync(dataDir, { recursive: true, force: true })
})

async function killAndRestart(): Promise<void> {
  server.kill('SIGKILL')
  await server.finished
  server = await ServerProcess.ready({ TRIBUTARY_DATA_DIR: dataDir, PORT: port })
}

test(
  'nothing that was acknowledged is lost or doubled, and followers see every event once',
  { timeout: 180_000 },
  async () => {
    const made = await runCli(['token', 'create', '--project', 'demo', '--role', 'editor'], {
      env: { TRIBUTARY_DATA_DIR: dataDir },
    })
    const token = made.stdout.trim()
    const authorization = `Bearer ${token}`
    const cli = { TRIBUTARY_URL: `http://127.0.0.1:${port}`, TRIBUTARY_TOKEN: token, TRIBUTARY_PROJECT: 'demo' }
    const request = async (method: string, path: string, type: string, body?: string) => {
      try {
        const headers = { authorization, 'content-type': type }
        return await rawRequest(Number(port), `/api/streams/demo${path}`, {
          method,
          headers,
          ...(body === undefined ? {} : { body }),
        })
      } catch {
        return null
      }
    }
    await request('PUT', '/raw', 'application/json')

    const enough = new AbortController()
    const keyed: string[] = []
    const raw: string[] = []
    /** With keys: repeated until it is acknowledged. Every third batch is sent again even then. */
    const keyedWriter = async (w: number) => {
      for (let n = 0; !enough.signal.aborted; n++) {
        const ids = [0, 1, 2].map((i) => `${w}-${n}-${i}`)
        const body = JSON.stringify(ids.map((id) => ({ type: 'keyed', payload: id, idempotencyKey: id })))
        // The stream is made by whoever comes first, with its ancestors: half of the writers share one.
        const path = w % 2 === 0 ? '/keyed/shared' : `/keyed/own/${w}`
        for (;;) {
          const answer = await request('POST', path, ENVELOPE, body)
          if (answer?.status === 200) break
          if (answer !== null) expect(answer.status).toBe(503)
        }
        if (n % 3 === 0) await request('POST', path, ENVELOPE, body)
        keyed.push(...ids)
      }
    }
    /** Without keys: sent once. What is not acknowledged may be there or not. */
    const rawWriter = async (w: number) => {
      for (let n = 0; !enough.signal.aborted; n++) {
        const ids = [`r${w}-${n}-0`, `r${w}-${n}-1`]
        const answer = await request('POST', '/raw', 'application/json', JSON.stringify(ids))
        if (answer?.status === 204) raw.push(...ids)
      }
    }
    const tail = startCli(['tail', '/keyed/shared', '--after', 'start'], cli)
    const writers = Array.from({ length: WRITERS }, (_, w) => (w % 4 === 3 ? rawWriter(w) : keyedWriter(w)))
    for (let kill = 0; kill < KILLS; kill++) {
      const [keyedBefore, rawBefore] = [keyed.length, raw.length]
      await eventually(() => keyed.length > keyedBefore + 500 && raw.length > rawBefore + 50)
      await killAndRestart()
    }
    const afterLast = keyed.length
    await eventually(() => keyed.length > afterLast + 100)
    enough.abort()
    await Promise.all(writers)

    const read = async (path: string) => {
      const done = await runCli(['read', path], { env: cli })
      expect([done.code, done.stderr]).toEqual([0, ''])
      return done.stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { offset: number; type: string; payload: string; createdAt: string })
    }
    const own = Array.from({ length: WRITERS }, (_, w) => w).filter((w) => w % 2 === 1 && w % 4 !== 3)
    const shared = await read('/keyed/shared')
    const streams = [shared, await read('/raw'), ...(await Promise.all(own.map((w) => read(`/keyed/own/${w}`))))]
    for (const events of streams) {
      expect(events.map(({ offset }) => offset)).toEqual(events.map((_, i) => i + 1))
      expect(events.map(({ createdAt }) => createdAt)).toEqual(events.map(({ createdAt }) => createdAt).toSorted())
    }
    const ids = streams
      .flat()
      .filter(({ type }) => type === 'keyed' || type === 'message')
      .map(({ payload }) => payload)
    const stored = new Set(ids)
    expect(stored.size).toBe(ids.length)
    expect([...keyed, ...raw].filter((id) => !stored.has(id))).toEqual([])
    // A batch is there whole or not at all.
    const batches = Map.groupBy(ids, (id) => id.slice(0, id.lastIndexOf('-')))
    expect([...batches].filter(([batch, members]) => members.length !== (batch.startsWith('r') ? 2 : 3))).toEqual([])

    await eventually(() => tail.stdout.split('\n').length > shared.length)
    tail.kill('SIGTERM')
    const followed = (await tail.finished).stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as object)
    expect(followed).toEqual(shared)
  },
)
