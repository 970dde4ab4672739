import type { Ongoing, Session } from './session.ts'

/** What Cap'n Web passes for a caller's function: a stub with a lifetime of its own. */
export type RemoteCallback<T> = ((value: T) => unknown) & {
  dup?: () => RemoteCallback<T>
  onRpcBroken?: (listener: (error: unknown) => void) => void
  [Symbol.dispose]?: () => void
}

/** Something that calls back until it is over. */
interface Started {
  closed(): Promise<unknown>
}

/**
 * Starts something that calls a caller's function back, and lets go of the function when that is over, or never began.
 *
 * @param session counts it as open for as long, as what it is
 * @param start gets the function to call; what it answers resolves once the caller has taken the value
 * @param stop ends what was started: its caller has gone away
 * @throws {ItxError} RATE_LIMITED `subscriptions` or `scans`, and as `start`
 */
export async function callingBack<T, S extends Started>(
  onValue: RemoteCallback<T>,
  { session, what }: { readonly session: Pick<Session, 'enter'>; readonly what: Ongoing },
  start: (call: (value: T) => Promise<void>) => Promise<S>,
  stop: (started: S) => void,
): Promise<S> {
  const leave = session.enter(what)
  // Cap'n Web takes parameters back when the call returns: whoever keeps a callback must hold a copy.
  const callback = onValue.dup?.() ?? onValue
  const release = () => {
    leave()
    callback[Symbol.dispose]?.()
  }
  try {
    // Waited for elsewhere: a function that waits keeps what it was called with, and so every value that is under way.
    const started = await start((value) => taken(callback(value) as Acknowledgement))
    void started.closed().then(release)
    callback.onRpcBroken?.(() => stop(started))
    return started
  } catch (error) {
    release()
    throw error
  }
}

type Acknowledgement = (PromiseLike<unknown> & { [Symbol.dispose]?: () => void }) | undefined

async function taken(result: Acknowledgement): Promise<void> {
  try {
    await result
  } finally {
    // A result that is neither awaited nor disposed stays in the session's table.
    result?.[Symbol.dispose]?.()
  }
}
