import { expect, test } from 'vitest'
import { indent, nameStart, scrollLeftToShow } from './tree-indent.ts'

test('each level is set in further than the one above, and the lines of two never meet', () => {
  for (let level = 1; level < 33; level++) expect(indent(level + 1) - indent(level)).toBeGreaterThanOrEqual(14)
  expect([indent(1), nameStart(1), indent(33)]).toEqual([0, 24, 8 * 18 + 24 * 14])
})

test('a name that fits is not scrolled to sideways, a deep one is, and back', () => {
  const width = 300
  expect(scrollLeftToShow(2, { scrollLeft: 0, width })).toBe(0)
  const deep = scrollLeftToShow(33, { scrollLeft: 0, width })
  expect(deep).toBe(nameStart(33) + 150 - width)
  expect(scrollLeftToShow(33, { scrollLeft: deep, width })).toBe(deep)
  expect(scrollLeftToShow(32, { scrollLeft: deep, width })).toBe(deep)
  expect(scrollLeftToShow(3, { scrollLeft: deep, width })).toBe(0)
})
