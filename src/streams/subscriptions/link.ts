import type { StreamPath } from '../path.ts'

/** What ties a subscription to one stream: how far its events are worked off. */
export interface Link {
  readonly path: StreamPath
  /** The subscription's pattern matches it. */
  readonly glob: boolean
  /** Somebody named it. */
  readonly explicit: boolean
  /** Done with everything up to this offset. -1: linked before the first event, and nothing done yet. */
  readonly acked: number
  /** The life of the stream that `acked` is about; null: the stream is not there yet. */
  readonly incarnationId: string | null
  /**
   * The first generation that may be told of this link. One that began while somebody worked on a wake comes with the
   * next: an offset that they acknowledge there would be one of a life that is over.
   */
  readonly since: number
}

/** How far a stream goes, for those who see no core events. */
export interface Tail {
  readonly incarnationId: string
  readonly offset: number
}

/** Whether there is something to do. Only visible events are: an empty stream has none. */
export function isPending(link: Link, tail: Tail): boolean {
  return tail.offset > Math.max(link.acked, 0)
}

/** A stream that the subscription comes upon: it begins before its first event. */
interface Discovery {
  readonly path: StreamPath
  readonly matches: boolean
  readonly since: number
}

/**
 * What a link is once it is held against its stream: the one way in which streams that come, go and begin anew reach a
 * subscription, whether somebody told of it or a crash kept it from being told.
 */
export function heldAgainst(link: Link | null, tail: Tail | null, { path, matches, since }: Discovery): Link | null {
  if (tail === null) return link?.incarnationId === null ? link : null
  const { incarnationId } = tail
  if (link === null) {
    return matches ? { path, glob: true, explicit: false, acked: -1, incarnationId, since } : null
  }
  if (link.incarnationId === incarnationId) return link
  if (link.incarnationId === null) return { ...link, glob: matches, incarnationId }
  return { ...link, acked: -1, incarnationId, since }
}

/** The link after a stream was named; an existing one keeps what is done. */
export function named(link: Link | null, tail: Tail | null, { path, matches, since }: Discovery): Link {
  const { incarnationId, offset } = tail ?? { incarnationId: null, offset: 0 }
  if (link === null)
    return { path, glob: matches && tail !== null, explicit: true, acked: offset, incarnationId, since }
  return { ...link, explicit: true }
}

/** The link after its name was taken back: the pattern's stays. Null: nothing is left. */
export function unnamed(link: Link): Link | null {
  return link.glob ? { ...link, explicit: false } : null
}

/** A link as it is stored; its path is in its key. */
export function linkText({ glob, explicit, acked, incarnationId, since }: Link): string {
  return JSON.stringify({ glob, explicit, acked, incarnationId, since })
}

export function linkOf(path: StreamPath, text: string): Link {
  return { path, ...(JSON.parse(text) as Omit<Link, 'path'>) }
}
