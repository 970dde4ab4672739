import type { ProjectAccess } from '../itx/project-access.ts'
import { ItxError, type ItxErrorCode } from '../streams/errors.ts'
import { type EncodedEvent, encodedBytes } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'

/** What one request judges and answers, at most: the client asks again from where it ended. */
const MAX_SCANNED = 10_000
const MAX_MS = 1000
const MAX_EVENTS = 1000
const MAX_BYTES = 3.5 * 1024 * 1024

export interface FilteredRead {
  readonly after: number
  readonly filter: string
  /** Leave core events out. */
  readonly visibleOnly: boolean
  /** Ends it early: nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

export interface FilteredPage {
  readonly events: readonly EncodedEvent[]
  /** The offset up to which everything was judged. */
  readonly through: number
  /** Events that cost too much to judge, and are not among the matches. */
  readonly unjudged: number
}

/**
 * Reads the events after an offset that match a filter: a bounded piece of the log, however few of it match.
 *
 * @throws {ItxError} BAD_REQUEST for a filter that cannot be used; CONFLICT, NOT_FOUND or UNAVAILABLE when the stream was
 *   reset, deleted or closed meanwhile; INTERNAL for a damaged row.
 */
export async function readFiltered(
  access: ProjectAccess,
  path: StreamPath,
  { after, filter, visibleOnly, signal }: FilteredRead,
): Promise<FilteredPage> {
  const events: EncodedEvent[] = []
  let page = { through: after, unjudged: 0 }
  let bytes = 0
  const startedAt = performance.now()
  const scan = await access.streams().scan(path, { filter, after, visibleOnly }, (batch) => {
    events.push(...batch.events)
    for (const event of batch.events) bytes += encodedBytes(event)
    page = batch
    const full = events.length >= MAX_EVENTS || bytes >= MAX_BYTES || batch.scanned >= MAX_SCANNED
    if (full || performance.now() - startedAt >= MAX_MS) scan.stop()
  })
  const stop = () => scan.stop()
  signal.addEventListener('abort', stop)
  const { reason, code } = await scan.closed()
  signal.removeEventListener('abort', stop)
  if (reason === 'done' || reason === 'stopped') return { events, through: page.through, unjudged: page.unjudged }
  const codes: Readonly<Record<string, ItxErrorCode>> = { incarnation: 'CONFLICT', deleted: 'NOT_FOUND' }
  const known = (code as ItxErrorCode | undefined) ?? codes[reason] ?? 'UNAVAILABLE'
  throw new ItxError(known, `reading ${path} ended early: ${reason}`, { reason, path })
}
