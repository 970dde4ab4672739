import { FRAME_HEADER, WAL_HEADER, type WalSums, walChecksum } from '../storage/sqlite/write-ahead-log.ts'

/**
 * A write-ahead log as SQLite's recovery sees it (https://www.sqlite.org/fileformat2.html, "The WAL File Format"): the
 * frames up to the last commit whose chain of checksums holds. What lies beyond does not exist for it.
 */
export interface WriteAheadLog {
  readonly pageSize: number
  /** Two random numbers that change whenever the log is begun anew; null: there is no valid header. */
  readonly salts: Buffer | null
  /** Where the last valid commit ends, in bytes: what was synced, when nothing is open. */
  readonly end: number
  /** Where each valid commit ends. */
  readonly commits: readonly number[]
  /** Pages that have a valid frame. */
  readonly pages: ReadonlySet<number>
}

export function readWriteAheadLog(wal: Buffer): WriteAheadLog {
  const nothing = { pageSize: 4096, salts: null, end: 0, commits: [], pages: new Set<number>() }
  if (wal.length < WAL_HEADER) return nothing
  const magic = wal.readUInt32BE(0)
  if (magic !== 0x377f0682 && magic !== 0x377f0683) return nothing
  const bigEndian = magic === 0x377f0683
  let sums: WalSums = walChecksum(wal.subarray(0, 24), [0, 0], bigEndian)
  if (!stored(wal, 24, sums)) return nothing
  const pageSize = wal.readUInt32BE(8)
  const salts = wal.subarray(16, 24)
  const frame = FRAME_HEADER + pageSize
  const commits: number[] = []
  const pages = new Set<number>()
  let open: number[] = []
  for (let at = WAL_HEADER; at + frame <= wal.length; at += frame) {
    if (!wal.subarray(at + 8, at + 16).equals(salts)) break
    sums = walChecksum(wal.subarray(at, at + 8), sums, bigEndian)
    sums = walChecksum(wal.subarray(at + FRAME_HEADER, at + frame), sums, bigEndian)
    if (!stored(wal, at + 16, sums)) break
    open.push(wal.readUInt32BE(at))
    if (wal.readUInt32BE(at + 4) === 0) continue
    commits.push(at + frame)
    for (const page of open) pages.add(page)
    open = []
  }
  return { pageSize, salts, end: commits.at(-1) ?? WAL_HEADER, commits, pages }
}

function stored(wal: Buffer, at: number, [a, b]: WalSums): boolean {
  return wal.readUInt32BE(at) === a && wal.readUInt32BE(at + 4) === b
}
