import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

// docs/coverage.md says which test holds which promise. A table that names tests that are gone would be worse than none.

const PAGE = readFileSync('docs/coverage.md', 'utf8')
const rowsOf = (design) => {
  const section = PAGE.split('\n## ').find((part) => part.startsWith(`${design}, promise by promise`)) ?? ''
  return section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| promise'))
}
const tables = { 'streams.md': rowsOf('streams.md'), 'itx.md': rowsOf('itx.md') }

/** `path/file` "title", with the title as it stands in the source. */
const CITED = /`([^`]+)` "([^"]+)"/g

function sourceOf(file) {
  const found = ['ts', 'tsx', 'mjs'].map((ending) => `${file}.${ending}`).find((path) => existsSync(path))
  return found === undefined ? null : readFileSync(found, 'utf8')
}

test.each(Object.entries(tables))(
  'the promises of %s are there, and every row names a test or says that there is none yet',
  (_design, rows) => {
    expect(rows.length).toBeGreaterThan(60)
    for (const row of rows) expect(row).toMatch(/`[^`]+` "[^"]+"|not built yet/)
  },
)

test.each(Object.values(tables).flat())('%s', (row) => {
  for (const [, file, title] of row.matchAll(CITED)) {
    const source = sourceOf(file)
    expect([file, source !== null]).toEqual([file, true])
    expect([title, source.includes(title)]).toEqual([title, true])
  }
})
