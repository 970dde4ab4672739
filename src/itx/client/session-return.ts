import type { Connection } from './connection.ts'

export interface SessionReturnOptions {
  readonly connection: Connection
  /** The user who is signed in now; null: nobody; undefined: it could not be found out. */
  readonly askWho: () => Promise<string | null | undefined>
  /** What is on the page belongs to somebody else: it is loaded anew. */
  readonly reload: () => void
}

/**
 * Goes on where a session has ended and another has begun, in another tab: who comes back to this one should not have to
 * load it anew and lose what they had written. Somebody else must not see what the one before them saw.
 *
 * Rights that have changed are left alone: the page may show what is no longer so, and says it.
 *
 * @returns what to call when the tab comes back
 */
export function resumeWithSession({ connection, askWho, reload }: SessionReturnOptions): () => Promise<void> {
  let reader: string | undefined
  let asking = false
  connection.subscribe(() => {
    if (connection.status.state !== 'connected' || reader !== undefined) return
    void readerOf(connection).then((id) => (reader ??= id))
  })
  return async () => {
    const { state, reason } = connection.status
    if (state !== 'signed-out' || reason === 'access changed' || asking) return
    asking = true
    try {
      const now = await askWho()
      if (now === undefined || now === null) return
      if (now === reader) connection.reset()
      else reload()
    } finally {
      asking = false
    }
  }
}

/** The user whose session the socket has; undefined when the socket broke before it was told. */
async function readerOf(connection: Connection): Promise<string | undefined> {
  try {
    using root = await connection.root()
    const who = await root.whoami()
    return who.kind === 'user' ? who.id : undefined
  } catch {
    return undefined
  }
}
