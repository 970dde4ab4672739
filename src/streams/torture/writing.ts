import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { DEFAULT_APPEND_LIMITS } from '../event.ts'
import { ProjectStreams } from '../project-streams.ts'
import { CommitScheduler } from '../storage/sqlite/group-commit.ts'
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import { TestClock, countingIds } from '../testing.ts'
import { Appender, type Deed, Liver, perform } from './deeds.ts'
import { Ledger } from './ledger.ts'
import { Random } from '../simulation/random.ts'

export interface OpenProject {
  readonly storage: SqliteStorage
  readonly streams: ProjectStreams
  readonly clock: TestClock
}

/** A project over a file, with a clock that stands still and ids that count. */
export function openProject(file: string, ids = 'inc', warn: (message: string) => void = () => {}): OpenProject {
  const clock = new TestClock()
  const storage = new SqliteStorage(file, new CommitScheduler(), warn)
  const options = { limits: DEFAULT_APPEND_LIMITS, now: clock.now, newId: countingIds(ids), warn }
  return { storage, streams: new ProjectStreams(storage, options), clock }
}

/** Database, log and its index, byte by byte. Null: there is no such file. */
export interface Disk {
  readonly db: Buffer
  readonly wal: Buffer
  readonly shm: Buffer | null
}

/**
 * The files as they lie on the disk. Closing a file drops the locks that SQLite holds on it for this process: they are
 * meant for other processes, and there is none.
 */
export function readDisk(file: string): Disk {
  const [wal, shm] = [`${file}-wal`, `${file}-shm`]
  return {
    db: readFileSync(file),
    wal: existsSync(wal) ? readFileSync(wal) : Buffer.alloc(0),
    shm: existsSync(shm) ? readFileSync(shm) : null,
  }
}

export function writeDisk(file: string, { db, wal, shm }: Disk): void {
  writeFileSync(file, db)
  if (wal.length > 0) writeFileSync(`${file}-wal`, wal)
  if (shm) writeFileSync(`${file}-shm`, shm)
}

const SIZES = { largeShare: 0.04, largeBytes: 600_000 }

/** A project that is being written to, step by step, in this process. */
export class Writing {
  readonly ledger = new Ledger()
  readonly #file: string
  readonly #random: Random
  readonly #project: OpenProject
  readonly #writers: readonly { next(): Deed }[]
  #over = false

  constructor(file: string, random: Random) {
    this.#file = file
    this.#random = random
    this.#project = openProject(file)
    const seeded = () => new Random(random.between(0, 2 ** 31))
    const absent = { exists: false, paused: false }
    this.#writers = [
      ...Array.from({ length: 3 }, (_, index) => new Appender(`a${index}`, seeded(), SIZES)),
      ...Array.from({ length: 3 }, (_, index) => new Liver(`l${index}`, `/lives/${index}`, seeded(), SIZES, absent)),
    ]
  }

  /** Runs a PRAGMA on the write connection. */
  pragma(text: string): unknown {
    return this.#project.storage.connection.pragma(text)
  }

  /** Some of the writers' next deeds, all in one turn and so in one group. */
  async step(acknowledge: boolean): Promise<void> {
    this.#project.clock.ms += this.#random.between(0, 50)
    const deeds = this.#writers.filter(() => this.#random.chance(0.6)).map((writer) => writer.next())
    await Promise.all(
      deeds.map(async (deed) => {
        this.ledger.begin(deed)
        const done = await perform(this.#project.streams, deed)
        if (acknowledge) this.ledger.acknowledge(deed.id, done)
      }),
    )
  }

  disk(): Disk {
    return readDisk(this.#file)
  }

  end(): void {
    if (!this.#over) this.#project.streams.shutdown()
    this.#over = true
  }
}
