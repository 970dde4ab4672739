/** `tributary/stream-db/react`: hooks for what a database holds and how it is. */
import { type ReactNode, createContext, createElement, useContext, useEffect, useSyncExternalStore } from 'react'
import type { StateOfStream, StreamDB } from './create-stream-db.ts'
import type { StreamDBStatus } from './database-options.ts'

export { useLiveQuery, useLiveSuspenseQuery, useLiveInfiniteQuery } from '@tanstack/react-db'

/** A database, whatever its collections are. */
type AnyStreamDB = Omit<StreamDB, 'collections'>

const DatabaseContext = createContext<AnyStreamDB | undefined>(undefined)

export interface StreamDBProviderProps {
  readonly db: AnyStreamDB
  readonly children?: ReactNode
}

/**
 * Gives a database to the hooks below, and preloads it when it is in a page. It does not close it: the database belongs to
 * whoever made it, and mounts come and go.
 */
export function StreamDBProvider({ db, children }: StreamDBProviderProps) {
  useEffect(() => {
    // A failure is in the status, where useStatus shows it.
    if (db.status === 'idle') db.preload().catch(() => undefined)
  }, [db])
  return createElement(DatabaseContext, { value: db }, children)
}

/**
 * The database of the nearest provider. It is for the caller to say which state it has.
 *
 * @throws {Error} when there is no provider above
 */
export function useStreamDB<S extends StateOfStream = StateOfStream>(): StreamDB<S> {
  const db = useContext(DatabaseContext)
  if (db === undefined) throw new Error('the hooks of StreamDB need a <StreamDBProvider> above them')
  return db as unknown as StreamDB<S>
}

export interface StatusOfStreamDB {
  readonly status: StreamDBStatus
  readonly error: Error | undefined
}

/** How the database is, now: that of the nearest provider, or the one that is given. */
export function useStatus(db?: Pick<AnyStreamDB, 'status' | 'error' | 'subscribeStatus'>): StatusOfStreamDB {
  const above = useContext(DatabaseContext)
  const asked = db ?? above
  if (asked === undefined) throw new Error('useStatus needs a database, or a <StreamDBProvider> above it')
  const status = useSyncExternalStore(
    asked.subscribeStatus,
    () => asked.status,
    () => asked.status,
  )
  const error = useSyncExternalStore(
    asked.subscribeStatus,
    () => asked.error,
    () => asked.error,
  )
  return { status, error }
}
