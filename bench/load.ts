import { setTimeout as wait } from 'node:timers/promises'

/** Ways to put load on something. */

/** Seconds that `total` calls take, made by so many callers, each waiting for its own before it makes the next. */
export async function closedLoop(
  callers: number,
  total: number,
  call: (i: number) => Promise<unknown>,
): Promise<number> {
  let next = 0
  const start = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < total) await call(next++)
    }),
  )
  return (performance.now() - start) / 1000
}

/**
 * Makes calls at a fixed pace, whether or not those before have been answered, and gives their latencies in milliseconds.
 *
 * A call's latency counts from the moment it was due, not from the one it was made: were it otherwise, a stall that keeps
 * calls from being made would hide the very latencies it caused (coordinated omission). The timer's own lateness, up to
 * about a millisecond, is therefore in every figure; so it is in the peer's.
 */
export async function paced(perSecond: number, seconds: number, call: (due: number, i: number) => Promise<unknown>) {
  const total = Math.round(perSecond * seconds)
  const latencies: number[] = []
  const pending: Promise<unknown>[] = []
  const start = performance.now() + 10
  for (let i = 0; i < total;) {
    for (const now = performance.now(); i < total && dueAt(i) <= now; i++) {
      const due = dueAt(i)
      pending.push(call(due, i).then(() => latencies.push(performance.now() - due)))
    }
    await wait(1)
  }
  await Promise.all(pending)
  return latencies

  function dueAt(i: number): number {
    return start + (i * 1000) / perSecond
  }
}
