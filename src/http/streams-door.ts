import { resolveProject } from '../itx/access.ts'
import type { ProjectAccess } from '../itx/project-access.ts'
import type { Instance } from '../itx/instance.ts'
import { ItxError } from '../streams/errors.ts'
import { type EncodedEvent, type EncodedInput, mostMessages } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'
import { readFiltered } from './filtered-read.ts'
import { preflight, withCors } from './cors.ts'
import { errorResponse, jsonResponse, notAllowed, textResponse } from './http-error.ts'
import { formatOffset, parseOffset } from './http-offset.ts'
import { letIn } from './let-in.ts'
import { bodyText, mediaType } from './request-body.ts'
import {
  ENVELOPE,
  ENVELOPE_LINES,
  JSON_TYPE,
  envelopesJson,
  envelopesOf,
  messagesJson,
  messagesOf,
} from './stream-messages.ts'
import { decodedPath, splitTarget } from './stream-path.ts'

/** Events of one page over HTTP. */
const PAGE_EVENTS = 1000
/** Characters of a stream's content type, at most. */
const MAX_CONTENT_TYPE = 255

/** Parts of the Durable Streams protocol that are not served yet. Ignoring one would break its promise. */
const UNSUPPORTED_HEADERS = [
  'stream-ttl',
  'stream-expires-at',
  'stream-closed',
  'stream-seq',
  'stream-forked-from',
  'stream-fork-offset',
  'stream-fork-sub-offset',
  'producer-id',
  'producer-epoch',
  'producer-seq',
]

/**
 * Answers `/api/streams/:project` and `/api/streams/:project/*path` (design page `stream-db.md`, "HTTP door").
 *
 * @param target the path as it was sent, dots and escapes unresolved
 */
export async function streamsDoor(instance: Instance, request: Request, target: string, url: URL): Promise<Response> {
  const asked = preflight(instance.config, request)
  return asked ?? withCors(instance.config, request, await answered(instance, request, target, url))
}

async function answered(instance: Instance, request: Request, target: string, url: URL): Promise<Response> {
  try {
    const principal = await letIn(instance, request, 'http')
    if (principal instanceof Response) return principal
    const { project, rawPath } = splitTarget(target)
    const access = resolveProject(instance, principal, project)
    if (rawPath === null) return await list(access, request, url)
    const path = access.path(decodedPath(rawPath))
    refuseUnsupported(request, url)
    switch (request.method) {
      case 'GET':
        return await get(access, path, request, url)
      case 'HEAD':
        return await head(access, path)
      case 'PUT':
        return await put(instance, access, path, request, `${instance.config.baseUrl ?? url.origin}${target}`)
      case 'POST':
        return await post(instance, access, path, request)
      default:
        return notAllowed('GET, HEAD, PUT, POST')
    }
  } catch (error) {
    return errorResponse(instance, error)
  }
}

async function list(access: ProjectAccess, request: Request, url: URL): Promise<Response> {
  if (request.method !== 'GET') return notAllowed('GET')
  access.require('list')
  const option = (name: string) => url.searchParams.get(name) ?? undefined
  const limit = option('limit')
  const [prefix, after, match] = [option('prefix'), option('after'), option('match')]
  const page = await access.streams().list({
    prefix: access.path(prefix ?? access.scope),
    ...(after === undefined ? {} : { after }),
    ...(match === undefined ? {} : { match }),
    ...(limit === undefined ? {} : { limit: /^\d+$/.test(limit) ? Number(limit) : Number.NaN }),
  })
  return jsonResponse(page)
}

async function get(access: ProjectAccess, path: StreamPath, request: Request, url: URL): Promise<Response> {
  access.require('read')
  const offset = parseOffset(url.searchParams.getAll('offset'))
  const accept = mediaType(request.headers.get('accept')?.split(',', 1)[0] ?? null)
  const lines = accept === ENVELOPE_LINES
  const envelopes = lines || accept === ENVELOPE
  const state = await access.streams().state(path)
  if (!state.exists) throw streamNotFound(path)
  const tail = envelopes ? state.maxOffset : state.lastVisibleOffset
  const page = (events: readonly EncodedEvent[], next: number, headers: Record<string, string> = {}) =>
    textResponse(envelopes ? envelopesJson(events, lines) : messagesJson(events), {
      headers: {
        'content-type': lines ? ENVELOPE_LINES : envelopes ? ENVELOPE : state.contentType,
        'stream-next-offset': formatOffset(next),
        'cross-origin-resource-policy': 'same-origin',
        ...(next >= tail ? { 'stream-up-to-date': 'true' } : {}),
        ...headers,
      },
    })
  const after = offset === 'now' ? tail : offset
  const filter = onlyValue(url, 'filter')
  if (filter !== null) {
    const { events, through, unjudged } = await readFiltered(access, path, {
      after,
      filter,
      visibleOnly: !envelopes,
      signal: request.signal,
    })
    return page(events, Math.min(through, tail), unjudged > 0 ? { 'stream-unjudged': String(unjudged) } : {})
  }
  const found =
    after >= tail
      ? []
      : (await access.streams().read(path, { after, limit: PAGE_EVENTS, ...(envelopes ? {} : { visibleOnly: true }) }))
          .events
  // Never beyond the tail, whatever was asked for: a reader that resumes there would miss what comes next.
  return page(found, found.at(-1)?.offset ?? tail)
}

/** The value of a parameter, or null. @throws {ItxError} BAD_REQUEST when it was given more than once. */
function onlyValue(url: URL, name: string): string | null {
  const [value = null, ...more] = url.searchParams.getAll(name)
  if (more.length === 0) return value
  throw new ItxError('BAD_REQUEST', `${name} was given more than once`, { field: name })
}

async function head(access: ProjectAccess, path: StreamPath): Promise<Response> {
  access.require('state')
  const state = await access.streams().state(path)
  if (!state.exists) throw streamNotFound(path)
  return textResponse(null, {
    headers: { 'content-type': state.contentType, 'stream-next-offset': formatOffset(state.lastVisibleOffset) },
  })
}

async function put(
  instance: Instance,
  access: ProjectAccess,
  path: StreamPath,
  request: Request,
  address: string,
): Promise<Response> {
  access.require('create')
  const header = request.headers.get('content-type')
  requireJson(header ?? JSON_TYPE)
  requireShort(header ?? JSON_TYPE)
  const body = await bodyText(request, instance.config.limits.maxMessageBytes)
  const inputs = body === '' ? [] : messagesOf(body, mostMessages(instance.config.limits.maxBatchEvents))
  const { created, state } = await access.streams().create(path, { contentType: header ?? JSON_TYPE, inputs })
  // Existing: the same configuration is fine, its body is ignored; another one is a conflict.
  if (!created && mediaType(state.contentType) !== mediaType(header ?? JSON_TYPE)) {
    throw new ItxError('CONFLICT', `${path} exists with the content type ${state.contentType}`, {
      reason: 'content-type',
      contentType: state.contentType,
    })
  }
  return textResponse(null, {
    status: created ? 201 : 200,
    headers: {
      'content-type': state.contentType,
      'stream-next-offset': formatOffset(state.lastVisibleOffset),
      ...(created ? { location: address } : {}),
    },
  })
}

async function post(instance: Instance, access: ProjectAccess, path: StreamPath, request: Request): Promise<Response> {
  access.require('append')
  const header = request.headers.get('content-type')
  const type = mediaType(header)
  const { maxMessageBytes, maxBatchEvents } = instance.config.limits
  const body = await bodyText(request, maxMessageBytes)
  if (body.trim() === '') throw new ItxError('BAD_REQUEST', 'the body is empty', { field: 'body' })
  if (type === ENVELOPE || type === ENVELOPE_LINES) {
    return postEnvelopes(access, path, envelopesOf(body, type === ENVELOPE_LINES, maxBatchEvents))
  }
  requireJson(header)
  const state = await access.streams().state(path)
  if (!state.exists) throw streamNotFound(path)
  const inputs = messagesOf(body, mostMessages(maxBatchEvents))
  if (inputs.length === 0) throw new ItxError('BAD_REQUEST', 'the array is empty', { field: 'body' })
  const receipts = await access.streams().append(path, inputs)
  return textResponse(null, {
    status: 204,
    headers: { 'stream-next-offset': formatOffset(receipts.at(-1)?.offset ?? state.lastVisibleOffset) },
  })
}

async function postEnvelopes(
  access: ProjectAccess,
  path: StreamPath,
  inputs: readonly EncodedInput[],
): Promise<Response> {
  if (inputs.length === 0) throw new ItxError('BAD_REQUEST', 'there is no event in the body', { field: 'body' })
  const receipts = await access.streams().append(path, inputs, access.coreTypes)
  const { maxOffset } = await access.streams().state(path)
  return jsonResponse({ receipts, maxOffset })
}

/** @throws {ItxError} BAD_REQUEST for anything but JSON: byte streams are not served yet. */
function requireJson(header: string | null): void {
  const type = mediaType(header)
  if (type === JSON_TYPE) return
  const given = type === '' ? 'there is none' : `not ${JSON.stringify(type.slice(0, 80))}`
  throw new ItxError(
    'BAD_REQUEST',
    `the content type must be ${JSON_TYPE}, ${ENVELOPE} or ${ENVELOPE_LINES}; ${given}`,
    {
      field: 'content-type',
    },
  )
}

/** @throws {ItxError} BAD_REQUEST for a content type that is long: it is kept in the state, which appends rewrite. */
function requireShort(header: string): void {
  if (header.length <= MAX_CONTENT_TYPE) return
  throw new ItxError('BAD_REQUEST', `content type has ${header.length} characters; at most ${MAX_CONTENT_TYPE}`, {
    field: 'content-type',
    size: header.length,
    limit: MAX_CONTENT_TYPE,
  })
}

/** @throws {ItxError} BAD_REQUEST for what the protocol has and this door does not serve yet. */
function refuseUnsupported(request: Request, url: URL): void {
  const header = UNSUPPORTED_HEADERS.find((name) => request.headers.has(name))
  const field = header ?? (url.searchParams.has('live') ? 'live' : undefined)
  if (field === undefined) return
  throw new ItxError('BAD_REQUEST', `${field} is not supported by this version`, { reason: 'unsupported', field })
}

function streamNotFound(path: StreamPath): ItxError {
  return new ItxError('NOT_FOUND', `stream ${path} does not exist`, { path })
}
