import { itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'
import { isFinal } from '../../itx/client/follow.ts'
import { type HandleSource, Backoff, pause, signedInAgain } from '../../itx/client/retry.ts'
import type { ActivityBatch } from '../../itx/handle.ts'

export interface ActivityFeedOptions {
  readonly source: HandleSource
  readonly project: string
  /** Told also whenever what the project's overview says may have changed. */
  readonly overview?: boolean
  readonly onBatch: (batch: ActivityBatch) => void
  /**
   * Some streams are watched from now on: what changed before was not told, so their children have to be read once more.
   *
   * @param again the watching was interrupted
   */
  readonly onBegun: (paths: readonly string[], again: boolean) => void
}

/**
 * What changes below some streams, for as long as it is asked for: through broken connections, ends and sign-outs.
 * Other streams are watched before the ones before them are let go of: what stays in sight is watched all the time.
 */
export class ActivityFeed {
  readonly #options: ActivityFeedOptions
  /** The watching that is under way, and the one that will take its place as soon as it has begun. */
  #runs: Run[] = []

  constructor(options: ActivityFeedOptions) {
    this.#options = options
  }

  /** The streams that are watched at the moment. */
  get watched(): string[] {
    return [...new Set(this.#runs.flatMap(({ paths, begun }) => (begun ? [...paths] : [])))]
  }

  /** Watches these streams from now on, instead of those before. None: nothing is watched. */
  watch(paths: readonly string[]): void {
    const latest = this.#runs.at(-1)
    if (latest && isSameSet(latest.paths, paths)) return
    if (paths.length === 0) return this.close()
    const run: Run = { paths: new Set(paths), abort: new AbortController(), begun: false }
    // One that has not begun has nothing that would be missed.
    for (const each of this.#runs) if (!each.begun) each.abort.abort()
    this.#runs = [...this.#runs.filter(({ begun }) => begun), run]
    void this.#follow(run)
  }

  close(): void {
    for (const { abort } of this.#runs) abort.abort()
    this.#runs = []
  }

  async #follow(run: Run): Promise<void> {
    const { source } = this.#options
    const { signal } = run.abort
    const backoff = new Backoff()
    while (!signal.aborted) {
      try {
        await this.#watchOnce(run, () => backoff.reset())
      } catch (error) {
        if (signal.aborted) return
        if (itxErrorDetails(error)?.['reason'] === 'signed-out' && source.status?.state === 'signed-out') {
          await signedInAgain(source, signal)
        } else if (isFinal(error) && !MAY_COME_BACK.has(itxErrorCode(error) ?? '')) {
          return
        }
      }
      await pause(backoff.next(), signal, source)
    }
  }

  /** One watching from its start to its end. */
  async #watchOnce(run: Run, onTold: () => void): Promise<void> {
    const { source, project, onBatch, overview = false } = this.#options
    const { signal } = run.abort
    const aborted = Promise.withResolvers<void>()
    const onAbort = () => aborted.resolve()
    signal.addEventListener('abort', onAbort)
    try {
      using handle = await source.project(project)
      if (signal.aborted) return
      using activity = await handle.streams.activity({ paths: [...run.paths], overview }, (batch) => {
        if (signal.aborted) return
        onTold()
        onBatch(batch)
      })
      if (signal.aborted) return
      this.#begun(run)
      await Promise.race([activity.closed(), aborted.promise])
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  #begun(run: Run): void {
    const before = this.#runs.slice(0, this.#runs.indexOf(run))
    const watched = new Set(before.flatMap(({ paths }) => [...paths]))
    for (const each of before) each.abort.abort()
    this.#runs = this.#runs.slice(before.length)
    const again = run.begun
    run.begun = true
    const fresh = [...run.paths].filter((path) => again || !watched.has(path))
    if (fresh.length > 0) this.#options.onBegun(fresh, again)
  }
}

/** A project that is gone, or rights that were taken, may come back: asked for ever more seldom. */
const MAY_COME_BACK: ReadonlySet<string> = new Set(['NOT_FOUND', 'FORBIDDEN'])

interface Run {
  readonly paths: ReadonlySet<string>
  readonly abort: AbortController
  begun: boolean
}

function isSameSet(a: ReadonlySet<string>, b: readonly string[]): boolean {
  return a.size === b.length && b.every((path) => a.has(path))
}
