import type { AppendDecision } from './core/decide.ts'
import { CREATED } from './core/core-events.ts'
import { reduceCore } from './core/reducer.ts'
import { type CoreState, emptyState } from './core/state.ts'
import { ItxError } from './errors.ts'
import type { EncodedEvent } from './event.ts'
import { type JsonText, encodeJson } from './json-text.ts'
import type { StreamPath } from './path.ts'
import type { ReadOptions, ReadPage } from './project-reader.ts'
import { wholeNumber } from './directory.ts'
import { type LogHead, checkImportedEvent } from './transfer-check.ts'

/** Before anything in a log. */
const LONG_AGO = new Date(0).toISOString()

export interface ExportOptions {
  /** Exclusive; the beginning of the log when absent. */
  readonly after?: number
  /** The life that is being exported, as the first page named it: another one is CONFLICT `incarnation`. */
  readonly incarnationId?: string
  /** The last offset of the export, as the first page named it; the head when absent. */
  readonly through?: number
  /** 1 to 1,000; 100 when absent. */
  readonly limit?: number
}

/** A page of a whole log: stored events as they are, and what has to go with them. */
export interface ExportPage {
  readonly path: StreamPath
  readonly contentType: string
  readonly incarnationId: string
  readonly firstOffset: number
  /** The last offset of the export: pass it as `through`. */
  readonly maxOffset: number
  /** The state before the first event of a log that begins above 1, else null. */
  readonly baseState: JsonText | null
  readonly events: readonly EncodedEvent[]
  /** Pass as `after` for the next page; null on the last. */
  readonly nextCursor: number | null
}

/** Where an export reads. */
export interface ExportSource {
  state(path: StreamPath): Promise<CoreState & { readonly exists: boolean }>
  /** The state before a log, if it was stored with one; null for the log of another life, too. */
  baseState(path: StreamPath, incarnationId: string): CoreState | null
  read(path: StreamPath, options: ReadOptions): Promise<ReadPage>
}

/**
 * A page of an export. All pages of one export are of one life of the stream, or it fails: never a splice.
 *
 * @throws {ItxError} NOT_FOUND; CONFLICT `incarnation`; BAD_REQUEST for a bad option.
 */
export async function exportPage(
  source: ExportSource,
  path: StreamPath,
  { after, incarnationId, through, limit }: ExportOptions,
): Promise<ExportPage> {
  if (through !== undefined) wholeNumber(through, 'through')
  const state = await source.state(path)
  if (incarnationId !== undefined && state.incarnationId !== incarnationId) throw otherLife(path)
  if (!state.exists) throw new ItxError('NOT_FOUND', `stream ${path} does not exist`, { path })
  const maxOffset = through ?? state.maxOffset
  if (maxOffset > state.maxOffset) throw otherLife(path)
  const page = await source.read(path, {
    before: maxOffset + 1,
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
  })
  // It may have been reset between state and page.
  if (page.incarnationId !== state.incarnationId) throw otherLife(path)
  const base = state.firstOffset > 1 ? baseOf(source, state) : null
  return {
    path,
    contentType: state.contentType,
    incarnationId: state.incarnationId,
    firstOffset: state.firstOffset,
    maxOffset,
    baseState: base && encodeJson(base, 'baseState'),
    events: page.events,
    nextCursor: page.nextCursor,
  }
}

/** The base of a fork is where it forks; before the logs that it reads there is nothing that it took over. */
function baseOf(
  source: ExportSource,
  { fork, path, incarnationId, contentType, firstOffset }: CoreState,
): CoreState | null {
  if (!fork) return source.baseState(path, incarnationId)
  const nothing = { ...emptyState(path, incarnationId), contentType, firstOffset, maxOffset: firstOffset - 1 }
  return { ...nothing, createdAt: LONG_AGO, lastEventAt: LONG_AGO }
}

/**
 * A piece of a log that is being imported, all or nothing. The first names its `head` and creates the stream; those that
 * follow name the life that the first one began, and go on at the offset after its last.
 */
export interface ImportChunk {
  readonly head?: LogHead
  readonly incarnationId?: string
  readonly events: readonly unknown[]
  /** Nothing follows. From then on the stream is like any other. */
  readonly last?: boolean
}

export interface Imported {
  readonly incarnationId: string
  readonly maxOffset: number
}

/** A chunk whose events were validated, one by one. */
export interface CheckedChunk {
  readonly head: LogHead | null
  readonly incarnationId: string | null
  readonly events: readonly EncodedEvent[]
  readonly last: boolean
}

/**
 * Validates a chunk as far as that is possible without its stream.
 *
 * @param now wall clock, milliseconds since the epoch
 * @throws {ItxError} BAD_REQUEST naming what is wrong.
 */
export function checkChunk({ head, incarnationId, events, last = false }: ImportChunk, now: number): CheckedChunk {
  if ((head === undefined) === (incarnationId === undefined)) {
    throw new ItxError('BAD_REQUEST', 'the first chunk of an import has a head, those that follow an incarnationId', {
      field: 'head',
    })
  }
  if (events.length === 0 && head !== undefined) {
    throw new ItxError('BAD_REQUEST', 'the first chunk of an import must hold events', { field: 'events' })
  }
  const checked = events.map((event) => checkImportedEvent(event, now))
  return { head: head ?? null, incarnationId: incarnationId ?? null, events: checked, last }
}

/**
 * Checks that a chunk may go on after what was imported so far.
 *
 * @throws {ItxError} CONFLICT: `incarnation`, or `imported` for a stream whose import is complete or broken by an event
 *   from elsewhere. It would otherwise be a way past its gate.
 */
export function checkContinues(state: CoreState, { incarnationId }: CheckedChunk): void {
  if (state.incarnationId !== incarnationId) throw otherLife(state.path)
  if (state.importing) return
  throw new ItxError('CONFLICT', `the import of ${state.path} is over; nothing more is imported into it`, {
    reason: 'imported',
    path: state.path,
    maxOffset: state.maxOffset,
  })
}

/**
 * Decides what a chunk stores after a state. Pure but for `hasKey`, which only reads. Neither the gate nor the breaker has
 * a say: what happened has happened.
 *
 * @throws {ItxError} CONFLICT `precondition` when it does not go on at the next offset, or `key` for a key that the log
 *   has already; BAD_REQUEST for a gap inside it, or times that go back. Nothing is stored.
 */
export function decideImport(
  state: CoreState,
  { events, last }: CheckedChunk,
  hasKey: (key: string) => boolean,
): Pick<AppendDecision, 'events' | 'state'> {
  const keys = new Set<string>()
  let working = state
  for (const event of events) {
    checkSequence(working, event, working === state)
    const key = event.idempotencyKey
    if (key !== undefined) {
      // A second one would fail in the storage, and with it everybody else's appends of the moment.
      if (keys.has(key) || hasKey(key)) throw doubled(state.path, event.offset, key)
      keys.add(key)
    }
    working = reduceCore(working, event)
  }
  const { importing: _, ...done } = working
  return { events, state: last ? done : { ...working, importing: true } }
}

function checkSequence({ path, maxOffset, lastEventAt }: CoreState, event: EncodedEvent, first: boolean): void {
  const { offset, createdAt } = event
  if (offset !== maxOffset + 1) {
    throw first
      ? new ItxError('CONFLICT', `${path}: the import goes on at offset ${maxOffset + 1}, not at ${offset}`, {
          reason: 'precondition',
          path,
          expected: maxOffset + 1,
          actual: offset,
        })
      : new ItxError('BAD_REQUEST', `event ${offset} follows event ${maxOffset}: offsets must be gapless`, {
          field: 'offset',
          offset,
        })
  }
  if (offset === 1 && event.type !== CREATED) {
    throw new ItxError('BAD_REQUEST', `the event at offset 1 must be ${CREATED}`, { field: 'type', offset })
  }
  if (createdAt < lastEventAt) {
    throw new ItxError('BAD_REQUEST', `event ${offset} of ${createdAt} is older than the one before it`, {
      field: 'createdAt',
      offset,
      before: lastEventAt,
    })
  }
}

function doubled(path: StreamPath, offset: number, idempotencyKey: string): ItxError {
  return new ItxError('CONFLICT', `event ${offset}: ${path} has an event with its idempotency key already`, {
    reason: 'key',
    path,
    offset,
    idempotencyKey,
  })
}

function otherLife(path: StreamPath): ItxError {
  return new ItxError('CONFLICT', `${path} was reset, deleted or made anew in between`, { reason: 'incarnation', path })
}
