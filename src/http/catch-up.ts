import { ServerResponse } from 'node:http'
import { Readable, type Writable, pipeline } from 'node:stream'
import { outgoingError } from '../itx/errors-out.ts'
import type { Instance } from '../itx/instance.ts'
import type { KnownPrincipal } from '../itx/principal.ts'
import type { ProjectAccess } from '../itx/project-access.ts'
import { missingEvent } from '../streams/errors.ts'
import type { EncodedEvent } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'
import { compressorFor } from './compression.ts'
import { STALLED_MS, pipedResponse } from './piped-response.ts'
import type { BodyForm } from './stream-messages.ts'

interface CatchUp {
  readonly path: StreamPath
  readonly form: BodyForm
  readonly headers: Record<string, string>
  readonly acceptEncoding: string | null
  readonly first: readonly EncodedEvent[]
  /** @returns the events after an offset, some of them at least */
  readonly next: (after: number) => Promise<readonly EncodedEvent[]>
  /** The offset that it ends with. */
  readonly tail: number
}

/**
 * A long answer, a page at a time: the next is read when the client has taken the last. What cannot be told to its end
 * (the stream was deleted, the right was lost, the server stops) breaks off, so that the client knows.
 *
 * @throws {ItxError} RATE_LIMITED `readers`; UNAVAILABLE when shutting down.
 */
export function restOf(
  instance: Pick<Instance, 'readers' | 'log' | 'dev'>,
  access: ProjectAccess,
  principal: KnownPrincipal,
  { headers, acceptEncoding, ...read }: CatchUp,
): Response {
  const compressor = compressorFor(acceptEncoding, read.form.contentType)
  let body: Readable | undefined
  let ended = false
  const leave = instance.readers.enter(principal, access, () => {
    ended = true
    body?.destroy()
  })
  const begin = (target: Writable) => {
    if (ended) return void target.destroy()
    body = Readable.from(parts(instance, read), { highWaterMark: 1 })
    if (target instanceof ServerResponse) target.setTimeout(STALLED_MS)
    pipeline([body, ...(compressor ? [compressor.open()] : []), target], leave)
  }
  return pipedResponse(begin, leave, {
    ...headers,
    'x-content-type-options': 'nosniff',
    ...(compressor ? { 'content-encoding': compressor.encoding } : {}),
  })
}

async function* parts(
  instance: Pick<Instance, 'log' | 'dev'>,
  { path, form, first, next, tail }: Omit<CatchUp, 'headers' | 'acceptEncoding'>,
): AsyncGenerator<string | Buffer> {
  let before = form.opening
  for (let page = first; ;) {
    const written = form.write(page)
    yield typeof written === 'string' ? `${before}${written}` : written
    before = form.between
    const through = page.at(-1)?.offset ?? tail
    if (through >= tail) break
    try {
      page = await next(through)
      if (page.length === 0) throw missingEvent(path, through + 1)
    } catch (error) {
      // Nobody is told but the log, where it is one for it.
      throw outgoingError(instance, error)
    }
  }
  if (form.end !== '') yield form.end
}
