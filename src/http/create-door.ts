import type { Instance } from '../itx/instance.ts'
import type { CoreState, Created, ForkPlace, ProjectAccess } from '../itx/project-access.ts'
import { mediaType } from '../streams/content-type.ts'
import { ItxError, streamGone, streamNotFound } from '../streams/errors.ts'
import type { EncodedEvent, EncodedInput } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'
import { PIECE_BYTES, byteInputs, eventBytes } from './byte-messages.ts'
import { textResponse } from './http-error.ts'
import {
  DEFAULT_BYTES_TYPE,
  type ForkRequest,
  closes,
  contentTypeOf,
  expiryOf,
  forkOf,
  streamHeaders,
} from './protocol-headers.ts'
import { bodyBytes } from './request-body.ts'
import { ENVELOPE, ENVELOPE_LINES, JSON_TYPE, bodyInputs } from './stream-messages.ts'
import { decodedPath } from './stream-path.ts'

/** Events that are looked at in one go when a fork begins inside of what was appended at once. */
const PAGE_EVENTS = 1000

interface CreateTarget {
  readonly access: ProjectAccess
  readonly path: StreamPath
  /** The project as the address names it. */
  readonly project: string
  /** The whole address, for `Location`. */
  readonly address: string
}

/** What a request wants a stream to be. */
type Wanted = Pick<CoreState, 'expiry' | 'closed'> & { readonly contentType: string | undefined }

/** `PUT`: creates a stream or a fork, or finds that it is there as it was asked for (protocol, "Create"). */
export async function putStream(
  instance: Instance,
  { access, path, project, address }: CreateTarget,
  request: Request,
): Promise<Response> {
  access.require('create')
  const { headers } = request
  const fork = forkOf(headers, project)
  const contentType = contentTypeOf(headers) ?? (fork ? undefined : DEFAULT_BYTES_TYPE)
  const expiry = expiryOf(headers)
  const wanted: Wanted = { contentType, closed: closes(headers), ...(expiry ? { expiry } : {}) }
  refuseEnvelopes(contentType)
  const body = await bodyBytes(request, instance.config.limits.maxMessageBytes)
  const creation = (type: string) => ({
    contentType: type,
    closed: wanted.closed,
    inputs: bodyInputs(body, type, instance.config.limits.maxBatchEvents),
    ...(expiry ? { expiry } : {}),
  })
  const { created, state } = fork
    ? await forked(access, path, fork, contentType, creation)
    : await access.streams().create(path, creation(contentType ?? DEFAULT_BYTES_TYPE))
  if (!created) refuseOther(path, state, wanted, fork, fork && access.path(decodedPath(fork.rawPath)))
  return textResponse(null, {
    status: created ? 201 : 200,
    headers: { ...streamHeaders(state), ...(created ? { location: address } : {}) },
  })
}

async function forked(
  access: ProjectAccess,
  path: StreamPath,
  fork: ForkRequest,
  contentType: string | undefined,
  creation: (type: string) => { readonly inputs: readonly EncodedInput[] },
): Promise<Created> {
  access.require('read')
  const streams = access.streams()
  const existing = await streams.state(path)
  // What is there already is not compared with a source that may have gone on, or have gone.
  if (existing.exists) return { created: false, state: existing }
  const source = await streams.state(access.path(decodedPath(fork.rawPath)))
  if (source.gone) throw streamGone('CONFLICT', source.path)
  if (!source.exists) throw streamNotFound(source.path)
  const { through, prefix } = await cut(access, source, fork)
  const place: ForkPlace = {
    source: source.path,
    incarnationId: source.incarnationId,
    offset: fork.offset ?? source.lastVisibleOffset,
    subOffset: fork.subOffset,
    through,
  }
  const { inputs, ...rest } = creation(contentType ?? source.contentType)
  return streams.fork(path, place, { ...rest, inputs: [...prefix, ...inputs] })
}

interface Cut {
  /** The last offset that is read in the source. */
  readonly through: number
  /** What the fork repeats of the event after it. */
  readonly prefix: readonly EncodedInput[]
}

/** Where a fork begins: at an offset, and so many messages, or bytes of the next append, after it. */
async function cut(access: ProjectAccess, source: CoreState, { offset, subOffset }: ForkRequest): Promise<Cut> {
  const anchor = offset ?? source.lastVisibleOffset
  if (anchor > source.lastVisibleOffset) {
    throw new ItxError('BAD_REQUEST', `${source.path} has no offset ${anchor} to fork from`, {
      field: 'stream-fork-offset',
      offset: anchor,
      maxOffset: source.lastVisibleOffset,
    })
  }
  const json = mediaType(source.contentType) === JSON_TYPE
  let through = anchor
  let left = subOffset
  while (left > 0) {
    const page = await access.streams().read(source.path, { after: through, limit: PAGE_EVENTS, visibleOnly: true })
    if (page.incarnationId !== source.incarnationId || page.events.length === 0) throw tooFar(source, subOffset)
    for (const event of page.events) {
      if (left === 0) break
      if (!json) {
        const bytes = eventBytes(event)
        if (left < bytes.byteLength) return { through, prefix: byteInputs(bytes.subarray(0, left)) }
        left -= bytes.byteLength
        // Only what was too large for one event goes on in the next.
        if (left > 0 && !isFullPiece(event)) throw tooFar(source, subOffset)
      } else left--
      through = event.offset
    }
  }
  return { through, prefix: [] }
}

function isFullPiece(event: EncodedEvent): boolean {
  return eventBytes(event).byteLength > PIECE_BYTES - 4
}

function tooFar({ path }: CoreState, subOffset: number): ItxError {
  return new ItxError('BAD_REQUEST', `${path}: what follows the fork offset is shorter than ${subOffset}`, {
    field: 'stream-fork-sub-offset',
    subOffset,
  })
}

/** @throws {ItxError} CONFLICT `exists`, naming what differs, for a stream that is not what was asked for. */
function refuseOther(
  path: StreamPath,
  state: CoreState,
  wanted: Wanted,
  fork: ForkRequest | undefined,
  source: StreamPath | undefined,
): void {
  const differs = difference(state, wanted, fork, source)
  if (differs === null) return
  throw new ItxError('CONFLICT', `${path} exists with another ${differs}`, {
    reason: differs === 'content type' ? 'content-type' : 'exists',
    path,
    differs,
    contentType: state.contentType,
  })
}

function difference(
  state: CoreState,
  { contentType, expiry, closed }: Wanted,
  asked: ForkRequest | undefined,
  source: StreamPath | undefined,
): string | null {
  const { fork } = state
  if (contentType !== undefined && mediaType(contentType) !== mediaType(state.contentType)) return 'content type'
  if (source !== fork?.path) return 'source'
  if (asked?.offset !== undefined && asked.offset !== fork?.offset) return 'fork offset'
  if (asked && asked.subOffset !== fork?.subOffset) return 'fork sub-offset'
  // A fork that names no expiry has its source's.
  if (!(asked && expiry === undefined) && JSON.stringify(expiry) !== JSON.stringify(state.expiry)) return 'expiry'
  return closed === state.closed ? null : 'closed state'
}

function refuseEnvelopes(contentType: string | undefined): void {
  const type = mediaType(contentType ?? null)
  if (type !== ENVELOPE && type !== ENVELOPE_LINES) return
  throw new ItxError('BAD_REQUEST', `${type} is a way to append to a stream, and no type of one`, {
    field: 'content-type',
  })
}
