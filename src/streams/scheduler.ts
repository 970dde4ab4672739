/**
 * When things run that do not run now. Injected, so that a simulation can decide the order of everything and replay it
 * from a seed.
 */
export interface Scheduler {
  /** Runs at the end of this turn of the event loop. */
  immediate(run: () => void): void
  /** Runs once after so many milliseconds, without keeping the process alive. @returns what cancels it. */
  timer(ms: number, run: () => void): () => void
}

export const nodeScheduler: Scheduler = {
  immediate: (run) => void setImmediate(run),
  timer: (ms, run) => {
    const timer = setTimeout(run, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Resolves in the next turn: long work yields to everything else this way. */
export function nextTurn(scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => scheduler.immediate(resolve))
}
