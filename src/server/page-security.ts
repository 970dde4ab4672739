import { randomBytes } from 'node:crypto'
import type { AppConfig } from '../../app.config.ts'

/** What the scripts of one page must carry to run: 128 random bits, new for every answer. */
export function newNonce(): string {
  return randomBytes(16).toString('base64')
}

interface PageParts {
  readonly nonce: string
  /** The origin that the request named. */
  readonly requested: string
  readonly config: Pick<AppConfig, 'origin' | 'allowedOrigins'>
  readonly dev: boolean
}

/**
 * A page with the headers that keep foreign code out of it (design page `itx.md`, "Security"): scripts and styles are
 * those of this server or carry the nonce of this answer, nothing is sent anywhere else, no other site may frame it, and
 * no cache keeps it, since it shows what its reader alone may see.
 */
export function securedPage(response: Response, parts: PageParts): Response {
  const headers = new Headers(response.headers)
  headers.set('x-content-type-options', 'nosniff')
  headers.set('referrer-policy', 'same-origin')
  headers.set('content-security-policy', contentSecurityPolicy(parts))
  if (!headers.has('cache-control')) headers.set('cache-control', 'private, no-store')
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers })
}

function contentSecurityPolicy({ nonce, requested, config, dev }: PageParts): string {
  // Vite puts styles into the page as it goes, without a nonce.
  const styles = dev ? "'unsafe-inline'" : `'nonce-${nonce}'`
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' ${styles}`,
    "img-src 'self' data:",
    `connect-src 'self'${socketSource(config.allowedOrigins.includes(requested) ? requested : config.origin)}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** Not every browser takes 'self' to be our socket as well. An IPv6 address cannot be written in a policy. */
function socketSource(origin: string): string {
  return origin.includes('[') ? '' : ` ${origin.replace(/^http/, 'ws')}`
}
