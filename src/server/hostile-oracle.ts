import { expect } from 'vitest'
import type { WireBatch } from '../itx/handle.ts'
import { ITX_ERROR_CODES, type ItxErrorCode, itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import { type EncodedEvent, type Receipt, eventJson } from '../streams/event.ts'
import { CHECKOUT, type TestTributary } from './testing.ts'
import type { HostileEvent } from './hostile-input.ts'

/** What must be so after hostile input, whichever door it came through. */

const PROTOTYPES = [Object, Array, Function, String, Number, Promise, Error, Map, Set].map(
  (each) => each.prototype as object,
)
const keysOfPrototypes = () => PROTOTYPES.map((each) => Reflect.ownKeys(each))

/** What no answer tells: errors of the process that nobody handled, and changes to what all objects share. */
export class Watch implements Disposable {
  readonly unhandled: unknown[] = []
  readonly prototypes = keysOfPrototypes()
  readonly #note = (error: unknown) => void this.unhandled.push(error)

  constructor() {
    process.on('unhandledRejection', this.#note).on('uncaughtException', this.#note)
  }

  [Symbol.dispose](): void {
    process.off('unhandledRejection', this.#note).off('uncaughtException', this.#note)
  }
}

export function checkUnharmed({ unhandled, prototypes }: Watch): void {
  expect(unhandled).toEqual([])
  expect(keysOfPrototypes()).toEqual(prototypes)
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
}

/** Words that only the inside of a server knows. */
const INSIDE = /node_modules|node:internal|file:\/\/|\.ts:\d|\n\s+at /
/** Nobody is sent back much of what they sent. */
const MOST_CHARACTERS = 6000

/** An error that a caller may see: one of the closed set, short, with nothing of the inside in it. @returns its code. */
export function checkFailure(error: unknown): Exclude<ItxErrorCode, 'INTERNAL'> {
  const code = itxErrorCode(error)
  if (code === undefined || code === 'INTERNAL') throw error
  const { message } = error as { message?: unknown }
  expect(message).toBeTypeOf('string')
  checkText(JSON.stringify({ message, details: itxErrorDetails(error) }))
  return code
}

function checkText(text: string): void {
  if (text.length > MOST_CHARACTERS) throw new Error(`${text.length} characters: ${text.slice(0, 300)}`)
  expect(text).not.toMatch(INSIDE)
  expect(text).not.toContain(CHECKOUT)
}

const STATUSES: Readonly<Record<number, readonly string[]>> = {
  400: ['BAD_REQUEST'],
  401: ['UNAUTHENTICATED'],
  403: ['FORBIDDEN'],
  404: ['NOT_FOUND'],
  405: ['BAD_REQUEST'],
  409: ['CONFLICT'],
  410: ['NOT_FOUND'],
  413: ['BAD_REQUEST'],
}

/** A refusal of an HTTP door: a status of the table, and a body that says code and message. */
export function checkRefusal({ status, text, head }: { status: number; text: string; head: boolean }): void {
  const codes = STATUSES[status]
  if (!codes) throw new Error(`the status ${status} is no refusal: ${text.slice(0, 300)}`)
  checkText(text)
  if (head) return
  const body = JSON.parse(text) as { code?: unknown; message?: unknown }
  expect(codes).toContain(body.code)
  expect([...ITX_ERROR_CODES, 'UNAUTHENTICATED']).toContain(body.code)
  expect(body.message).toBeTypeOf('string')
}

/** JSON text with everything taken out that `JSON.parse` does not tell apart. */
export function meaning(json: string | undefined): string | undefined {
  return json === undefined ? undefined : JSON.stringify(JSON.parse(json))
}

/** Holds what was stored of a batch to what was sent; of a known key the first event stands. */
export async function checkStored(
  sent: readonly HostileEvent[],
  receipts: readonly Receipt[],
  getEvent: (offset: number) => Promise<EncodedEvent | null>,
): Promise<void> {
  expect(receipts).toHaveLength(sent.length)
  for (const [i, receipt] of receipts.entries()) {
    const stored = await getEvent(receipt.offset)
    expect(stored?.createdAt).toBe(receipt.createdAt)
    const value = JSON.parse(sent[i]?.text ?? '') as Record<string, unknown>
    const key = (value['idempotencyKey'] as string | undefined)?.trim()
    expect(stored?.idempotencyKey).toBe(key)
    if (receipt.duplicate) continue
    expect(stored?.type).toBe(value['type'])
    expect(JSON.stringify(stored?.source)).toBe(JSON.stringify(value['source']))
    for (const field of ['payload', 'metadata'] as const) {
      expect(meaning(stored?.[field])).toBe(JSON.stringify(value[field]))
    }
  }
}

/** One line per event, the same for the same event. */
function lines(events: readonly EncodedEvent[]): string[] {
  return events.map((event) => JSON.stringify(JSON.parse(eventJson(event))))
}

/**
 * Reads a whole stream through every door and in every way, and expects the same of all.
 *
 * @returns how many events it has
 */
export async function checkReaders(tributary: TestTributary, path: string): Promise<number> {
  const itx = tributary.itx('viewer')
  const stream = itx.streams().get(path)
  try {
    const read: EncodedEvent[] = []
    const exported: EncodedEvent[] = []
    for (let after: number | null = 0; after !== null;) {
      const page = await stream.read({ after, limit: 1000 })
      read.push(...page.events)
      after = page.nextCursor
    }
    for (let after: number | null = 0; after !== null;) {
      const page = await stream.export({ after, limit: 1000 })
      exported.push(...page.events)
      after = page.nextCursor
    }
    const scanned: EncodedEvent[] = []
    const scan = await stream.scan({ filter: 'true' }, (batch) => void scanned.push(...batch.events))
    expect(await scan.closed()).toEqual({ reason: 'done' })
    const said = lines(read)
    expect(lines(exported)).toEqual(said)
    expect(lines(scanned)).toEqual(said)
    expect(lines(await followed(stream, read.length))).toEqual(said)
    expect(await overHttp(tributary, path, 'application/vnd.tributary.event+json')).toEqual(said)
    expect(await overHttp(tributary, path, 'application/vnd.tributary.event+x-ndjson')).toEqual(said)
    return read.length
  } finally {
    itx.close()
  }
}

type Followed = Pick<ReturnType<ReturnType<ReturnType<TestTributary['itx']>['streams']>['get']>, 'subscribe'>

async function followed(stream: Followed, count: number): Promise<EncodedEvent[]> {
  const events: EncodedEvent[] = []
  const all = Promise.withResolvers<void>()
  const take = (batch: WireBatch) => {
    events.push(...batch.events)
    if (events.length >= count) all.resolve()
  }
  using _subscription = await stream.subscribe({ after: 'start' }, take)
  await all.promise
  return events
}

async function overHttp(tributary: TestTributary, path: string, accept: string): Promise<string[]> {
  const door = tributary.door('viewer')
  const found: string[] = []
  for (let offset = '-1'; ;) {
    const page = await door.send('GET', `${path}?offset=${offset}`, undefined, { accept })
    expect(page.status).toBe(200)
    const events = accept.endsWith('ndjson')
      ? page.text.split('\n').filter((line) => line !== '')
      : (JSON.parse(page.text) as unknown[]).map((each) => JSON.stringify(each))
    found.push(...events.map((each) => JSON.stringify(JSON.parse(each))))
    if (page.headers['stream-up-to-date'] === 'true') return found
    offset = String(page.headers['stream-next-offset'])
  }
}
