import { STREAMS_PREFIX } from './stream-path.ts'

/** What an address below the reserved part of the stream root asks for (Durable Streams protocol, section 6). */
export type SubscriptionTarget =
  | { readonly kind: 'jwks' }
  | { readonly kind: 'subscription'; readonly id: string }
  | { readonly kind: 'streams'; readonly id: string }
  | { readonly kind: 'stream'; readonly id: string; readonly name: string }
  | { readonly kind: 'callback' | 'ack'; readonly id: string }
  | { readonly kind: 'claim' | 'release'; readonly id: string }
  | { readonly kind: 'nothing' }

/** What is reserved inside of a project. */
const RESERVED = ['v1', 'stream', '__ds']
const ACTIONS = ['callback', 'claim', 'ack', 'release'] as const

/**
 * Recognises what is no stream; null for everything that is one.
 *
 * @param target the path of the request as it was sent
 */
export function subscriptionTarget(target: string): SubscriptionTarget | null {
  // Asked of every request: most can be told at a glance.
  if (!target.includes('__ds') && !target.includes('%')) return null
  const [_project, ...segments] = target.slice(STREAMS_PREFIX.length).split('/')
  if (!RESERVED.every((segment, i) => segment === decoded(segments[i] ?? ''))) return null
  const rest = segments.slice(RESERVED.length)
  if (rest.length === 1 && rest[0] === 'jwks.json') return { kind: 'jwks' }
  const [collection, rawId = '', action, ...more] = rest
  const id = decoded(rawId)
  if (collection !== 'subscriptions' || id === null || id === '') return { kind: 'nothing' }
  if (action === undefined) return { kind: 'subscription', id }
  const known = ACTIONS.find((each) => each === action)
  if (known) return more.length === 0 ? { kind: known, id } : { kind: 'nothing' }
  if (action !== 'streams') return { kind: 'nothing' }
  if (more.length === 0) return { kind: 'streams', id }
  const name = decoded(more.join('/'))
  return name === null ? { kind: 'nothing' } : { kind: 'stream', id, name }
}

/** Null for a bad escape. */
function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    return null
  }
}
