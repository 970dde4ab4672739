import type { ControlDatabase } from './database.ts'

/**
 * Notices that the control database was written to, by this process or by another one (the command line). A look costs
 * microseconds, so that whoever depends on what is in it can look often and read it seldom.
 *
 * `data_version` moves when another connection commits, `total_changes()` when this one writes rows; the second also
 * moves by a transaction that was rolled back, which costs a look for nothing.
 */
export class ControlChanges {
  readonly #read: () => string
  #last: string | undefined

  constructor({ sqlite }: Pick<ControlDatabase, 'sqlite'>) {
    const version = sqlite.prepare<[], number>('PRAGMA data_version').pluck()
    const changes = sqlite.prepare<[], number>('SELECT total_changes()').pluck()
    this.#read = () => `${version.get()} ${changes.get()}`
  }

  /** Whether anything was written since the last call. The first call says yes. */
  changed(): boolean {
    const now = this.#read()
    if (now === this.#last) return false
    this.#last = now
    return true
  }
}
