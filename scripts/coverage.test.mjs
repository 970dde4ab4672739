import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

// docs/coverage.md says which test holds which promise. A table that names tests that are gone would be worse than none.

const PAGE = readFileSync('docs/coverage.md', 'utf8')
const section = PAGE.split('\n## ').find((part) => part.startsWith('streams.md, promise by promise')) ?? ''
const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| promise'))

/** `path/file` "title", with the title as it stands in the source. */
const CITED = /`([^`]+)` "([^"]+)"/g

function sourceOf(file) {
  const found = ['ts', 'tsx', 'mjs'].map((ending) => `${file}.${ending}`).find((path) => existsSync(path))
  return found === undefined ? null : readFileSync(found, 'utf8')
}

test('the table of promises is there, and every row names a test or says that there is none yet', () => {
  expect(rows.length).toBeGreaterThan(60)
  for (const row of rows) expect(row).toMatch(/`[^`]+` "[^"]+"|not built yet/)
})

test.each(rows)('%s', (row) => {
  for (const [, file, title] of row.matchAll(CITED)) {
    const source = sourceOf(file)
    expect([file, source !== null]).toEqual([file, true])
    expect([title, source.includes(title)]).toEqual([title, true])
  }
})
