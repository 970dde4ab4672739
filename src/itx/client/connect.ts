import { WebSocket as NodeWebSocket } from 'ws'
import { ItxError } from '../../streams/errors.ts'
import { Connection } from './connection.ts'
import { type ConnectOptions, checkedUrl } from './connect-options.ts'
import { ItxClient } from './itx-client.ts'

export { ItxClient } from './itx-client.ts'
export type { ConnectOptions } from './connect-options.ts'

/** A peer that sends nothing, not even the server's answer to a ping, is not there. */
const QUIET_MS = 30_000

/**
 * Connects a program to a project. The socket is opened at the first call and reopened when it breaks; call `close`
 * at the end, or the process stays alive.
 *
 * Until there was a first connection, a call fails as soon as its dial does: a wrong address should not look like a slow
 * one. After it, waiting is the right answer.
 *
 * @throws {ItxError} BAD_REQUEST when the address is none, or there is no token.
 */
export function connectItx({ url, token, project, ...settings }: ConnectOptions): ItxClient {
  const socketUrl = checkedUrl(url)
  if (token === undefined || token === '') {
    throw new ItxError('BAD_REQUEST', 'a program needs a token: tributary token create', { field: 'token' })
  }
  let reached = false
  const dial = () => {
    const socket = new NodeWebSocket(socketUrl, {
      headers: { authorization: `Bearer ${token}` },
      maxPayload: 64 * 2 ** 20,
    })
    socket.on('open', () => (reached = true))
    socket.on('unexpected-response', (_request, { statusCode }) => {
      if (statusCode === 401) {
        connection.fail(
          new ItxError('FORBIDDEN', 'the server refused the token', { reason: 'credential', status: 401 }),
        )
      } else if (!reached)
        connection.fail(unreachable(url, `no Tributary answers at ${url} (HTTP status ${statusCode})`))
      socket.terminate()
    })
    socket.on('error', (error) => {
      if (!reached) connection.fail(unreachable(url, `nothing answers at ${url} (${causeOf(error)})`))
    })
    return socket as unknown as WebSocket
  }
  const connection = new Connection(dial, { quietMs: QUIET_MS })
  // A program cannot sign in: the next call asks again, and is told by the door what is wrong with its token.
  connection.subscribe(() => connection.status.state === 'signed-out' && connection.reset())
  return new ItxClient(connection, project, settings)
}

function unreachable(url: string, message: string): ItxError {
  return new ItxError('UNAVAILABLE', message, { reason: 'unreachable', url })
}

/** A name with several addresses fails with an error that has no words of its own. */
function causeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message
}
