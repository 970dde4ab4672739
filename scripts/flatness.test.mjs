import { describe, expect, test } from 'vitest'
import { flatness } from '../bench/flatness.ts'
import { LIVE_ALLOWED, RSS_ALLOWED, growth, judge } from '../bench/mixed-judge.ts'
import { Random } from '../src/streams/simulation/random.ts'

// Guards the judge of the mixed run: one that cannot find growth would call every server flat, and one that takes a burst for
// growth would be switched off.

const MIB = 2 ** 20

/** Samples five seconds apart that rise by so much in all, each off the line by up to `scatter`. */
function samples({ count = 100, rise = 0, scatter = 0, level = 36 * MIB, seed = 1 }) {
  const random = new Random(seed)
  return Array.from({ length: count }, (_, i) => ({
    seconds: 5 * (i + 1),
    bytes: level + (rise * i) / (count - 1) + (random.next() * 2 - 1) * scatter,
  }))
}

/** Rounds of a run: what they held when at rest. */
function rounds(live, rss = live) {
  return live.map(({ seconds, bytes }, i) => ({ seconds, live: bytes, rss: rss[i].bytes, busyRss: 0 }))
}

describe('the line through samples', () => {
  test('tells exactly by how much they rise, and where they are', () => {
    const { growth: bytes, level, scatter } = flatness(samples({ rise: 10 * MIB }), 0)
    expect(bytes).toBeCloseTo(10 * MIB, 3)
    expect(level).toBeCloseTo(41 * MIB, 3)
    expect(scatter).toBeCloseTo(0, 3)
  })

  test('falls where they fall, and that is flat', () => {
    const falling = flatness(samples({ rise: -3 * MIB }), 0)
    expect(falling.growth).toBeCloseTo(-3 * MIB, 3)
    expect(falling.flat).toBe(true)
  })

  test.each([1, 2, 3])('is bent neither by scatter nor by a fifth of samples that are far off (seed %i)', (seed) => {
    const farOff = (i) => (i % 5 === 0 ? 2 * MIB * i : 0)
    const all = samples({ rise: 2 * MIB, scatter: MIB / 4, seed }).map(({ seconds, bytes }, i) => ({
      seconds,
      bytes: bytes + farOff(i),
    }))
    expect(flatness(all, 0).growth / MIB).toBeGreaterThan(1.5)
    expect(flatness(all, 0).growth / MIB).toBeLessThan(3)
  })

  test('is flat up to what is allowed, and not beyond', () => {
    expect(flatness(samples({ rise: MIB }), 1.01 * MIB).flat).toBe(true)
    expect(flatness(samples({ rise: MIB }), 0.99 * MIB).flat).toBe(false)
  })

  test('is none with fewer than ten samples', () => {
    expect(() => flatness(samples({ count: 9 }), MIB)).toThrow('9 samples are too few')
    expect(flatness(samples({ count: 10 }), MIB).flat).toBe(true)
  })
})

describe('a run of mixed clients', () => {
  const steady = samples({ scatter: MIB / 10 })

  test('that leaves nothing behind is flat', () => {
    const judged = judge(rounds(steady))
    expect(judged.judgedRounds).toBe(80)
    expect(growth(judged)).toBeNull()
  })

  test('may take what it takes to warm up', () => {
    const missing = (i) => Math.max(0, 20 - i) * MIB
    const warming = steady.map(({ seconds, bytes }, i) => ({ seconds, bytes: bytes - missing(i) }))
    expect(growth(judge(rounds(warming)))).toBeNull()
  })

  test('has grown when it leaves a little behind each time, though no two rounds show it', () => {
    const grown = growth(judge(rounds(samples({ rise: 2 * LIVE_ALLOWED, scatter: MIB / 10 }), steady)))
    expect(grown).toMatch(/^live objects grew by 1\.\d\d MiB of 37\.\d\d MiB$/)
  })

  test('has grown when its pages have, whatever its objects say', () => {
    expect(growth(judge(rounds(steady, samples({ rise: 2 * RSS_ALLOWED, scatter: 4 * MIB }))))).toMatch(
      /^pages grew by/,
    )
  })

  test('of a few rounds has a warm-up of four of them', () => {
    expect(judge(rounds(samples({ count: 14 }))).judgedRounds).toBe(10)
    expect(() => judge(rounds(samples({ count: 13 })))).toThrow('9 samples are too few')
  })
})
