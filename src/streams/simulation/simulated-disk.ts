import { ItxError } from '../errors.ts'
import type { DiskAccess, MemoryDisk } from '../storage/memory/memory-disk.ts'
import type { Random } from './random.ts'

/** How likely each failure is, from 0 to 1, each time that it could happen. */
export interface DiskFaults {
  /** A commit fails, and nothing is stored. */
  readonly lost: number
  /** A commit is reported as failed, and is stored all the same. */
  readonly stored: number
  /** A commit fails at its sync: it is there again after a crash, unless something was stored over it. */
  readonly unsynced: number
  /** The process dies in the middle of a commit. */
  readonly crash: number
  /** The disk fills up, until somebody makes room. */
  readonly full: number
  readonly busy: number
  readonly read: number
}

export const NO_FAULTS: DiskFaults = { lost: 0, stored: 0, unsynced: 0, crash: 0, full: 0, busy: 0, read: 0 }

/** What hears of the disk. */
export interface DiskEvents {
  /** A record is on the disk for good. */
  readonly onStored: (record: string) => void
  /** The process died in the middle of a commit. */
  readonly onCrash: () => void
  readonly onFault: (what: string) => void
}

/** A disk that fails as a seed says. What it has synced, no failure takes from it. */
export class SimulatedDisk implements MemoryDisk {
  readonly #records: string[] = []
  /** Was written behind the records, but not synced. */
  #unsynced: string | null = null
  /** The last record is torn; whoever opens the disk cuts it off. */
  #torn = false
  readonly #random: Random
  readonly #events: DiskEvents
  faults: DiskFaults = NO_FAULTS
  /** Failures so far: who counts more than before has an excuse. */
  failures = 0
  /** Something was stored though its commit was reported as failed: it is told of when its stream is next used. */
  mayHoldMore = false
  /** Whether that was ever so. */
  heldMore = false
  #full = false

  constructor(random: Random, events: DiskEvents) {
    this.#random = random
    this.#events = events
  }

  get full(): boolean {
    return this.#full
  }

  makeRoom(): void {
    this.#full = false
  }

  read(): readonly string[] {
    return this.#records
  }

  truncate(records: number): void {
    this.#records.length = records
    this.#torn = false
  }

  append(record: string): void {
    if (this.#chance('full')) this.#full = true
    // Whether it is cleared or not, the next record goes to the same place.
    this.#unsynced = null
    if (this.#full) throw this.#failed('disk-full', 'commit')
    if (this.#chance('lost')) throw this.#failed('io', 'commit, nothing stored')
    if (this.#chance('unsynced')) {
      this.#unsynced = record
      throw this.#failed('io', 'sync')
    }
    if (this.#chance('crash')) {
      this.#unsynced = record
      this.#events.onCrash()
      throw this.#failed('io', 'crash in a commit')
    }
    this.#store(record)
    if (!this.#chance('stored')) return
    this.mayHoldMore = this.heldMore = true
    throw this.#failed('io', 'commit, stored all the same')
  }

  /** Stores a record whatever happens: what an older version, or another program, has left behind. */
  plant(record: string): void {
    if (this.#torn) this.#records.pop()
    this.#torn = false
    this.#store(record)
  }

  check(access: DiskAccess): void {
    if (access === 'begin' && this.#chance('busy')) throw this.#failed('busy', 'begin')
    if (access === 'read' && this.#chance('read')) throw this.#failed('io', 'read')
    // A full disk is not always noticed by the first write that does not fit.
    if (access === 'write' && this.#full && this.#random.chance(0.5)) throw this.#failed('disk-full', 'write')
  }

  /** The machine goes down: what was not synced is there, torn, or gone. */
  crash(): string {
    const record = this.#unsynced
    this.#unsynced = null
    if (record === null) return 'everything was synced'
    const fate = this.#random.weighted({ whole: 2, torn: 1, gone: 1 })
    if (fate === 'whole') this.#store(record)
    else if (fate === 'torn') {
      this.#records.push(record.slice(0, this.#random.below(record.length)))
      this.#torn = true
    }
    return `the last commit is ${fate}`
  }

  #store(record: string): void {
    this.#records.push(record)
    this.#events.onStored(record)
  }

  #chance(fault: keyof DiskFaults): boolean {
    return this.faults[fault] > 0 && this.#random.chance(this.faults[fault])
  }

  #failed(reason: string, what: string): ItxError {
    this.failures++
    this.#events.onFault(`${reason} at ${what}`)
    return new ItxError('UNAVAILABLE', `nothing was stored: simulated ${reason}`, { reason })
  }
}
