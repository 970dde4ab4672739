import { CLIENT_ADDRESS_HEADER } from '../control-plane/auth.ts'
import { batchDoor } from '../http/batch-door.ts'
import { readTokenDoor } from '../http/read-token-door.ts'
import { setupDoor } from '../http/setup-door.ts'
import { errorResponse, jsonResponse, notAllowed } from '../http/http-error.ts'
import { bodyText } from '../http/request-body.ts'
import { STREAMS_PREFIX } from '../http/stream-path.ts'
import { streamsDoor } from '../http/streams-door.ts'
import { type Instance, currentInstance } from '../itx/instance.ts'
import { ItxError } from '../streams/errors.ts'
import { compressedPage } from './compressed-page.ts'
import { newNonce, securedPage } from './page-security.ts'
import { isReady } from './start.ts'

const SIGN_IN_BODY_BYTES = 64 * 1024
const SIGN_IN_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])

/** What srvx adds to a request. */
interface NodeContext {
  readonly runtime?: { readonly node?: { readonly req: { readonly url?: string } } }
}

/**
 * Answers a request: health, the HTTP doors and sign-in here, before the framework's router (a file route costs half
 * the requests per second); everything else is a page.
 *
 * @param renderPage its scripts must carry the nonce
 */
export async function answer(
  request: Request,
  renderPage: (request: Request, nonce: string) => Response | Promise<Response>,
): Promise<Response> {
  const url = new URL(request.url)
  let instance: Instance
  try {
    if (url.pathname === '/healthz' || url.pathname === '/readyz') return await health()
    const target = rawPathname(request) ?? url.pathname
    if (target.startsWith(STREAMS_PREFIX)) return await streamsDoor(currentInstance(), request, target, url)
    if (url.pathname === '/api/itx') return await batchDoor(currentInstance(), request)
    if (url.pathname === '/api/read-tokens') return await readTokenDoor(currentInstance(), request)
    if (url.pathname === '/api/setup') return await setupDoor(currentInstance(), request)
    if (url.pathname.startsWith('/api/auth/')) return await signIn(request)
    if (url.pathname.startsWith('/api/')) throw new ItxError('NOT_FOUND', `there is nothing at ${url.pathname}`)
    instance = currentInstance()
  } catch (error) {
    return errorResponse({ log: console.error, dev: false }, error)
  }
  const nonce = newNonce()
  const { config, dev } = instance
  const page = await renderPage(request, nonce)
  // In development Vite has its hands in pages as well.
  return securedPage(dev ? page : compressedPage(request, page), { nonce, requested: url.origin, config, dev })
}

async function health(): Promise<Response> {
  const ok = await isReady()
  return jsonResponse({ status: ok ? 'ok' : 'unavailable' }, { status: ok ? 200 : 503 })
}

/** The path as it was sent: a URL object has resolved its dots already, perhaps out of the project. */
function rawPathname(request: Request): string | undefined {
  const raw = (request as Request & NodeContext).runtime?.node?.req.url
  return raw?.split('?', 1)[0]
}

/** Answers what sign-in answers; some other methods no request can even be made of. */
async function signIn(request: Request): Promise<Response> {
  if (!SIGN_IN_METHODS.has(request.method)) return notAllowed('GET, POST')
  const { auth, addresses } = currentInstance()
  return auth.handler(await forSignIn(request, addresses.ofRequest(request)))
}

/**
 * A request as sign-in takes it: of a bounded size, since anybody may send one, and from the address we know it to come
 * from, by which sign-in is limited, never from what a client claims.
 */
async function forSignIn(request: Request, address: string | null): Promise<Request> {
  const headers = new Headers(request.headers)
  if (address === null) headers.delete(CLIENT_ADDRESS_HEADER)
  else headers.set(CLIENT_ADDRESS_HEADER, address)
  const { method } = request
  const body = await bodyText(request, SIGN_IN_BODY_BYTES)
  return new Request(request.url, { method, headers, ...(body === '' ? {} : { body }) })
}
