import { RpcTarget } from 'capnweb'
import type { StreamPath } from '../streams/path.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import type { Scan, ScanBatch, ScanClosed, ScanOptions } from '../streams/scan.ts'
import type { ScanApi } from './handle.ts'
import { allowOnly, members } from './rpc-target.ts'

type Acknowledgement = (PromiseLike<unknown> & { [Symbol.dispose]?: () => void }) | undefined

/** What Cap'n Web passes for a caller's function: a stub with a lifetime of its own. */
type Callback = ((batch: ScanBatch) => unknown) & {
  dup?: () => Callback
  onRpcBroken?: (listener: (error: unknown) => void) => void
  [Symbol.dispose]?: () => void
}

/** A scan on behalf of a remote caller. Ends when it is done, when the caller stops it, lets go of it, or goes away. */
export class ScanTarget extends RpcTarget implements ScanApi {
  readonly #scan: Scan

  private constructor(scan: Scan) {
    super()
    this.#scan = scan
  }

  static async open(
    streams: ProjectStreams,
    path: StreamPath,
    options: ScanOptions,
    onBatch: Callback,
  ): Promise<ScanTarget> {
    // Cap'n Web takes parameters back when the call returns: whoever keeps a callback must hold a copy.
    const callback = onBatch.dup?.() ?? onBatch
    const release = () => callback[Symbol.dispose]?.()
    try {
      const scan = await streams.scan(path, options, (batch) => deliver(callback, batch))
      void scan.closed().then(release)
      callback.onRpcBroken?.(() => scan.stop())
      return new ScanTarget(scan)
    } catch (error) {
      release()
      throw error
    }
  }

  closed(): Promise<ScanClosed> {
    return this.#scan.closed()
  }

  async stop(): Promise<void> {
    this.#scan.stop()
  }

  [Symbol.dispose](): void {
    this.#scan.stop()
  }
}
allowOnly(ScanTarget, members<ScanApi>()('closed', 'stop'))

/** Sends a batch; resolves when the caller has taken it. */
function deliver(callback: Callback, batch: ScanBatch): Promise<void> {
  // Waited for elsewhere: a function that waits keeps what it was called with.
  return taken(callback(batch) as Acknowledgement)
}

async function taken(result: Acknowledgement): Promise<void> {
  try {
    await result
  } finally {
    // A result that is neither awaited nor disposed stays in the session's table.
    result?.[Symbol.dispose]?.()
  }
}
