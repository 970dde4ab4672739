import { checkedUrl } from './connect-options.ts'
import { Connection } from './connection.ts'

/** A page that has heard nothing for so long asks whether anybody is there. */
const QUIET_MS = 20_000

/**
 * A connection of a page to the server at `url`, with the session of whoever is signed in there. It tries again, or
 * makes sure that it is still alive, when the network or the tab comes back, and when it has heard nothing for a while.
 *
 * @throws {ItxError} BAD_REQUEST when the address is none.
 */
export function browserConnection(url: string): Connection {
  const socketUrl = checkedUrl(url)
  // A network that swallows everything closes nothing, and says nothing when it is back.
  const connection = new Connection(() => new WebSocket(socketUrl), { quietMs: QUIET_MS })
  addEventListener('online', () => connection.wake())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') connection.wake()
  })
  return connection
}
