import { closeSync, openSync, readFileSync, readdirSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { messagesJson } from './messages.ts'
import type { BenchDirectory } from './place.ts'
import { type StreamServer, startPublished } from './stream-server.ts'
import { Connection } from './wire.ts'

/** Streams of very many messages, as very many appends leave them. */

/** Messages that are appended, or written to a file, at once while a stream is filled. */
const AT_ONCE = 10_000

const JSON_TYPE = { 'content-type': 'application/json' }

/** What our server holds then is the same in whatever portions it came. */
export async function fillStream(server: StreamServer, name: string, messages: number): Promise<void> {
  await appendPortions(server, name, messages, AT_ONCE)
}

interface Kept {
  readonly messages: number
  /** Messages of an append: the published server keeps appends as they came. */
  readonly portion: number
}

/**
 * Fills streams of the published server. A million appends would take it many minutes, so all but the first of each stream
 * are written to its files as it writes them itself. It finds the new ends when it starts, as after a crash.
 */
export async function publishedWith(
  directory: BenchDirectory,
  streams: Readonly<Record<string, Kept>>,
): Promise<StreamServer> {
  const before = await startPublished(directory)
  const files = new Map<string, Kept>()
  for (const [name, kept] of Object.entries(streams)) {
    const known = new Set(segmentsUnder(directory.path))
    await appendPortions(before, name, kept.portion, kept.portion)
    const [file = '', ...others] = segmentsUnder(directory.path).filter((each) => !known.has(each))
    if (others.length > 0 || !readFileSync(file).equals(frame(0, kept.portion))) {
      throw new Error(`the published server keeps messages in another form than is known here: ${name}`)
    }
    files.set(file, kept)
  }
  await before.stop()
  for (const [file, kept] of files) extend(file, kept)
  return startPublished(directory)
}

async function appendPortions(
  { port, prefix, headers }: StreamServer,
  name: string,
  messages: number,
  portion: number,
): Promise<void> {
  const connection = await Connection.open(port)
  const path = `${prefix}${name}`
  await connection.ask({ method: 'PUT', path, headers: { ...headers, ...JSON_TYPE } }, 201)
  for (let first = 0; first < messages; first += portion) {
    const body = `[${messagesJson(first, portion)}]`
    await connection.ask({ method: 'POST', path, headers: { ...headers, ...JSON_TYPE }, body }, 204)
  }
  connection.close()
}

/** An append as the published server keeps it: its length, its messages with a comma behind each, the end of the line. */
function frame(first: number, portion: number): Buffer {
  const messages = Buffer.from(`${messagesJson(first, portion)},`)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(messages.length)
  return Buffer.concat([length, messages, Buffer.from('\n')])
}

function extend(file: string, { messages, portion }: Kept): void {
  const end = openSync(file, 'a')
  for (let from = portion; from < messages; from += AT_ONCE) {
    const frames: Buffer[] = []
    for (let first = from; first < Math.min(from + AT_ONCE, messages); first += portion) {
      frames.push(frame(first, portion))
    }
    writeSync(end, Buffer.concat(frames))
  }
  closeSync(end)
}

function segmentsUnder(directory: string): string[] {
  const root = join(directory, 'streams')
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((path) => statSync(path).isFile())
}
