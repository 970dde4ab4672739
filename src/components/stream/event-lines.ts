import type { ExportPage, StreamApi } from '../../itx/handle.ts'
import { eventJson } from '../../streams/event.ts'

const PAGE = 1000

interface Reading {
  /** Told after each page: how many events there are so far, and how many there will be. */
  readonly onProgress: (done: number, total: number) => void
  readonly signal: AbortSignal
}

/**
 * All events of a stream, one a line, as they are stored. A text per page: together they may be larger than one string
 * can be.
 *
 * @throws {ItxError} NOT_FOUND; CONFLICT `incarnation` when the stream begins anew meanwhile: never a splice of two.
 * @throws the signal's reason when it is aborted
 */
export async function* eventLines(
  stream: Pick<StreamApi, 'export'>,
  { onProgress, signal }: Reading,
): AsyncGenerator<string> {
  let done = 0
  let page: ExportPage = await stream.export({ limit: PAGE })
  const { incarnationId, firstOffset, maxOffset: through } = page
  for (;;) {
    signal.throwIfAborted()
    done += page.events.length
    onProgress(done, through - firstOffset + 1)
    yield page.events.map((event) => `${eventJson(event)}\n`).join('')
    if (page.nextCursor === null) return
    page = await stream.export({ after: page.nextCursor, incarnationId, through, limit: PAGE })
  }
}
