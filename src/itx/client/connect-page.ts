import { ItxError } from '../../streams/errors.ts'
import { browserConnection } from './browser-connection.ts'
import type { ConnectOptions } from './connect-options.ts'
import { ItxClient } from './itx-client.ts'

/**
 * Connects a page to a project, with the session of whoever is signed in. The page must come from an address that the
 * server calls its own: sockets of others are refused.
 *
 * @throws {ItxError} BAD_REQUEST when the address is none, or a token is given: a page cannot send one with a socket.
 */
export function connectItx({ url, token, project, ...settings }: ConnectOptions): ItxClient {
  if (token !== undefined) {
    throw new ItxError('BAD_REQUEST', 'a page cannot send a token with a socket: use its session, or the HTTP door', {
      field: 'token',
    })
  }
  return new ItxClient(browserConnection(url), project, settings)
}
