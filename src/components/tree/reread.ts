import type { QueryClient } from '@tanstack/react-query'
import { itxKey, streamStateQuery } from '../../itx/queries.ts'

/** Streams may come by the thousand: their lists are read anew at most this often. */
const AT_MOST_EVERY_MS = 1000

/**
 * Has the children of streams read anew: what is in sight at once, everything else when it is. While a level is being
 * read it is not asked for again, but once more afterwards: what has changed meanwhile may not be in the answer.
 */
export class Reread {
  readonly #queryClient: QueryClient
  readonly #projectId: string
  /** Streams that are being read, or are left in peace; true: and have changed since. */
  readonly #busy = new Map<string, boolean>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #over = false

  constructor(queryClient: QueryClient, projectId: string) {
    this.#queryClient = queryClient
    this.#projectId = projectId
  }

  level(path: string): void {
    if (this.#busy.has(path)) return void this.#busy.set(path, true)
    this.#busy.set(path, false)
    void this.#read(path)
  }

  /** As `level`, a while later, for those that were not read since. */
  levelsLater(paths: readonly string[], afterMs: number): void {
    const now = Date.now()
    this.#later(afterMs, () => {
      for (const path of paths) {
        const { queryKey } = streamStateQuery(this.#projectId, path)
        const state = this.#queryClient.getQueryState(queryKey)
        if (state && state.dataUpdatedAt <= now) this.level(path)
      }
    })
  }

  end(): void {
    this.#over = true
    for (const timer of this.#timers) clearTimeout(timer)
  }

  async #read(path: string): Promise<void> {
    const state = streamStateQuery(this.#projectId, path).queryKey
    const pages = itxKey.project(this.#projectId, 'streams', 'children', path)
    // Failures are kept in the entries, and shown where the rows would be.
    await Promise.all([
      this.#queryClient.invalidateQueries({ queryKey: state, exact: true }),
      this.#queryClient.invalidateQueries({ queryKey: pages }),
    ])
    this.#later(AT_MOST_EVERY_MS, () => {
      const again = this.#busy.get(path) === true
      this.#busy.delete(path)
      if (again) this.level(path)
    })
  }

  #later(ms: number, run: () => void): void {
    if (this.#over) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
  }
}
