import { ItxError } from '../../streams/errors.ts'
import type { AppendSettings } from './append-queue.ts'

export interface ConnectOptions extends Partial<AppendSettings> {
  /** The server's address, such as `http://localhost:3000`. */
  readonly url: string
  /** An API token. A page has none: it has the session of whoever is signed in. */
  readonly token?: string
  /** The project's slug or id. */
  readonly project: string
}

/** The address of the socket door. @throws {ItxError} BAD_REQUEST when the server's address is none. */
export function checkedUrl(url: string): URL {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new ItxError('BAD_REQUEST', `the address must begin with http:// or https://, not ${url}`, { field: 'url' })
  }
  const socketUrl = new URL('/api/itx', url)
  socketUrl.protocol = socketUrl.protocol === 'https:' ? 'wss:' : 'ws:'
  return socketUrl
}
