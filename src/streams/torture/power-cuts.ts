import assert from 'node:assert/strict'
import { join } from 'node:path'
import { WAL_HEADER } from '../storage/sqlite/write-ahead-log.ts'
import { TestFolder, turn } from '../testing.ts'
import { Random } from '../simulation/random.ts'
import { checkProject } from './soundness.ts'
import { noise, torn, tornPages } from './torn.ts'
import { readWriteAheadLog } from './write-ahead-log.ts'
import { type Disk, Writing, openProject, writeDisk } from './writing.ts'

/**
 * What a power cut may leave behind, made from copies of the database and its log as they lay on the disk.
 *
 * Modelled: a disk that keeps what was synced and anything at all of what was written since, sector by sector: the new
 * bytes, the old ones (with stale frames of an earlier log among them), zeros, noise; files that end anywhere in it; a
 * lost, stale or garbled `-shm`. Not modelled: a disk that lies about a sync, and one that damages synced bytes of the
 * very sector it writes next to them (SQLite calls the contrary "powersafe overwrite" and counts on it).
 */
export const CUT_KINDS = ['group', 'commit', 'checkpoint', 'close', 'birth'] as const
export type CutKind = (typeof CUT_KINDS)[number]

export interface CutReport {
  readonly kind: CutKind
  /** What became of the log between the last acknowledgement and the cut. */
  readonly log: 'appended' | 'begun anew' | 'whole' | 'gone'
  readonly acknowledged: number
  /** Bytes that were written but not synced. */
  readonly unsynced: number
}

const PROJECT = 'project.db'

/**
 * One power cut: writers, a moment, what is left of the files, and what is found in them.
 *
 * @throws {AssertionError} naming what was lost, doubled, reordered or torn.
 */
export async function powerCut(seed: number): Promise<CutReport> {
  const random = new Random(seed)
  using folder = new TestFolder()
  const writing = new Writing(join(folder.path, PROJECT), random)
  let cut: Cut
  try {
    cut = await new Cutter(writing, random).until(random.pick(CUT_KINDS))
  } finally {
    writing.end()
  }
  using after = new TestFolder()
  const file = join(after.path, PROJECT)
  writeDisk(file, cut.disk)
  const warnings: string[] = []
  const { streams } = openProject(file, 'after', (message) => warnings.push(message))
  try {
    await checkProject(streams, file, writing.ledger)
  } finally {
    streams.shutdown()
  }
  assert.deepEqual(warnings, [], 'a power cut is no damage')
  return cut.report
}

interface Cut {
  readonly disk: Disk
  readonly report: CutReport
}

/** Makes the cut: writes for a while, and takes the files at the moment when the power goes. */
class Cutter {
  readonly #writing: Writing
  readonly #random: Random

  constructor(writing: Writing, random: Random) {
    this.#writing = writing
    this.#random = random
    // Checkpoints, and logs that are begun anew over their stale frames, after a few commits instead of a thousand pages.
    writing.pragma(`wal_autocheckpoint = ${random.pick([4, 20, 60, 1000])}`)
    // A cache of a few pages: a group's frames reach the file before its commit does.
    if (random.chance(0.7)) writing.pragma(`cache_size = ${random.pick([1, 10])}`)
  }

  async until(kind: CutKind): Promise<Cut> {
    const birth = this.#writing.disk()
    if (kind === 'birth') return this.#appended(kind, { ...birth, wal: Buffer.alloc(0) }, birth)
    const steps = this.#random.between(1, 25)
    for (let step = 0; step < steps; step++) {
      await this.#writing.step(true)
      // Discarded logs are deleted in turns of their own; at times they are still at it.
      if (this.#random.chance(0.3)) for (let i = 0; i < 5; i++) await turn()
    }
    return kind === 'checkpoint' || kind === 'close' ? this.#duringCheckpoint(kind) : this.#duringCommit(kind)
  }

  /** The power goes while a group is open, its frames perhaps in the file, or in its commit, before its sync is over. */
  async #duringCommit(kind: 'group' | 'commit'): Promise<Cut> {
    const before = this.#writing.disk()
    const group = this.#writing.step(false)
    const opened = this.#writing.disk()
    await group
    const written = kind === 'group' ? opened : this.#writing.disk()
    const old = readWriteAheadLog(before.wal)
    const now = readWriteAheadLog(written.wal)
    // Begun anew: the commit before had brought all of the log into the database, and synced it.
    const anew = written.wal.length > 0 && !(old.salts && now.salts && old.salts.equals(now.salts))
    return anew ? this.#begunAnew(kind, before, written) : this.#appended(kind, before, written)
  }

  #appended(kind: CutKind, before: Disk, written: Disk): Cut {
    const { end } = before.wal.length === 0 ? { end: 0 } : readWriteAheadLog(before.wal)
    const wal = torn(before.wal, written.wal, end, this.#random)
    return this.#cut(kind, 'appended', { db: before.db, wal, shm: this.#index(before) }, written.wal.length - end)
  }

  /** SQLite syncs the header of a log that it begins anew before it writes a frame. */
  #begunAnew(kind: CutKind, before: Disk, written: Disk): Cut {
    const frames = before.wal.subarray(WAL_HEADER)
    const header = written.wal.subarray(0, WAL_HEADER)
    const headerLeft = this.#random.pick([
      header,
      before.wal.subarray(0, WAL_HEADER),
      Buffer.alloc(WAL_HEADER),
      this.#noise(),
    ])
    const wal = this.#random.chance(0.3)
      ? Buffer.concat([headerLeft, frames])
      : torn(Buffer.concat([header, frames]), written.wal, WAL_HEADER, this.#random)
    return this.#cut(kind, 'begun anew', { db: before.db, wal, shm: this.#index(before) }, written.wal.length)
  }

  #noise(): Buffer {
    return noise(this.#random, Buffer.alloc(WAL_HEADER))
  }

  /** The log is synced and whole; of its pages in the database there is anything, until the database is synced too. */
  #duringCheckpoint(kind: 'checkpoint' | 'close'): Cut {
    const before = this.#writing.disk()
    const { pages, pageSize } = readWriteAheadLog(before.wal)
    if (kind === 'close') {
      this.#writing.end()
    } else {
      this.#writing.pragma(`wal_checkpoint(${this.#random.pick(['passive', 'full', 'restart', 'truncate'])})`)
    }
    const written = this.#writing.disk()
    const shm = this.#index(before)
    if (this.#random.chance(0.25)) {
      // Synced: the log has had its day. Whether it is still there or already cut off makes no difference.
      const wal = this.#random.chance(0.5) ? before.wal : Buffer.alloc(0)
      return this.#cut(kind, wal.length > 0 ? 'whole' : 'gone', { db: written.db, wal, shm }, 0)
    }
    const db = tornPages(before.db, written.db, pages, pageSize, this.#random)
    return this.#cut(kind, 'whole', { db, wal: before.wal, shm }, pages.size * pageSize)
  }

  #cut(kind: CutKind, log: CutReport['log'], disk: Disk, unsynced: number): Cut {
    return { disk, report: { kind, log, acknowledged: this.#writing.ledger.acknowledged, unsynced } }
  }

  /** The index of the log is never synced: it is there, as it was once, or gone, or noise. */
  #index({ shm }: Disk): Buffer | null {
    if (!shm || this.#random.chance(0.4)) return null
    return this.#random.chance(0.5) ? shm : noise(this.#random, Buffer.alloc(shm.length))
  }
}
