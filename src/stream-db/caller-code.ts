import { ItxError } from '../streams/errors.ts'
import type { DatabaseHooks, StreamDBProblem } from './database-options.ts'

type Hook = 'onEvent' | 'onBeforeBatch' | 'onBatch' | 'onProgress'

/** Runs what is the caller's. What it throws is told to the caller, and changes nothing here unless the caller says so. */
export class CallerCode {
  readonly #hooks: DatabaseHooks
  readonly #stop: (error: Error) => void

  /** `stop` is called when the caller answers a problem with `stop`. */
  constructor(hooks: DatabaseHooks, stop: (error: Error) => void) {
    this.#hooks = hooks
    this.#stop = stop
  }

  call<H extends Hook>(name: H, argument: Parameters<NonNullable<DatabaseHooks[H]>>[0], offset: string): void {
    const hook = this.#hooks[name] as ((it: typeof argument) => unknown) | undefined
    if (hook !== undefined) this.guard('hook', () => hook(argument), offset, name)
  }

  /** Never throws. A promise that the step answers is not waited for; when it rejects, that is told as well. */
  guard(kind: 'hook' | 'subscriber', step: () => unknown, offset: string, name: string = kind): void {
    const report = (cause: unknown) =>
      this.report({ kind, message: `${name} threw: ${asError(cause).message}`, offset, cause })
    try {
      const answer = step()
      if (answer instanceof Promise) answer.catch(report)
    } catch (error) {
      report(error)
    }
  }

  report(problem: StreamDBProblem): void {
    let answer: unknown
    try {
      answer = this.#hooks.onError?.(problem)
    } catch (error) {
      // Whoever is told of errors has failed: going on would hide this one, and all that follow.
      this.#stop(asError(error))
      return
    }
    // A source that failed has stopped already.
    if (answer !== 'stop' || problem.kind === 'source') return
    const { kind, message, offset, cause } = problem
    this.#stop(new ItxError('CONFLICT', `stopped at ${offset}: ${message}`, { reason: kind, offset }, { cause }))
  }
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
