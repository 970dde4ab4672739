import type { Writable } from 'node:stream'
import { FastResponse } from 'srvx'

/** How long a client may take nothing at all of what lies ready for it, before it counts as gone. */
export const STALLED_MS = 60_000

/**
 * An answer that is written to Node's response by whoever makes it: a web stream in between would cost every reader a
 * queue and a chain of promises. Who passes it on must not make another of it; headers may still be set.
 *
 * @param begin given Node's response once the headers are written
 * @param leave called instead when the client was gone before
 */
export function pipedResponse(
  begin: (target: Writable) => void,
  leave: () => void,
  headers: Record<string, string>,
): Response {
  // What has a `pipe` is a body to srvx, as the renderers of pages make them, though its type does not say so.
  const body = { pipe: begin, destroy: leave, abort: leave }
  return new FastResponse(body as unknown as BodyInit, { headers })
}
