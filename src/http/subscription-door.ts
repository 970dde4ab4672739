import { resolveProject } from '../itx/access.ts'
import type { Instance } from '../itx/instance.ts'
import type { ProjectAccess } from '../itx/project-access.ts'
import { wakeAccess, webhookKeyOf } from '../itx/wake-access.ts'
import { ItxError } from '../streams/errors.ts'
import { jsonResponse, notAllowed, textResponse } from './http-error.ts'
import { letIn } from './let-in.ts'
import { bodyText } from './request-body.ts'
import { splitTarget } from './stream-path.ts'
import { subscriptionError, tokenError } from './subscription-errors.ts'
import { listedJson, toldJson } from './subscription-json.ts'
import type { SubscriptionTarget } from './subscription-target.ts'

/** A thousand names of streams, each as long as can be, and some room. */
const BODY_BYTES = 1024 * 1024
const STREAM_ROOT = '/v1/stream'
const BEGINNING = '-1'

type Subscriptions = ReturnType<ProjectAccess['streams']>['subscriptions']
type Page = Awaited<ReturnType<Subscriptions['get']>>
type Progress = Parameters<Subscriptions['progress']>[2]

/** What a request is about. */
interface Asked {
  readonly instance: Instance
  readonly request: Request
  readonly project: string
  /** The stream root as the caller addresses it, with a slash at its end. */
  readonly address: string
  readonly url: URL
}

/**
 * Answers what is below `<project>/v1/stream/__ds/` (Durable Streams protocol, sections 6 and 7).
 *
 * @param target the path of the request as it was sent
 */
export async function subscriptionDoor(
  instance: Instance,
  request: Request,
  { target, url, control }: { readonly target: string; readonly url: URL; readonly control: SubscriptionTarget },
): Promise<Response> {
  try {
    const { project, rawPath } = splitTarget(target)
    const prefix = target.slice(0, target.length - (rawPath?.length ?? 0))
    const address = `${instance.config.baseUrl ?? url.origin}${prefix}${STREAM_ROOT}/`
    return await answered({ instance, request, project, address, url }, control)
  } catch (error) {
    return subscriptionError(instance, error)
  }
}

function answered(asked: Asked, control: SubscriptionTarget): Response | Promise<Response> {
  switch (control.kind) {
    case 'jwks':
      return jwks(asked)
    case 'callback':
    case 'ack':
      return progress(asked, control)
    case 'release':
      return release(asked, control)
    default:
      return letInAndAnswer(asked, control)
  }
}

// -- whoever works on a wake: by the token of that wake ----------------------------------------------------------------

async function progress(asked: Asked, { kind, id }: { readonly kind: 'callback' | 'ack'; readonly id: string }) {
  const { request } = asked
  if (request.method !== 'POST') return notAllowed('POST')
  const access = byToken(asked, id)
  if (typeof access === 'string') return tokenError(access)
  const body = await bodyObject(request)
  const type = kind === 'callback' ? 'webhook' : 'pull-wake'
  const { nextWake } = await access.streams.subscriptions.progress(id, type, {
    held: access.grant,
    named: wakeName(body),
    acks: acksOf(body),
    done: body['done'] === true,
  })
  return jsonResponse({ ok: true, next_wake: nextWake })
}

async function release(asked: Asked, { id }: { readonly id: string }): Promise<Response> {
  const { request } = asked
  if (request.method !== 'POST') return notAllowed('POST')
  const access = byToken(asked, id)
  if (typeof access === 'string') return tokenError(access)
  const named = wakeName(await bodyObject(request))
  await access.streams.subscriptions.release(id, { held: access.grant, named })
  return textResponse(null, { status: 204 })
}

function byToken({ instance, request, project }: Asked, subscriptionId: string) {
  return wakeAccess(instance, request.headers.get('authorization'), { idOrSlug: project, subscriptionId })
}

/** Public: whoever receives a webhook must be able to look the key up. */
function jwks({ instance, request, project }: Asked): Response {
  if (request.method !== 'GET') return notAllowed('GET')
  return jsonResponse(
    { keys: [webhookKeyOf(instance, project)] },
    { headers: { 'content-type': 'application/jwk-set+json', 'cache-control': 'public, max-age=300' } },
  )
}

// -- everybody else: by a credential of the project --------------------------------------------------------------------

async function letInAndAnswer(asked: Asked, control: SubscriptionTarget): Promise<Response> {
  const { instance, request, project } = asked
  const principal = await letIn(instance, request, 'http')
  if (principal instanceof Response) return principal
  const access = resolveProject(instance, principal, project)
  // A subscription reaches over all streams below the root: nothing for those who reach only a part of them.
  access.path(STREAM_ROOT)
  switch (control.kind) {
    case 'subscription':
      return one(asked, access, control.id)
    case 'streams':
      return addStreams(request, access, control.id)
    case 'stream':
      return removeStream(request, access, control)
    case 'claim':
      return claim(asked, access, control.id)
    default:
      throw new ItxError('NOT_FOUND', 'there is nothing at this address', { reason: 'address' })
  }
}

async function one(asked: Asked, access: ProjectAccess, id: string): Promise<Response> {
  const { request, address } = asked
  const subscriptions = () => access.streams().subscriptions
  switch (request.method) {
    case 'PUT': {
      access.require('configure')
      const { created } = await subscriptions().create(id, await bodyObject(request), address)
      return described(asked, access, await subscriptions().get(id), created ? 201 : 200)
    }
    case 'GET': {
      // Not for viewers: the address of a webhook may be a secret.
      access.require('append')
      return described(asked, access, await subscriptions().get(id, asked.url.searchParams.get('after') ?? ''))
    }
    case 'DELETE':
      access.require('configure')
      await subscriptions().delete(id)
      return textResponse(null, { status: 204 })
    default:
      return notAllowed('GET, PUT, DELETE')
  }
}

async function addStreams(request: Request, access: ProjectAccess, id: string): Promise<Response> {
  if (request.method !== 'POST') return notAllowed('POST')
  access.require('configure')
  const { streams } = await bodyObject(request)
  await access.streams().subscriptions.addStreams(id, streams)
  return textResponse(null, { status: 204 })
}

async function removeStream(
  request: Request,
  access: ProjectAccess,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<Response> {
  if (request.method !== 'DELETE') return notAllowed('DELETE')
  access.require('configure')
  await access.streams().subscriptions.removeStream(id, name)
  return textResponse(null, { status: 204 })
}

async function claim({ instance, request }: Asked, access: ProjectAccess, id: string): Promise<Response> {
  if (request.method !== 'POST') return notAllowed('POST')
  access.require('append')
  const { worker } = await bodyObject(request)
  const { wakeId, generation, streams, leaseMs } = await access.streams().subscriptions.claim(id, worker)
  return jsonResponse({
    wake_id: wakeId,
    generation,
    token: instance.wakes.mint({ projectId: access.id, subscriptionId: id, wakeId, generation }),
    streams: streams.map(toldJson),
    lease_ttl_ms: leaseMs,
  })
}

function described({ instance, address }: Asked, access: ProjectAccess, page: Page, status = 200): Response {
  const { config, id, createdAt, generation, status: state, wake } = page.subscription
  const retry = wake?.phase === 'due' && wake.attempts > 0 ? wake : null
  const signing = {
    alg: 'ed25519',
    kid: instance.wakes.publicKey(access.id).kid,
    jwks_url: `${address}__ds/jwks.json`,
  }
  return jsonResponse(
    {
      id,
      subscription_id: id,
      type: config.type,
      pattern: config.pattern,
      streams: page.streams.map(listedJson),
      // Beside the protocol: a subscription may have more streams than an answer should hold.
      next_after: page.nextAfter,
      webhook: config.url === null ? null : { url: config.url, signing },
      wake_stream: config.wakeStream,
      lease_ttl_ms: config.leaseMs,
      created_at: createdAt,
      status: state,
      generation,
      next_attempt_at: retry && new Date(retry.at).toISOString(),
      last_error: retry?.error ?? null,
      description: config.description,
    },
    { status },
  )
}

// -- bodies ------------------------------------------------------------------------------------------------------------

/** @throws {ItxError} BAD_REQUEST unless the body is a JSON object; nothing at all counts as an empty one. */
async function bodyObject(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const text = await bodyText(request, BODY_BYTES)
  let body: unknown = {}
  try {
    if (text.trim() !== '') body = JSON.parse(text)
  } catch {
    throw new ItxError('BAD_REQUEST', 'the body is not valid JSON', { field: 'body' })
  }
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>
  throw new ItxError('BAD_REQUEST', 'the body must be a JSON object', { field: 'body' })
}

/** The wake that a body speaks of; what names none is no wake that there is. */
function wakeName(body: Readonly<Record<string, unknown>>): Progress['named'] {
  const { wake_id: wakeId, generation } = body
  return {
    wakeId: typeof wakeId === 'string' ? wakeId : '',
    generation: typeof generation === 'number' ? generation : -1,
  }
}

function acksOf({ acks = [] }: Readonly<Record<string, unknown>>): Progress['acks'] {
  if (!Array.isArray(acks)) throw badAcks()
  return acks.map((ack: unknown) => {
    if (typeof ack !== 'object' || ack === null) throw badAcks()
    const { stream, path, offset } = ack as Readonly<Record<string, unknown>>
    const name = stream ?? path
    if (typeof name !== 'string' || typeof offset !== 'string') throw badAcks()
    return { stream: name, offset: eventOffset(offset) }
  })
}

function badAcks(): ItxError {
  return new ItxError('BAD_REQUEST', 'acks must be an array of { stream, offset }', { field: 'acks' })
}

/** The offset of an event, as `tail_offset` says it; null for anything else. */
function eventOffset(text: string): number | null {
  const [, digits] = text === BEGINNING ? [] : (/^(\d{16})_0{16}$/.exec(text) ?? [])
  const offset = Number(digits)
  return digits !== undefined && Number.isSafeInteger(offset) ? offset : null
}
