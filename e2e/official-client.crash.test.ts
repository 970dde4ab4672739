import { rmSync } from 'node:fs'
import { DurableStream, IdempotentProducer, type StreamResponse, stream } from '@durable-streams/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ServerProcess, eventually, rawRequest, runCli, temporaryDirectory } from '../src/server/testing.ts'

// The published client of the Durable Streams protocol, as it is, through four deaths of the server: a producer whose
// batches overtake each other, and readers of both live modes. Nothing it was told is stored may be missing, nothing may
// be there twice, for whoever follows and for whoever reads afterwards.

const KILLS = 4
/** Messages that every reader must have seen between two kills: several pages of either mode. */
const BETWEEN_KILLS = 400

interface Kind {
  readonly name: string
  readonly contentType: string
  /** How the producer writes a line. */
  write(line: string): string
  subscribe(session: StreamResponse, take: (batch: Batch) => void): () => void
}

interface Batch {
  readonly text: string
  /** What to go on after. */
  readonly offset: string
}

/** A message: its number, of fixed width so that they can be counted. */
const lineOf = (n: number) => `${String(n).padStart(9, '0')}\n`
const LINE = lineOf(0).length

const KINDS: readonly Kind[] = [
  {
    name: 'JSON messages',
    contentType: 'application/json',
    write: (line) => JSON.stringify({ line }),
    subscribe: (session, take) =>
      session.subscribeJson<{ line: string }>(({ items, offset }) =>
        take({ text: items.map(({ line }) => line).join(''), offset }),
      ),
  },
  {
    name: 'bytes',
    contentType: 'application/octet-stream',
    write: (line) => line,
    subscribe: (session, take) =>
      session.subscribeBytes(({ data, offset }) => take({ text: Buffer.from(data).toString('latin1'), offset })),
  },
]

let dataDir: string
let server: ServerProcess
let headers: { authorization: string }
let port: number
beforeAll(async () => {
  dataDir = temporaryDirectory()
  server = await ServerProcess.ready({ TRIBUTARY_DATA_DIR: dataDir })
  port = server.port
  // An editor may append, and not close.
  const made = await runCli(['token', 'create', '--project', 'demo', '--role', 'operator'], {
    env: { TRIBUTARY_DATA_DIR: dataDir },
  })
  headers = { authorization: `Bearer ${made.stdout.trim()}` }
})
afterAll(async () => {
  server.kill('SIGKILL')
  await server.finished
  rmSync(dataDir, { recursive: true, force: true })
})

async function killAndRestart(): Promise<void> {
  server.kill('SIGKILL')
  await server.finished
  server = await ServerProcess.ready({ TRIBUTARY_DATA_DIR: dataDir, PORT: String(port) })
}

const isUp = () =>
  rawRequest(port, '/healthz', {}).then(
    ({ status }) => status === 200,
    () => false,
  )

/** The producer numbers its batches, so that repeating one is safe; but it leaves the repeating to its `fetch`. */
async function fetchUntilAnswered(...request: Parameters<typeof fetch>): Promise<Response> {
  for (;;) {
    const response = await fetch(...request).catch(() => null)
    if (response && response.status < 500) return response
    await eventually(isUp)
  }
}

/** Follows to the end of the stream. A session that broke is opened again after the last batch that was taken. */
class Follower {
  seen = ''
  /** Sessions that broke. */
  broken = 0
  readonly finished: Promise<string>

  constructor(kind: Kind, url: string, live: false | 'long-poll' | 'sse') {
    this.finished = this.#follow(kind, url, live)
  }

  /** The offset at the end of the stream. */
  async #follow(kind: Kind, url: string, live: false | 'long-poll' | 'sse'): Promise<string> {
    let offset = '-1'
    for (;;) {
      const session = await stream({ url, headers, live, offset, sseResilience: { logWarnings: false } })
      let over = false
      const leave = kind.subscribe(session, (batch) => {
        // What a broken session still had in hand is read again.
        if (over) return
        this.seen += batch.text
        offset = batch.offset
      })
      try {
        await session.closed
        // It says so while its last batch is still to be handed over.
        if (session.streamClosed) {
          await eventually(() => offset === session.offset)
          return offset
        }
      } catch {
        this.broken++
      }
      over = true
      leave()
    }
  }
}

test.each(KINDS)('$name: all that was acknowledged reaches every reader, once and in order', async (kind) => {
  const url = `http://127.0.0.1:${port}/api/streams/demo/crash/${kind.contentType.replace('/', '-')}`
  const handle = await DurableStream.create({ url, headers, contentType: kind.contentType })
  const failures: Error[] = []
  // Batches of a few messages, five on their way at a time.
  const producer = new IdempotentProducer(handle, 'writer', {
    fetch: fetchUntilAnswered,
    maxBatchBytes: 256,
    onError: (error) => failures.push(error),
  })
  const followers = (['long-poll', 'sse'] as const).map((live) => new Follower(kind, url, live))

  const enough = new AbortController()
  let written = 0
  const write = async () => {
    while (!enough.signal.aborted) {
      for (let i = 0; i < 100; i++) producer.append(kind.write(lineOf(written++)))
      await producer.flush()
    }
  }
  const writer = write()
  for (let kill = 0; kill < KILLS; kill++) {
    const before = followers.map(({ seen }) => seen.length)
    await eventually(() => {
      if (failures[0]) throw failures[0]
      return followers.every(({ seen }, i) => seen.length > (before[i] ?? 0) + BETWEEN_KILLS * LINE)
    })
    await killAndRestart()
  }
  enough.abort()
  await writer
  const { finalOffset } = await producer.close(kind.write(lineOf(written++)))
  const afterwards = new Follower(kind, url, false)
  const ends = await Promise.all([...followers, afterwards].map(({ finished }) => finished))

  expect(failures).toEqual([])
  expect(ends).toEqual([finalOffset, finalOffset, finalOffset])
  const all = Array.from({ length: written }, (_, n) => lineOf(n)).join('')
  for (const { seen } of [...followers, afterwards]) expect(seen.split('\n')).toEqual(all.split('\n'))
  // The kills did hit somebody.
  expect(followers.reduce((sum, { broken }) => sum + broken, 0)).toBeGreaterThan(0)
})
