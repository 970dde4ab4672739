import { isDeepStrictEqual } from 'node:util'
import type { ItxClient } from '../itx/client/connect.ts'
import { ItxError, itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import type { EncodedEvent, EncodedInput, Receipt } from '../streams/event.ts'
import { parseEnvelope } from '../streams/event-input.ts'
import { type Arguments, connect, pathArgument } from './arguments.ts'
import { linesOf } from './lines.ts'
import { finishWithoutReader, print, say } from './output.ts'

const BATCH_EVENTS = 1000
const BATCH_UNITS = 4 * 1024 * 1024
/** How long a batch waits for more. */
const BATCH_MS = 50
const PROGRESS_MS = 500

interface Entry {
  readonly line: number
  readonly input: EncodedInput
}

/**
 * `append <path>`: NDJSON from standard input, in batches, each all or nothing. A receipt per event on standard output,
 * progress on standard error. With `--resume NAME` each line without a key of its own gets NAME and its number as the
 * key, so that a run that broke off is repeated and adds only what was missing.
 */
export async function appendCommand(args: Arguments): Promise<void> {
  const path = pathArgument(args)
  const client = connect(args)
  finishWithoutReader()
  try {
    await appendEntries(client, path, entriesOf(process.stdin, args.option('resume')), {
      compareDuplicates: args.option('resume') !== undefined,
      onReceipts: (receipts) => print(receipts.map((receipt) => `${JSON.stringify(receipt)}\n`).join('')),
    })
  } finally {
    // Input that is still open would keep the process alive after an error.
    process.stdin.destroy()
    client.close()
  }
}

interface AppendOptions {
  readonly compareDuplicates: boolean
  readonly onReceipts?: (receipts: readonly Receipt[]) => Promise<void>
}

/** Appends entries in order, batch after batch. */
export async function appendEntries(
  client: ItxClient,
  path: string,
  entries: AsyncIterable<Entry>,
  { compareDuplicates, onReceipts }: AppendOptions,
): Promise<{ readonly stored: number; readonly duplicates: number }> {
  const count = { stored: 0, duplicates: 0 }
  let saidAt = Date.now()
  for await (const batch of batchesOf(entries)) {
    const receipts = await appendBatch(client, path, batch)
    if (compareDuplicates) await checkDuplicates(client, path, batch, receipts)
    const duplicates = receipts.filter((receipt) => receipt.duplicate).length
    count.duplicates += duplicates
    count.stored += receipts.length - duplicates
    await onReceipts?.(receipts)
    if (Date.now() - saidAt >= PROGRESS_MS) {
      saidAt = Date.now()
      say(`${path}: ${count.stored} appended, ${count.duplicates} already there`)
    }
  }
  say(`${path}: ${count.stored} appended, ${count.duplicates} already there`)
  return count
}

async function* entriesOf(input: AsyncIterable<Uint8Array>, resume: string | undefined): AsyncGenerator<Entry> {
  for await (const [line, text] of linesOf(input)) {
    const parsed = atLine(line, () => parseEnvelope(text))
    const keyed = resume === undefined || parsed.idempotencyKey !== undefined
    yield { line, input: keyed ? parsed : { ...parsed, idempotencyKey: `${resume}:${line}` } }
  }
}

/**
 * Batches of what comes. One is closed when it is full, or a moment after its first entry: a source that is slow is
 * written down as it speaks, one that is fast goes in full batches.
 */
async function* batchesOf(entries: AsyncIterable<Entry>): AsyncGenerator<readonly Entry[]> {
  const source = entries[Symbol.asyncIterator]()
  const next = () => {
    const result = source.next()
    // Looked at only after the batch before it: until then a failure is nobody's.
    result.catch(() => {})
    return result
  }
  let coming = next()
  for (let first = await coming; !first.done; first = await coming) {
    const batch: Entry[] = [first.value]
    let units = sizeOf(first.value)
    coming = next()
    const { signal, done } = moment(BATCH_MS)
    while (batch.length < BATCH_EVENTS) {
      const result = await Promise.race([coming, signal])
      if (result === 'over' || result.done || units + sizeOf(result.value) > BATCH_UNITS) break
      batch.push(result.value)
      units += sizeOf(result.value)
      coming = next()
    }
    done()
    yield batch
  }
}

function sizeOf({ input }: Entry): number {
  return (input.payload?.length ?? 0) + (input.metadata?.length ?? 0)
}

function moment(ms: number): { readonly signal: Promise<'over'>; readonly done: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  const signal = new Promise<'over'>((resolve) => (timer = setTimeout(() => resolve('over'), ms)))
  return { signal, done: () => clearTimeout(timer) }
}

/** Lines with keys are sent again by the client while the connection is broken; those without are not. */
async function appendBatch(client: ItxClient, path: string, batch: readonly Entry[]): Promise<readonly Receipt[]> {
  try {
    return await client.appendEncoded(
      path,
      batch.map((entry) => entry.input),
    )
  } catch (error) {
    throw located(error, batch)
  }
}

/** Says which lines an error is about, and whether anything of them may be stored. */
function located(error: unknown, batch: readonly Entry[]): ItxError {
  const code = itxErrorCode(error) ?? 'UNAVAILABLE'
  const details = itxErrorDetails(error)
  if (details?.['reason'] !== 'unknown-outcome') {
    return new ItxError(code, `lines ${span(batch)}, nothing of them is stored: ${messageOf(error)}`, details)
  }
  const why = messageOf((error as Error).cause)
  const message = `lines ${span(batch)} may or may not be stored (${why}); with keys or --resume they can be repeated`
  return new ItxError(code, message, { reason: 'unknown-outcome' })
}

function span(batch: readonly Entry[]): string {
  return `${batch[0]?.line} to ${batch.at(-1)?.line}`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** @throws {ItxError} CONFLICT when a key was used before for something else. */
async function checkDuplicates(
  client: ItxClient,
  path: string,
  batch: readonly Entry[],
  receipts: readonly Receipt[],
): Promise<void> {
  const offsets = receipts.filter((receipt) => receipt.duplicate).map((receipt) => receipt.offset)
  if (offsets.length === 0) return
  const stored = await readOffsets(client, path, offsets)
  batch.forEach(({ line, input }, i) => {
    const receipt = receipts[i]
    if (!receipt?.duplicate) return
    const event = stored.get(receipt.offset)
    if (event && sameContent(input, event)) return
    throw new ItxError(
      'CONFLICT',
      `line ${line} differs from what was appended under its key ${JSON.stringify(input.idempotencyKey)} at offset ${receipt.offset}`,
      { reason: 'content', line, offset: receipt.offset, idempotencyKey: input.idempotencyKey },
    )
  })
}

async function readOffsets(
  client: ItxClient,
  path: string,
  offsets: readonly number[],
): Promise<Map<number, EncodedEvent>> {
  const wanted = new Set(offsets)
  const found = new Map<number, EncodedEvent>()
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    if (found.has(offset)) continue
    // Duplicates of one run lie together: one page usually brings a whole batch of them.
    const page = await client.onStream(path, (stream) => stream.read({ after: offset - 1, limit: BATCH_EVENTS }))
    for (const event of page.events) if (wanted.has(event.offset)) found.set(event.offset, event)
  }
  return found
}

function sameContent(input: EncodedInput, event: EncodedEvent): boolean {
  return (
    input.type === event.type &&
    sameJson(input.payload, event.payload) &&
    sameJson(input.metadata, event.metadata) &&
    isDeepStrictEqual(input.source ?? null, event.source ?? null)
  )
}

function sameJson(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true
  return a !== undefined && b !== undefined && isDeepStrictEqual(exactly(a), exactly(b))
}

/** A JSON value that keeps apart the large integers which a number would take for one another. */
function exactly(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? { number: context?.source } : value,
  )
}

function atLine<T>(line: number, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const code = itxErrorCode(error)
    if (code === undefined) throw error
    throw new ItxError(code, `line ${line}: ${(error as Error).message}`, { ...(error as ItxError).details, line })
  }
}
