import type { ProjectApi } from '../handle.ts'
import type { ConnectionStatus } from './connection.ts'

/** Where the handles of projects come from: a connection, or a server in memory, which knows no states. */
export interface HandleSource {
  /** @param withinMs how long to wait for a connection */
  project(idOrSlug: string, withinMs?: number): Promise<ProjectApi & Disposable>
  readonly status?: ConnectionStatus
  subscribe?(listener: () => void): () => void
}

const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 15_000

/** How long to wait before the next attempt: doubling, and shortened by up to half, so that not all come back at once. */
export class Backoff {
  readonly #firstMs: number
  readonly #lastMs: number
  #waitMs: number

  constructor(firstMs: number = FIRST_RETRY_MS, lastMs: number = LAST_RETRY_MS) {
    this.#firstMs = firstMs
    this.#lastMs = lastMs
    this.#waitMs = firstMs
  }

  next(): number {
    const wait = this.#waitMs * (0.5 + Math.random() / 2)
    this.#waitMs = Math.min(this.#waitMs * 2, this.#lastMs)
    return wait
  }

  reset(): void {
    this.#waitMs = this.#firstMs
  }
}

/** Waits; returns at once when the signal comes, or when the connection is there again. */
export function pause(ms: number, signal: AbortSignal, source?: HandleSource): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      leave?.()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    const leave = source?.subscribe?.(() => {
      if (source.status?.state === 'connected') done()
    })
    signal.addEventListener('abort', done)
  })
}

/** Waits until the session that has ended is followed by another; returns at once when the signal comes. */
export function signedInAgain(source: HandleSource, signal: AbortSignal): Promise<void> {
  const isOut = () => source.status?.state === 'signed-out'
  if (signal.aborted || !isOut()) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      leave?.()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const leave = source.subscribe?.(() => {
      if (!isOut()) done()
    })
    signal.addEventListener('abort', done)
  })
}
