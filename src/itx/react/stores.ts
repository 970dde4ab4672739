import type { Connection, ConnectionStatus } from '../client/connection.ts'

/** What `useSyncExternalStore` takes. */
interface StatusStore {
  subscribe(listener: () => void): () => void
  getSnapshot(): ConnectionStatus
  getInitialSnapshot(): ConnectionStatus
}

const IDLE: ConnectionStatus = { state: 'idle' }

/** The state of a connection; `idle` is what the server rendered. */
export function statusStore(connection: Connection): StatusStore {
  return {
    subscribe: (listener) => connection.subscribe(listener),
    getSnapshot: () => connection.status,
    getInitialSnapshot: () => IDLE,
  }
}

/** On a server nothing changes. */
export const stillStore: StatusStore = {
  subscribe: () => () => {},
  getSnapshot: () => IDLE,
  getInitialSnapshot: () => IDLE,
}
