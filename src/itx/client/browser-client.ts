import { Connection } from './connection.ts'

// One socket per tab, also when a module is evaluated anew in dev.
const KEY = Symbol.for('tributary.browser-client')
const holder = globalThis as { [KEY]?: Connection }

/** The tab's connection. Browser only. */
export function browserClient(): Connection {
  return (holder[KEY] ??= create())
}

function create(): Connection {
  const url = new URL('/api/itx', location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const connection = new Connection(() => new WebSocket(url))
  addEventListener('online', () => connection.wake())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') connection.wake()
  })
  return connection
}
