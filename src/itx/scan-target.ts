import { RpcTarget } from 'capnweb'
import type { StreamPath } from '../streams/path.ts'
import type { Scan, ScanBatch, ScanClosed, ScanOptions } from '../streams/scan.ts'
import type { ScanApi } from './handle.ts'
import type { ProjectAccess } from './project-access.ts'
import { type RemoteCallback, callingBack } from './remote-callback.ts'
import { allowOnly, members } from './rpc-target.ts'

/** A scan on behalf of a remote caller. Ends when it is done, when the caller stops it, lets go of it, or goes away. */
export class ScanTarget extends RpcTarget implements ScanApi {
  readonly #scan: Scan

  private constructor(scan: Scan) {
    super()
    this.#scan = scan
  }

  static async open(
    { streams, session }: Pick<ProjectAccess, 'streams' | 'session'>,
    path: StreamPath,
    options: ScanOptions,
    onBatch: RemoteCallback<ScanBatch>,
  ): Promise<ScanTarget> {
    const scan = await callingBack(
      onBatch,
      { session, what: 'scan' },
      (call) => streams().scan(path, options, call),
      (started) => started.stop(),
    )
    return new ScanTarget(scan)
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
