import type { StreamEvent } from '../../streams/event.ts'

/**
 * What a follower is given, as an iterator: the follower waits until the loop has come to the end of a batch, and ends
 * when the loop is left.
 *
 * @param follow follows until its signal comes; batches one after the other
 */
export async function* eventsOf(
  signal: AbortSignal | undefined,
  follow: (signal: AbortSignal, onEvents: (events: readonly StreamEvent[]) => Promise<void>) => Promise<void>,
): AsyncGenerator<StreamEvent> {
  const end = new AbortController()
  let batch: { readonly events: readonly StreamEvent[]; readonly taken: () => void } | null = null
  let outcome: { readonly error?: unknown } | null = null
  let wake = () => {}
  const following = follow(signal ? AbortSignal.any([signal, end.signal]) : end.signal, (events) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    batch = { events, taken: resolve }
    wake()
    return promise
  })
    .then(
      () => (outcome = {}),
      (error: unknown) => (outcome = { error }),
    )
    .then(() => wake())
  // Assigned by what is called back, which the compiler does not follow.
  const came = () => batch as typeof batch | null
  const ended = () => outcome as { readonly error?: unknown } | null
  try {
    for (;;) {
      const now = came()
      if (now) {
        batch = null
        yield* now.events
        now.taken()
      } else if (ended()) {
        if (ended()?.error !== undefined) throw ended()?.error
        return
      } else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    end.abort()
    await following
  }
}
