import { RpcTarget } from 'capnweb'
import type { Activity, ActivityBatch, ActivityClosed, ActivityOptions } from '../streams/activity.ts'
import type { ActivityApi } from './handle.ts'
import type { ProjectAccess } from './project-access.ts'
import { type RemoteCallback, callingBack } from './remote-callback.ts'
import { allowOnly, members } from './rpc-target.ts'

/** Activity on behalf of a remote caller. Ends when the caller stops it, lets go of it, or goes away. */
export class ActivityTarget extends RpcTarget implements ActivityApi {
  readonly #activity: Activity

  private constructor(activity: Activity) {
    super()
    this.#activity = activity
  }

  static async open(
    access: Pick<ProjectAccess, 'session' | 'streams'>,
    options: ActivityOptions,
    onRows: RemoteCallback<ActivityBatch>,
  ): Promise<ActivityTarget> {
    const activity = await callingBack(
      onRows,
      { session: access.session, what: 'subscription' },
      (call) => access.streams().activity(options, call),
      (started) => started.stop(),
    )
    return new ActivityTarget(activity)
  }

  closed(): Promise<ActivityClosed> {
    return this.#activity.closed()
  }

  async stop(): Promise<void> {
    this.#activity.stop()
  }

  [Symbol.dispose](): void {
    this.#activity.stop()
  }
}
allowOnly(ActivityTarget, members<ActivityApi>()('closed', 'stop'))
