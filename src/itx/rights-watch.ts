import { ControlChanges } from '../control-plane/changes.ts'
import type { Instance } from './instance.ts'
import { type Holder, LiveRights } from './live-rights.ts'

/** How often it is looked whether somebody has lost a right: well within the 5 s in which they must lose what they hold. */
const LOOK_EVERY_MS = 1000

/** Looks after the rights of all who hold something for longer than a request, through whichever door. */
export class RightsWatch {
  readonly #rights: LiveRights
  readonly #timer: ReturnType<typeof setInterval>

  constructor(instance: Pick<Instance, 'control' | 'log'>) {
    const changes = new ControlChanges(instance.control)
    this.#rights = new LiveRights(instance, () => changes.changed())
    this.#timer = setInterval(() => {
      this.#rights.look().catch((error: unknown) => {
        instance.log('it could not be looked whether somebody has lost a right; the next look is in a second', error)
      })
    }, LOOK_EVERY_MS)
    this.#timer.unref()
  }

  /** @returns how to stop */
  watch(holder: Holder): () => void {
    return this.#rights.watch(holder)
  }

  /** Before the control database is closed. */
  stop(): void {
    clearInterval(this.#timer)
  }
}
