import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

// Threat: somebody changes a colour, and a text can no longer be read, or the edge of a control no longer be seen, in
// the theme they did not look at. Every pair that the parts use is computed from the tokens themselves (WCAG 1.4.3,
// 1.4.11).

const CSS = readFileSync(new URL('../../styles.css', import.meta.url), 'utf8')
const THEMES = ['light', 'dark'] as const
type Theme = (typeof THEMES)[number]

const TOKENS = new Map(
  [...CSS.matchAll(/--color-([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g)].map(
    ([, name, light, dark]) => [name!, { light: light!, dark: dark! }],
  ),
)

/** What any text may stand on. */
const GROUNDS = ['paper', 'surface', 'raised', 'hover', 'press', 'wash']
const INKS = ['ink', 'soft', 'faint', 'accent', 'accent-deep', 'warn', 'danger']

const TEXTS: readonly (readonly [string, string])[] = [
  ...GROUNDS.flatMap((ground) => INKS.map((ink) => [ink, ground] as const)),
  ['on-accent', 'accent'],
  ['on-accent', 'accent-deep'],
  ['on-danger', 'danger'],
  ['on-danger', 'danger-deep'],
  ['ink', 'warn-wash'],
  ['warn', 'warn-wash'],
  ['ink', 'danger-wash'],
  ['soft', 'danger-wash'],
  ['danger', 'danger-wash'],
]

/** Edges of controls, the ring of the focus, signs that stand for a state. */
const SHAPES: readonly (readonly [string, string])[] = [
  ...['edge', 'accent', 'warn', 'danger'].flatMap((shape) =>
    ['paper', 'surface', 'raised', 'hover'].map((ground) => [shape, ground] as const),
  ),
  ['accent', 'wash'],
  ['accent', 'press'],
  ['accent', 'warn-wash'],
  ['accent', 'danger-wash'],
  // The done part of a progress bar against the rest, and the thumb of a switch on its ground.
  ['accent', 'bed'],
  ['on-accent', 'accent'],
]

describe.each(THEMES)('in the %s theme', (theme) => {
  test.each(TEXTS)('%s can be read on %s', (ink, ground) => {
    expect(contrast(colour(ink, theme), colour(ground, theme))).toBeGreaterThanOrEqual(4.5)
  })

  test.each(SHAPES)('%s can be told from %s', (shape, ground) => {
    expect(contrast(colour(shape, theme), colour(ground, theme))).toBeGreaterThanOrEqual(3)
  })
})

test('every colour has both themes, and is in a pair', () => {
  const declared = [...CSS.matchAll(/^ {2}--color-([a-z-]+):/gm)].map(([, name]) => name!)
  expect([...TOKENS.keys()]).toEqual(declared)
  const paired = new Set([...TEXTS, ...SHAPES].flat())
  // Lines between things that are told apart without them.
  expect(declared.filter((name) => !paired.has(name))).toEqual(['line'])
})

test('the contrast is the one that WCAG defines', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5)
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.478, 3)
})

function colour(name: string, theme: Theme): string {
  const found = TOKENS.get(name)?.[theme]
  if (found === undefined) throw new Error(`styles.css has no colour ${name} of the form light-dark(#rrggbb, #rrggbb)`)
  return found
}

function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (light! + 0.05) / (dark! + 0.05)
}

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}
