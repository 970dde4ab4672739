import type { Instance } from '../itx/instance.ts'
import type { KnownPrincipal } from '../itx/principal.ts'
import { MAX_PAGE_EVENTS, type ProjectAccess, type StreamState } from '../itx/project-access.ts'
import { mediaType } from '../streams/content-type.ts'
import { ItxError, streamGone, streamNotFound } from '../streams/errors.ts'
import type { EncodedEvent } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'
import { encodedBody } from './compression.ts'
import { readFiltered } from './filtered-read.ts'
import { textResponse } from './http-error.ts'
import { formatOffset, parseOffset } from './http-offset.ts'
import { longPoll } from './long-poll.ts'
import { expiryHeaders, streamHeaders } from './protocol-headers.ts'
import { sse } from './sse.ts'
import { streamCursor } from './stream-cursor.ts'
import { ENVELOPE, ENVELOPE_LINES, envelopesJson, pageBody } from './stream-messages.ts'

/** What a read asks for. */
interface ReadRequest {
  readonly access: ProjectAccess
  readonly path: StreamPath
  readonly request: Request
  readonly after: number
  readonly state: StreamState
  /** How events are wanted: as messages, or as they are stored. */
  readonly form: 'messages' | 'envelopes' | 'envelope-lines'
  readonly filter: string | null
}

/** `HEAD`: what a stream is. It is no use of the stream. */
export async function headStream(access: ProjectAccess, path: StreamPath): Promise<Response> {
  access.require('state')
  const state = await existing(access, path)
  return textResponse(null, { headers: { ...streamHeaders(state), ...expiryHeaders(state) } })
}

/** `GET`: a page of what is there, or what comes next (protocol, "Read"). */
export async function getStream(
  instance: Instance,
  { access, path, principal }: { access: ProjectAccess; path: StreamPath; principal: KnownPrincipal },
  request: Request,
  url: URL,
): Promise<Response> {
  access.require('read')
  const offsets = url.searchParams.getAll('offset')
  const offset = parseOffset(offsets)
  const live = onlyValue(url, 'live')
  const filter = onlyValue(url, 'filter')
  const form = formOf(request)
  if (live !== null) checkLive(live, offsets, form, filter)
  const state = await existing(access, path)
  const after = offset === 'now' ? state.lastVisibleOffset : offset
  const read: ReadRequest = { access, path, request, after, state, form, filter }
  const cursor = url.searchParams.get('cursor')
  if (live === 'sse') return sse(instance, access, principal, { path, after, state, cursor })
  access.streams().touch(path)
  if (live === 'long-poll') return nextPage(instance, principal, read, cursor)
  if (offset === 'now') return emptyPage(read)
  return page(read)
}

function checkLive(live: string, offsets: readonly string[], form: ReadRequest['form'], filter: string | null): void {
  if (live !== 'sse' && live !== 'long-poll') {
    throw new ItxError('BAD_REQUEST', 'live must be long-poll or sse', { field: 'live' })
  }
  if (offsets.length === 0) throw new ItxError('BAD_REQUEST', `live=${live} needs an offset`, { field: 'offset' })
  if (form !== 'messages' || filter !== null) {
    throw new ItxError('BAD_REQUEST', 'live reads have messages alone: neither envelopes nor a filter', {
      field: form === 'messages' ? 'filter' : 'accept',
    })
  }
}

async function existing(access: ProjectAccess, path: StreamPath): Promise<StreamState> {
  const state = await access.streams().state(path)
  if (state.exists) return state
  throw state.gone ? streamGone('NOT_FOUND', path) : streamNotFound(path)
}

/** What is there now, up to a page of it. */
async function page(read: ReadRequest): Promise<Response> {
  const { access, path, after, state, form, filter, request } = read
  const envelopes = form !== 'messages'
  const tail = envelopes ? state.maxOffset : state.lastVisibleOffset
  if (filter !== null) {
    const visibleOnly = !envelopes
    const found = await readFiltered(access, path, { after, filter, visibleOnly, signal: request.signal })
    const { events, through, unjudged } = found
    const said = unjudged > 0 ? { 'stream-unjudged': String(unjudged) } : {}
    return pageResponse(read, events, Math.min(through, tail), said)
  }
  // The end is known already where the client has all of it: nothing need be read to say so.
  if (after >= tail) return notModified(read, tail) ?? pageResponse(read, [], tail)
  const options = { after, limit: MAX_PAGE_EVENTS, ...(envelopes ? {} : { visibleOnly: true }) }
  const { events, incarnationId } = await access.streams().read(path, options)
  if (incarnationId !== state.incarnationId) throw streamNotFound(path)
  const next = events.at(-1)?.offset ?? tail
  return notModified(read, next) ?? pageResponse(read, events, next)
}

/** A page, or what comes next within the time that a client is kept waiting. */
async function nextPage(
  instance: Instance,
  principal: KnownPrincipal,
  read: ReadRequest,
  given: string | null,
): Promise<Response> {
  const { access, path, after, state, request } = read
  const cursor = { 'stream-cursor': streamCursor(given), 'cache-control': 'no-store' }
  if (after < state.lastVisibleOffset) return pageResponseOf(await page(read), cursor)
  const { incarnationId } = state
  const news = state.closed
    ? 'closed'
    : await longPoll(instance, access, principal, request, { path, after, incarnationId })
  const now = await existing(access, path)
  if (now.incarnationId !== incarnationId) throw streamNotFound(path)
  access.streams().touch(path)
  if (news === 'events') return pageResponseOf(await page({ ...read, state: now }), cursor)
  return textResponse(null, {
    status: 204,
    headers: {
      ...streamHeaders(now),
      'stream-up-to-date': 'true',
      ...(now.closed ? {} : cursor),
    },
  })
}

/** The tail, and nothing before it. */
function emptyPage({ state, form }: ReadRequest): Response {
  const headers = { ...streamHeaders(state), 'stream-up-to-date': 'true' }
  if (form === 'messages') return textResponse(pageBody([], state.contentType), { headers })
  const lines = form === 'envelope-lines'
  return textResponse(envelopesJson([], lines), {
    headers: {
      ...headers,
      'content-type': lines ? ENVELOPE_LINES : ENVELOPE,
      'stream-next-offset': formatOffset(state.maxOffset),
    },
  })
}

async function pageResponse(
  read: ReadRequest,
  events: readonly EncodedEvent[],
  next: number,
  headers: Record<string, string> = {},
): Promise<Response> {
  const { state, form, request } = read
  const lines = form === 'envelope-lines'
  const type = lines ? ENVELOPE_LINES : form === 'envelopes' ? ENVELOPE : state.contentType
  const text = form === 'messages' ? pageBody(events, state.contentType) : envelopesJson(events, lines)
  const { body, headers: encoding } = await encodedBody(request.headers.get('accept-encoding'), type, text)
  return textResponse(body, {
    headers: {
      ...pageHeaders(read, next),
      'content-type': type,
      'cross-origin-resource-policy': 'same-origin',
      ...encoding,
      ...headers,
    },
  })
}

function pageHeaders(read: ReadRequest, next: number): Record<string, string> {
  const { state, form, filter } = read
  const atEnd = next >= (form === 'messages' ? state.lastVisibleOffset : state.maxOffset)
  return {
    'stream-next-offset': formatOffset(next),
    ...(atEnd ? { 'stream-up-to-date': 'true' } : {}),
    ...(atEnd && state.closed ? { 'stream-closed': 'true' } : {}),
    ...(filter === null
      ? { etag: etag(read, next, atEnd), 'cache-control': 'private, no-cache', vary: 'accept, accept-encoding' }
      : {}),
  }
}

/** 304 where the client has this very page. */
function notModified(read: ReadRequest, next: number): Response | null {
  const headers = pageHeaders(read, next)
  const known = read.request.headers.get('if-none-match')
  const tag = headers['etag']
  if (known === null || tag === undefined || !known.split(',').some((each) => sameTag(each.trim(), tag))) return null
  return textResponse(null, { status: 304, headers })
}

/** Weak: the same page may be compressed or not. A new life has new tags, and so has the end of a stream. */
function etag({ state, after, form }: ReadRequest, next: number, atEnd: boolean): string {
  const kind = form === 'messages' ? 'm' : form === 'envelopes' ? 'e' : 'l'
  return `W/"${state.incarnationId}:${kind}:${after}:${next}${atEnd && state.closed ? ':c' : ''}"`
}

function sameTag(given: string, tag: string): boolean {
  return given === '*' || given.replace(/^W\//, '') === tag.replace(/^W\//, '')
}

function pageResponseOf(response: Response, headers: Record<string, string>): Response {
  const closed = response.headers.get('stream-closed') === 'true'
  for (const [name, value] of Object.entries(headers)) {
    if (!(closed && name === 'stream-cursor')) response.headers.set(name, value)
  }
  return response
}

function formOf(request: Request): ReadRequest['form'] {
  const accept = mediaType(request.headers.get('accept')?.split(',', 1)[0] ?? null)
  if (accept === ENVELOPE_LINES) return 'envelope-lines'
  return accept === ENVELOPE ? 'envelopes' : 'messages'
}

/** The value of a parameter, or null. @throws {ItxError} BAD_REQUEST when it was given more than once. */
function onlyValue(url: URL, name: string): string | null {
  const [value = null, ...more] = url.searchParams.getAll(name)
  if (more.length === 0) return value
  throw new ItxError('BAD_REQUEST', `${name} was given more than once`, { field: name })
}
