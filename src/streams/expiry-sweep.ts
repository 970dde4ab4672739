import type { StreamPath } from './path.ts'
import { type Scheduler, nextTurn } from './scheduler.ts'
import type { CommittedReader } from './storage/port.ts'

/** Streams that are ended in one go. */
const SLICE = 100
/** The next look, at the earliest and at the latest, in milliseconds. */
const SOONEST_MS = 1000
const LATEST_MS = 60_000

interface SweepPorts {
  readonly reader: Pick<CommittedReader, 'listExpired' | 'nextExpiry'>
  readonly scheduler: Scheduler
  readonly now: () => number
  readonly expire: (path: StreamPath) => Promise<void>
  readonly warn: (message: string) => void
}

/**
 * Ends the streams whose time is over and that nobody asks for any more. Whoever does ask is told at once that there is
 * none: this only frees the disk, and the tree.
 */
export class ExpirySweep {
  readonly #ports: SweepPorts
  #cancel: (() => void) | null = null
  #sweeping = false
  #stopped = false

  constructor(ports: SweepPorts) {
    this.#ports = ports
  }

  /** There is a stream that ends by itself. */
  arm(): void {
    if (this.#stopped || this.#sweeping || this.#cancel) return
    this.#schedule(SOONEST_MS)
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  #schedule(ms: number): void {
    this.#cancel = this.#ports.scheduler.timer(ms, () => {
      this.#cancel = null
      void this.#sweep()
    })
  }

  async #sweep(): Promise<void> {
    const { reader, scheduler, now, expire, warn } = this.#ports
    this.#sweeping = true
    let next: number | null = null
    try {
      // Those that are used live on, so the list may not get shorter: one page a sweep.
      for (const path of reader.listExpired(now(), SLICE)) {
        if (this.#stopped) return
        // One that is damaged must not keep the others.
        await expire(path).catch((error: unknown) => {
          if (!this.#stopped) warn(`${path} is over and was not removed: ${String(error)}`)
        })
        await nextTurn(scheduler)
      }
      next = reader.nextExpiry()
    } catch (error) {
      if (this.#stopped) return
      warn(`streams whose time is over were not removed: ${String(error)}`)
      next = now() + LATEST_MS
    } finally {
      this.#sweeping = false
    }
    if (next !== null && !this.#stopped) this.#schedule(Math.min(LATEST_MS, Math.max(SOONEST_MS, next - now())))
  }
}
