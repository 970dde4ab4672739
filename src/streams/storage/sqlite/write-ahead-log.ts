import { closeSync, constants, copyFileSync, existsSync, openSync, readSync, statSync } from 'node:fs'

/** Sizes in a write-ahead log (https://www.sqlite.org/fileformat2.html, "The WAL File Format"). */
export const WAL_HEADER = 32
export const FRAME_HEADER = 24

export type WalSums = readonly [number, number]

/** The running checksum of a write-ahead log: each frame's goes on from that of the frame before. */
export function walChecksum(bytes: Buffer, [first, second]: WalSums, bigEndian: boolean): WalSums {
  let a = first
  let b = second
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + (bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0
    b = (b + (bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0
  }
  return [a, b]
}

/**
 * SQLite takes a write-ahead log up to its last commit before the first damaged frame, and drops what follows without a
 * word. After a power cut that is right: what follows was never synced. A flipped bit looks alike, but behind it lie
 * commits that were synced, and acknowledged. They are told apart by this: a commit is synced before the next one is
 * begun, so after a power cut no frame lies behind a dropped commit.
 *
 * To be called after the log was read and before anything is written over it.
 *
 * @param accepted frames that SQLite took
 * @returns how many frames of synced commits were dropped; 0 when there is nothing to tell, also where the damage is in
 *   the last commits alone: that nobody can tell from a power cut
 */
export function droppedFrames(walFile: string, accepted: number, pageSize: number): number {
  const size = statSync(walFile, { throwIfNoEntry: false })?.size ?? 0
  const frameBytes = FRAME_HEADER + pageSize
  const frames = Math.floor((size - WAL_HEADER) / frameBytes)
  if (frames < accepted + 2) return 0
  const file = openSync(walFile, 'r')
  try {
    const read = (at: number, length: number) => {
      const bytes = Buffer.alloc(length)
      return bytes.subarray(0, readSync(file, bytes, 0, length, at))
    }
    const frame = (index: number, length = frameBytes) => read(WAL_HEADER + index * frameBytes, length)
    const header = read(0, WAL_HEADER)
    const salts = saltsOf(header, frame(0, FRAME_HEADER))
    if (!salts) return 0
    const belongs = (bytes: Buffer) => bytes.length >= FRAME_HEADER && bytes.subarray(8, 16).equals(salts)
    let dropped = 0
    // A damaged frame may not look like one of this log; two in a row are the end of it.
    for (let index = accepted + 1, strange = 0; index + 1 < frames && strange < 2; index++) {
      const commit = frame(index)
      strange = belongs(commit) ? 0 : strange + 1
      if (strange > 0 || commit.readUInt32BE(4) === 0) continue
      if (continues(frame(index - 1, FRAME_HEADER), commit) && belongs(frame(index + 1, FRAME_HEADER))) {
        dropped = index + 1 - accepted
      }
    }
    return dropped
  } finally {
    closeSync(file)
  }
}

/** Keeps a copy of a log whose end was dropped, beside it: the next commit writes over it. @returns its name. */
export function keepDamagedLog(walFile: string): string {
  for (let number = 1; ; number++) {
    const copy = `${walFile}.damaged-${number}`
    if (existsSync(copy)) continue
    copyFileSync(walFile, copy, constants.COPYFILE_EXCL)
    return copy
  }
}

/**
 * The salts that the frames of this log carry: those of its header. A damaged header still has half of those that its
 * first frame has; one that was being written when the power went has other ones altogether.
 */
function saltsOf(header: Buffer, first: Buffer): Buffer | null {
  const salts = header.subarray(16, 24)
  const bigEndian = (header.readUInt32BE(0) & 1) === 1
  const [a, b] = walChecksum(header.subarray(0, 24), [0, 0], bigEndian)
  if (header.readUInt32BE(24) === a && header.readUInt32BE(28) === b) return salts
  const own = first.subarray(8, 16)
  const half = own.subarray(0, 4).equals(salts.subarray(0, 4)) || own.subarray(4).equals(salts.subarray(4))
  return half ? own : null
}

/** Whether a frame is sound in itself, and goes on from the frame before; in whichever order its numbers are read. */
function continues(before: Buffer, frame: Buffer): boolean {
  const from: WalSums = [before.readUInt32BE(16), before.readUInt32BE(20)]
  return [false, true].some((bigEndian) => {
    const sums = walChecksum(frame.subarray(0, 8), from, bigEndian)
    const [a, b] = walChecksum(frame.subarray(FRAME_HEADER), sums, bigEndian)
    return frame.readUInt32BE(16) === a && frame.readUInt32BE(20) === b
  })
}
