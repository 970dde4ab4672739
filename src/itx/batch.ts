import { type RpcTransportWithCustomEncoding, RpcSession } from 'capnweb'
import { ItxError } from '../streams/errors.ts'
import type { CallBudget } from './call-budget.ts'
import { codedErrors } from './coded-errors.ts'
import { outgoingError } from './errors-out.ts'
import { FrameGuard, callFault } from './frame-guard.ts'
import type { Instance } from './instance.ts'
import { ItxTarget } from './itx-target.ts'
import type { KnownPrincipal } from './principal.ts'
import { SocketSession } from './socket-session.ts'

/** How long the calls of a batch may take, all together. */
const BATCH_MS = 30_000

/**
 * Answers a batch: the frames of a whole session at once, one per line, as Cap'n Web's batch client sends them. Calls may
 * build on one another; nobody can be called back.
 *
 * @returns the frames of the answer, one per line
 * @throws {ItxError} BAD_REQUEST `frame`; RATE_LIMITED `open`; UNAVAILABLE `deadline` after 30 s.
 */
export async function answerBatch(
  instance: Instance,
  principal: KnownPrincipal,
  calls: CallBudget,
  body: string,
): Promise<string> {
  const limits = { calls, open: instance.config.limits.openHandles, functions: false }
  const session = new SocketSession(0, { ready: true, wait: () => Promise.resolve() })
  const transport = new BatchTransport(body === '' ? [] : body.split('\n'), new FrameGuard(limits))
  const rpc = new RpcSession(transport, codedErrors(instance, new ItxTarget(instance, principal, session)), {
    onSendError: (error) => outgoingError(instance, callFault(error, limits) ?? error),
  })
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(new ItxError('UNAVAILABLE', `the batch took longer than ${BATCH_MS / 1000} s`, { reason: 'deadline' })),
      BATCH_MS,
    )
  })
  try {
    await Promise.race([transport.allReceived.then(() => rpc.drain()), late])
    return transport.answers.join('\n')
  } finally {
    clearTimeout(timer)
    // What the calls left open goes with the session: nobody could ever give it back.
    ;(rpc.getRemoteMain() as unknown as Disposable)[Symbol.dispose]()
  }
}

/** The frames of one request, guarded. */
class BatchTransport implements RpcTransportWithCustomEncoding {
  readonly encodingLevel = 'jsonCompatible'
  readonly answers: string[] = []
  readonly #lines: string[]
  readonly #guard: FrameGuard
  readonly #received = Promise.withResolvers<void>()

  constructor(lines: string[], guard: FrameGuard) {
    this.#lines = lines.toReversed()
    this.#guard = guard
  }

  /** Rejects with what is wrong with one of them. */
  get allReceived(): Promise<void> {
    return this.#received.promise
  }

  send(frame: unknown): number {
    this.#guard.outgoing(frame)
    const text = JSON.stringify(frame)
    return this.answers.push(text)
  }

  async receive(): Promise<unknown> {
    const line = this.#lines.pop()
    if (line !== undefined) return this.#guard.incoming(line)
    this.#received.resolve()
    return new Promise(() => {})
  }

  abort(reason: unknown): void {
    this.#received.reject(reason)
  }
}
