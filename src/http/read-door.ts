import type { Instance } from '../itx/instance.ts'
import type { KnownPrincipal } from '../itx/principal.ts'
import { MAX_PAGE_EVENTS, type ProjectAccess, type StreamState } from '../itx/project-access.ts'
import { mediaType } from '../streams/content-type.ts'
import { ItxError, streamNotFound } from '../streams/errors.ts'
import type { EncodedEvent } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'
import { restOf } from './catch-up.ts'
import { encodedBody } from './compression.ts'
import { existingStream } from './existing-stream.ts'
import { readFiltered } from './filtered-read.ts'
import { textResponse } from './http-error.ts'
import { formatOffset, parseOffset } from './http-offset.ts'
import { longPoll } from './long-poll.ts'
import { expiryHeaders, streamHeaders, tailOf } from './protocol-headers.ts'
import { sse } from './sse.ts'
import { streamCursor } from './stream-cursor.ts'
import {
  type BodyForm,
  ENVELOPE,
  ENVELOPES,
  ENVELOPES_IN_LINES,
  ENVELOPE_LINES,
  messageForm,
  wholeBody,
} from './stream-messages.ts'

/** What a read asks for. */
interface ReadRequest {
  readonly access: ProjectAccess
  readonly path: StreamPath
  readonly request: Request
  readonly after: number
  readonly state: StreamState
  /** Events are wanted as they are stored, core events included; else visible ones, as messages. */
  readonly envelopes: boolean
  readonly form: BodyForm
  readonly filter: string | null
}

/** `HEAD`: what a stream is. It is no use of the stream. */
export async function headStream(access: ProjectAccess, path: StreamPath): Promise<Response> {
  access.require('state')
  const state = await existingStream(access, path)
  return textResponse(null, { headers: { ...streamHeaders(state), ...expiryHeaders(state) } })
}

/** `GET`: what is there, or what comes next (protocol, "Read"). */
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
  const wanted = envelopesWanted(request)
  if (live !== null) checkLive(live, offsets, wanted !== null, filter)
  const state = await existingStream(access, path)
  const places = { start: state.firstOffset - 1, now: tailOf(state) }
  const after = typeof offset === 'number' ? offset : places[offset]
  const form = wanted ?? messageForm(state.contentType)
  const read: ReadRequest = { access, path, request, after, state, envelopes: wanted !== null, form, filter }
  const cursor = url.searchParams.get('cursor')
  if (live === 'sse') return sse(instance, access, principal, { path, after, state, cursor })
  access.streams().touch(path)
  if (live === 'long-poll') return nextPage(instance, principal, read, cursor)
  if (offset === 'now') return emptyPage(read)
  return filter === null ? toTail(instance, principal, read) : filtered(read, filter)
}

function checkLive(live: string, offsets: readonly string[], envelopes: boolean, filter: string | null): void {
  if (live !== 'sse' && live !== 'long-poll') {
    throw new ItxError('BAD_REQUEST', 'live must be long-poll or sse', { field: 'live' })
  }
  if (offsets.length === 0) throw new ItxError('BAD_REQUEST', `live=${live} needs an offset`, { field: 'offset' })
  if (envelopes || filter !== null) {
    throw new ItxError('BAD_REQUEST', 'live reads have messages alone: neither envelopes nor a filter', {
      field: envelopes ? 'accept' : 'filter',
    })
  }
}

/**
 * All that is there now. One answer, since clients there are that ask once (the published one with `live: false`); a long
 * one is written by the page, so that nobody ever holds it whole.
 */
async function toTail(instance: Instance, principal: KnownPrincipal, read: ReadRequest): Promise<Response> {
  const { access, path, form, request } = read
  const tail = endOf(read)
  const known = notModified(read, tail)
  if (known) return known
  // The end is known already where the client has all of it: nothing need be read to say so.
  if (read.after >= tail) return pageResponse(read, [], tail)
  const first = await readPage(read, tail)
  if ((first.at(-1)?.offset ?? tail) >= tail) return pageResponse(read, first, tail)
  return restOf(instance, access, principal, {
    path,
    form,
    headers: pageHeaders(read, tail),
    acceptEncoding: request.headers.get('accept-encoding'),
    first,
    next: (after) => readPage({ ...read, after }, tail),
    tail,
  })
}

/** A page of what is there, which a live reader goes on from. */
async function page(read: ReadRequest): Promise<Response> {
  const tail = endOf(read)
  const events = await readPage(read, tail)
  const next = events.at(-1)?.offset ?? tail
  return notModified(read, next) ?? pageResponse(read, events, next)
}

async function readPage(read: ReadRequest, tail: number): Promise<readonly EncodedEvent[]> {
  const { access, path, after, state, envelopes } = read
  const { events, incarnationId } = await access.streams().read(path, {
    after,
    before: tail + 1,
    limit: MAX_PAGE_EVENTS,
    ...(envelopes ? {} : { visibleOnly: true }),
  })
  if (incarnationId !== state.incarnationId) throw streamNotFound(path)
  return events
}

function endOf({ state, envelopes }: ReadRequest): number {
  return envelopes ? state.maxOffset : tailOf(state)
}

/** What matches, in as much as may be looked at at once. */
async function filtered(read: ReadRequest, filter: string): Promise<Response> {
  const { access, path, after, envelopes, request } = read
  const options = { after, filter, visibleOnly: !envelopes, signal: request.signal }
  const { events, through, unjudged } = await readFiltered(access, path, options)
  const said = unjudged > 0 ? { 'stream-unjudged': String(unjudged) } : {}
  return pageResponse(read, events, Math.min(through, endOf(read)), said)
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
  if (after < tailOf(state)) return pageResponseOf(await page(read), cursor)
  const { incarnationId } = state
  const news = state.closed
    ? 'closed'
    : await longPoll(instance, access, principal, request, { path, after, incarnationId })
  const now = await existingStream(access, path)
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
function emptyPage(read: ReadRequest): Response {
  const { state, form } = read
  const headers = {
    ...streamHeaders(state),
    'content-type': form.contentType,
    'stream-next-offset': formatOffset(endOf(read)),
    'stream-up-to-date': 'true',
  }
  return textResponse(wholeBody(form, []), { headers })
}

async function pageResponse(
  read: ReadRequest,
  events: readonly EncodedEvent[],
  next: number,
  headers: Record<string, string> = {},
): Promise<Response> {
  const { form, request } = read
  const whole = wholeBody(form, events)
  const encoded = await encodedBody(request.headers.get('accept-encoding'), form.contentType, whole)
  return textResponse(encoded.body, { headers: { ...pageHeaders(read, next), ...encoded.headers, ...headers } })
}

function pageHeaders(read: ReadRequest, next: number): Record<string, string> {
  const { state, form, filter } = read
  const atEnd = next >= endOf(read)
  return {
    'content-type': form.contentType,
    'cross-origin-resource-policy': 'same-origin',
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
function etag({ state, after, envelopes, form }: ReadRequest, next: number, atEnd: boolean): string {
  const kind = !envelopes ? 'm' : form === ENVELOPES ? 'e' : 'l'
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

/** The form of envelopes that a request accepts before all else; null when messages are wanted. */
function envelopesWanted(request: Request): BodyForm | null {
  const accept = mediaType(request.headers.get('accept')?.split(',', 1)[0] ?? null)
  if (accept === ENVELOPE_LINES) return ENVELOPES_IN_LINES
  return accept === ENVELOPE ? ENVELOPES : null
}

/** The value of a parameter, or null. @throws {ItxError} BAD_REQUEST when it was given more than once. */
function onlyValue(url: URL, name: string): string | null {
  const [value = null, ...more] = url.searchParams.getAll(name)
  if (more.length === 0) return value
  throw new ItxError('BAD_REQUEST', `${name} was given more than once`, { field: name })
}
