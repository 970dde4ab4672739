import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { TestFolder } from '../testing.ts'
import { flipBit } from './flips.ts'
import type { Logs } from './ledger.ts'
import { Random } from '../simulation/random.ts'
import { everyLog, integrity } from './soundness.ts'
import { readWriteAheadLog } from './write-ahead-log.ts'
import { type Disk, Writing, openProject, writeDisk } from './writing.ts'

/** What a flipped bit did to a log that was not checkpointed when the process died. */
export interface WalFlipReport {
  /** Acknowledged events that are missing afterwards. A deletion that was lost brings a stream back and counts none. */
  readonly lost: number
  /** Whether whoever opened the file was told. */
  readonly warned: boolean
  /** The commit that was hit, counted from the last one: 0 is the last. */
  readonly fromTheEnd: number
}

const PROJECT = 'project.db'

/**
 * One bit of a synced write-ahead log flips between a crash and the next start.
 *
 * @throws {AssertionError} when what is left is not the project as it was at some commit, or when more than the last two
 *   commits are lost without a word.
 */
export async function walFlip(seed: number): Promise<WalFlipReport> {
  const random = new Random(seed)
  using folder = new TestFolder()
  const writing = new Writing(join(folder.path, PROJECT), random)
  let disk: Disk
  try {
    writing.pragma('wal_autocheckpoint = 0')
    for (let steps = random.between(1, 20); steps > 0; steps--) await writing.step(true)
    disk = writing.disk()
  } finally {
    writing.end()
  }
  const { end, commits } = readWriteAheadLog(disk.wal)
  const at = random.between(0, end - 1)
  const wal = Buffer.from(disk.wal)
  flipBit(wal, at, random)
  const before = await logsOf({ ...disk, shm: null })
  const after = await logsOf({ db: disk.db, wal, shm: null })
  const fromTheEnd = commits.length - 1 - commits.findIndex((commit) => at < commit)
  const lost = missing(before.logs, after.logs)
  const report = { lost, warned: after.warned, fromTheEnd }
  assert(!before.warned, 'nothing was damaged yet')
  assert(report.warned || fromTheEnd <= 1, `${lost} events of ${fromTheEnd + 1} commits are lost without a word`)
  assert(!report.warned || after.kept, 'the damaged log is kept')
  return report
}

/** What is found when the files are opened; the laws hold whatever was lost. */
async function logsOf(disk: Disk): Promise<{ logs: Logs; warned: boolean; kept: boolean }> {
  using folder = new TestFolder()
  const file = join(folder.path, PROJECT)
  writeDisk(file, disk)
  const warnings: string[] = []
  const { streams } = openProject(file, 'after', (message) => warnings.push(message))
  try {
    const logs = await everyLog(streams)
    assert.equal(integrity(file), 'ok', 'integrity_check')
    return { logs, warned: warnings.length > 0, kept: existsSync(`${file}-wal.damaged-1`) }
  } finally {
    streams.shutdown()
  }
}

/** Events that are not there any more; the log of a life that is over again counts as missing. */
function missing(before: Logs, after: Logs): number {
  let lost = 0
  for (const [path, { events, incarnationId }] of before) {
    const left = after.get(path)
    lost += left?.incarnationId === incarnationId ? Math.max(0, events.length - left.events.length) : events.length
  }
  return lost
}
