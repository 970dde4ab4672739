import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { ItxClient } from '../itx/client/connect.ts'
import type { ExportPage, ImportChunk, WireState } from '../itx/handle.ts'
import { ItxError } from '../streams/errors.ts'
import type { EncodedEvent } from '../streams/event.ts'
import { parsePath } from '../streams/path.ts'
import { type Arguments, connect, pathArgument } from './arguments.ts'
import { linesOf } from './lines.ts'
import { print, say } from './output.ts'
import { type FileHead, FileWriter, readStreamFile } from './stream-file.ts'

const CHUNK_EVENTS = 1000
const CHUNK_UNITS = 4 * 1024 * 1024

/** `export <path> [--output FILE]`: the whole stream as a file of lines. */
export async function exportCommand(args: Arguments): Promise<void> {
  const path = pathArgument(args)
  const output = args.option('output')
  const client = connect(args)
  try {
    const exported = output === undefined ? await exportTo(client, path, print) : await exportFile(client, path, output)
    say(`${exported.path}: offsets ${exported.firstOffset} to ${exported.maxOffset} exported`)
  } finally {
    client.close()
  }
}

/** Writes beside the file first: what has its name is whole. */
async function exportFile(client: ItxClient, path: string, file: string): Promise<ExportPage> {
  const part = `${file}.part`
  const stream = createWriteStream(part)
  const written = finished(stream)
  // Looked at in the end; until then a failure is seen by the next write.
  written.catch(() => {})
  try {
    const exported = await exportTo(client, path, async (text) => {
      if (!stream.write(text)) await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), written])
    })
    stream.end()
    await written
    await rename(part, file)
    return exported
  } catch (error) {
    stream.destroy()
    await rm(part, { force: true })
    throw error
  }
}

async function exportTo(client: ItxClient, path: string, write: (text: string) => Promise<void>): Promise<ExportPage> {
  const writer = new FileWriter()
  let first: ExportPage | undefined
  for await (const page of client.export(path)) {
    if (first === undefined) await write(writer.head(page))
    first ??= page
    await write(writer.events(page.events))
  }
  await write(writer.end())
  if (first === undefined) throw new ItxError('INTERNAL', `${path} was exported without a page`)
  return first
}

/**
 * `import <path> [--input FILE] [--continue]`: makes a stream from such a file. A file that is named is checked to its end
 * before anything is stored; of standard input the end is known last, and a stream whose end did not agree is left
 * unfinished. `--continue` goes on with one that was left so.
 */
export async function importCommand(args: Arguments): Promise<void> {
  const path = pathArgument(args)
  const input = args.option('input')
  const client = connect(args)
  try {
    if (input !== undefined) await verify(input)
    const source = input === undefined ? process.stdin : createReadStream(input)
    const { head, events } = await readStreamFile(linesOf(source))
    await importEvents(client, path, head, events, args.has('continue'))
  } finally {
    process.stdin.destroy()
    client.close()
  }
}

async function verify(file: string): Promise<void> {
  const { events } = await readStreamFile(linesOf(createReadStream(file)))
  for await (const _event of events);
}

async function importEvents(
  client: ItxClient,
  path: string,
  head: FileHead,
  events: AsyncIterable<EncodedEvent>,
  goOn: boolean,
): Promise<void> {
  const state = await client.state(path)
  if (state.exists && !goOn) {
    const unfinished = state.importing ? '; --continue goes on with its import' : ''
    throw new ItxError('CONFLICT', `${state.path} exists already${unfinished}`, { reason: 'exists', path: state.path })
  }
  if (state.exists) checkCanContinue(state, head)
  let incarnationId = state.exists ? state.incarnationId : null
  let maxOffset = state.exists ? state.maxOffset : head.firstOffset - 1
  const send = async (batch: readonly EncodedEvent[], last: boolean) => {
    const chunk: ImportChunk = {
      events: batch,
      last,
      ...(incarnationId === null ? { head: headOf(head) } : { incarnationId }),
    }
    const imported = await client.import(path, chunk)
    incarnationId = imported.incarnationId
    maxOffset = imported.maxOffset
    if (process.stderr.isTTY) say(`${maxOffset} of ${head.maxOffset} imported`)
  }
  let batch: EncodedEvent[] = []
  let units = 0
  try {
    for await (const event of events) {
      if (state.exists && event.offset <= state.maxOffset) {
        if (event.offset === state.maxOffset) await checkSame(client, path, event)
        continue
      }
      const size = (event.payload?.length ?? 0) + (event.metadata?.length ?? 0)
      if (batch.length === CHUNK_EVENTS || (batch.length > 0 && units + size > CHUNK_UNITS)) {
        await send(batch, false)
        batch = []
        units = 0
      }
      batch.push(event)
      units += size
    }
    // Only now is it certain that the file is whole.
    if (batch.length > 0 || state.importing) await send(batch, true)
  } catch (error) {
    if (incarnationId !== null) say(`${parsePath(path)} is unfinished, up to offset ${maxOffset}: see --continue`)
    throw error
  }
  say(`${parsePath(path)}: offsets ${head.firstOffset} to ${maxOffset} imported`)
}

function headOf({ contentType, firstOffset, baseState }: FileHead): NonNullable<ImportChunk['head']> {
  return { contentType, firstOffset, ...(baseState === null ? {} : { baseState }) }
}

/** @throws {ItxError} CONFLICT when a stream that is there cannot be the beginning of the file, or the whole of it. */
function checkCanContinue({ path, firstOffset, maxOffset, importing }: WireState, head: FileHead): void {
  if (firstOffset === head.firstOffset && (importing ? maxOffset <= head.maxOffset : maxOffset === head.maxOffset))
    return
  const range = (from: number, to: number) => `offsets ${from} to ${to}`
  throw new ItxError(
    'CONFLICT',
    `${path} is no unfinished import of this file: it has ${range(firstOffset, maxOffset)}, the file ${range(head.firstOffset, head.maxOffset)}`,
    { reason: 'imported', path, firstOffset, maxOffset },
  )
}

/** @throws {ItxError} CONFLICT when what was imported so far came out of another file. */
async function checkSame(client: ItxClient, path: string, event: EncodedEvent): Promise<void> {
  const stored = await client.onStream(path, (stream) => stream.getEvent({ offset: event.offset }))
  const same =
    stored !== null &&
    stored.type === event.type &&
    stored.createdAt === event.createdAt &&
    stored.idempotencyKey === event.idempotencyKey &&
    // Events that speak of their place carry a mark once they are imported.
    (stored.payload === event.payload || event.type.startsWith('stream/'))
  if (same) return
  throw new ItxError('CONFLICT', `event ${event.offset} of ${parsePath(path)} is not the one in this file`, {
    reason: 'content',
    offset: event.offset,
  })
}
