import { staticMiddleware } from 'srvx/static'
import type { ServerRequest } from 'srvx'

const YEAR_SECONDS = 365 * 24 * 60 * 60

type Answer = (request: Request) => Response | Promise<Response>

/**
 * Serves the built client and passes everything else on. Files under `/assets/` carry a hash of their content in their
 * names and never change; the rest is revalidated.
 */
export function withStaticFiles(directory: string, answer: Answer): Answer {
  const immutable = staticMiddleware({ dir: directory, maxAge: YEAR_SECONDS, immutable: true })
  const revalidated = staticMiddleware({ dir: directory, maxAge: 0 })
  return (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return answer(request)
    const { pathname } = new URL(request.url)
    // Only a name with an ending may be a file; a door never is.
    if (!/\.[a-z0-9]+$/i.test(pathname) || pathname.startsWith('/api/')) return answer(request)
    const serve = pathname.startsWith('/assets/') ? immutable : revalidated
    return serve(request as ServerRequest, () => answer(request))
  }
}
