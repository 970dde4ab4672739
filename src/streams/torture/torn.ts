import type { Random } from '../simulation/random.ts'

const SECTOR = 512

/**
 * A file of which everything from a byte on was written and not synced when the power went: truncated anywhere, or of
 * each sector the new bytes, the old ones, zeros or noise. What lies before the byte is as it was, whatever the sector.
 */
export function torn(before: Buffer, after: Buffer, from: number, random: Random): Buffer {
  const end = Math.max(before.length, after.length)
  switch (random.between(0, 5)) {
    case 0:
      return after.subarray(0, random.between(Math.min(from, after.length), after.length))
    case 1:
      return bySector(before, after, from, end, () => 'noise', random)
    case 2:
      return bySector(before, after, from, end, () => 'zeros', random)
    case 3: {
      // Only the very end is missing: the last sectors of the last frame.
      const kept = Math.max(from, after.length - random.between(1, 5000))
      return bySector(before, after, kept, end, () => random.pick(['old', 'zeros', 'noise']), random)
    }
    case 4: {
      // Everything arrived but one sector.
      const missing = random.between(Math.floor(from / SECTOR), Math.max(from, after.length - 1) / SECTOR)
      return bySector(before, after, from, end, (sector) => (sector === missing ? 'zeros' : 'new'), random)
    }
    default:
      return bySector(before, after, from, random.between(from, end), () => random.pick(WAYS), random)
  }
}

/** The database in the middle of a checkpoint: of each sector of these pages anything, the others as they were. */
export function tornPages(
  before: Buffer,
  after: Buffer,
  pages: ReadonlySet<number>,
  pageSize: number,
  random: Random,
): Buffer {
  const written = (sector: number) => pages.has(Math.floor((sector * SECTOR) / pageSize) + 1)
  const end = random.between(before.length, Math.max(before.length, after.length))
  const ways = random.pick([WAYS, WAYS, ['old', 'new'] as const, ['noise'] as const])
  return bySector(before, after, 0, end, (sector) => (written(sector) ? random.pick(ways) : 'old'), random)
}

const WAYS = ['new', 'old', 'zeros', 'noise'] as const
type Way = (typeof WAYS)[number]

function bySector(
  before: Buffer,
  after: Buffer,
  from: number,
  end: number,
  way: (sector: number) => Way,
  random: Random,
): Buffer {
  const result = Buffer.alloc(Math.max(from, end))
  // Beyond the end of the file as it was, what does not arrive is zeros.
  before.copy(result, 0, 0, Math.min(before.length, result.length))
  for (let at = from; at < result.length; at = nextSector(at)) {
    const part = result.subarray(at, nextSector(at))
    switch (way(Math.floor(at / SECTOR))) {
      case 'new':
        if (at < after.length) after.copy(part, 0, at)
        break
      case 'zeros':
        part.fill(0)
        break
      case 'noise':
        noise(random, part)
        break
      case 'old':
    }
  }
  return result
}

/** Fills with random bytes. */
export function noise(random: Random, bytes: Buffer): Buffer {
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256)
  return bytes
}

const nextSector = (at: number): number => (Math.floor(at / SECTOR) + 1) * SECTOR
