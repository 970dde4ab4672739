import { closeSync, openSync, readFileSync, readdirSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { messageJson, messagesJson } from './messages.ts'
import type { BenchDirectory } from './place.ts'
import { type StreamServer, startPublished } from './stream-server.ts'
import { Connection } from './wire.ts'

/** Streams of very many messages, as that many appends of one message each leave them. */

/** Messages of one append while a stream is filled. */
const FILL = 10_000

const JSON_TYPE = { 'content-type': 'application/json' }

/** Appends messages, so many at a time. What our server then holds is the same in whatever portions they came. */
export async function fillStream(
  { port, prefix, headers }: StreamServer,
  name: string,
  messages: number,
  portion = FILL,
): Promise<void> {
  const connection = await Connection.open(port)
  const path = `${prefix}${name}`
  await connection.ask({ method: 'PUT', path, headers: { ...headers, ...JSON_TYPE } }, 201)
  for (let first = 0; first < messages; first += portion) {
    const body = messagesJson(first, Math.min(portion, messages - first))
    await connection.ask({ method: 'POST', path, headers: { ...headers, ...JSON_TYPE }, body }, 204)
  }
  connection.close()
}

/**
 * Fills streams of the published server, which keeps an append as it came: one message each. A million appends would take it
 * many minutes, so all but the first are written to its files as it writes them itself. It finds the new end of each when it
 * starts, as after a crash.
 */
export async function publishedWith(
  directory: BenchDirectory,
  streams: Readonly<Record<string, number>>,
): Promise<StreamServer> {
  const before = await startPublished(directory)
  const files = new Map<string, number>()
  for (const [name, messages] of Object.entries(streams)) {
    const known = new Set(segmentsUnder(directory.path))
    await fillStream(before, name, 1)
    const [file = '', ...others] = segmentsUnder(directory.path).filter((each) => !known.has(each))
    if (others.length > 0 || !readFileSync(file).equals(frame(0))) {
      throw new Error(`the published server keeps messages in another form than is known here: ${name}`)
    }
    files.set(file, messages)
  }
  await before.stop()
  for (const [file, messages] of files) extend(file, messages)
  return startPublished(directory)
}

/** A message as the published server keeps it: its length, itself with a comma behind it, the end of the line. */
function frame(n: number): Buffer {
  const message = Buffer.from(`${messageJson(n)},`)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(message.length)
  return Buffer.concat([length, message, Buffer.from('\n')])
}

function extend(file: string, messages: number): void {
  const end = openSync(file, 'a')
  for (let n = 1; n < messages; n += FILL) {
    const count = Math.min(FILL, messages - n)
    writeSync(end, Buffer.concat(Array.from({ length: count }, (_, i) => frame(n + i))))
  }
  closeSync(end)
}

function segmentsUnder(directory: string): string[] {
  const root = join(directory, 'streams')
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((path) => statSync(path).isFile())
}
