/** What a storage asks of its disk before it goes on. */
export type DiskAccess = 'begin' | 'read' | 'write'

/**
 * Where a `MemoryStorage` keeps its groups, and what it is opened from again. The storage itself never fails: whatever
 * goes wrong in a test goes wrong in here.
 */
export interface MemoryDisk {
  /** The records that are stored, oldest first. The last one may be torn after a crash. */
  read(): readonly string[]
  /**
   * Stores a record; it is synced when this returns.
   *
   * @throws when it is not, or when nobody knows: `read` tells which.
   */
  append(record: string): void
  /** Keeps so many records: a torn one is cut off before anything is stored behind it. */
  truncate(records: number): void
  /** Throws where a real disk would refuse a group, a read or a write. */
  check(access: DiskAccess): void
}

/** A disk that never fails, for who wants to open again what a storage has kept. */
export class SoundDisk implements MemoryDisk {
  readonly #records: string[] = []

  read(): readonly string[] {
    return this.#records
  }

  append(record: string): void {
    this.#records.push(record)
  }

  truncate(records: number): void {
    this.#records.length = records
  }

  check(): void {}
}
