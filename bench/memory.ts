import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What a process holds, in bytes. */
export interface Memory {
  /** Live objects and buffers, what was garbage collected first. */
  readonly live: number
  /** Pages of the process: the allocator's slack and SQLite's caches are in it, so it moves in steps. */
  readonly rss: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What this process holds once the garbage is gone. */
export async function memory(): Promise<Memory> {
  // A buffer is freed a turn after the object that owned it.
  for (let i = 0; i < 3; i++) {
    await wait(10)
    collect()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { live: heapUsed + external, rss }
}

/** The most pages this process has had since the last call of `peak`. */
export class PeakRss {
  #peak = process.memoryUsage.rss()
  readonly #timer = setInterval(() => this.#look(), 5)

  stop(): number {
    clearInterval(this.#timer)
    this.#look()
    return this.#peak
  }

  #look(): void {
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss())
  }
}
