import { type ReactNode, createContext, createElement, useContext } from 'react'
import type { Connection } from '../client/connection.ts'

const ConnectionContext = createContext<Connection | null | undefined>(undefined)

export interface ItxProviderProps {
  /** Null while a page is rendered on a server: what is below shows what it was given, and asks nobody. */
  readonly connection: Connection | null
  readonly children?: ReactNode
}

/** Gives the connection to the hooks below. The provider does not close it: it belongs to whoever made it. */
export function ItxProvider({ connection, children }: ItxProviderProps) {
  return createElement(ConnectionContext, { value: connection }, children)
}

/**
 * The connection of the nearest provider; null on a server.
 *
 * @throws {Error} when there is no provider above.
 */
export function useItxConnection(): Connection | null {
  const connection = useContext(ConnectionContext)
  if (connection === undefined) throw new Error('the hooks of itx need an <ItxProvider> above them')
  return connection
}
