import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

// docs/coverage.md says which test holds which promise. A table that names tests that are gone would be worse than none.

const PAGE = readFileSync('docs/coverage.md', 'utf8')
const rowsOf = (design) => {
  const section = PAGE.split('\n## ').find((part) => part.startsWith(`${design}, promise by promise`)) ?? ''
  return section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| promise'))
}
/** The design pages, and the least number of promises that each has a row for. */
const PAGES = { 'streams.md': 60, 'itx.md': 60, 'stream-db.md': 50, 'dashboard.md': 45 }
const tables = Object.fromEntries(Object.keys(PAGES).map((design) => [design, rowsOf(design)]))

/** `path/file` "title", with the title as it stands in the source. */
const CITED = /`([^`]+)` "([^"]+)"/g

function sourceOf(file) {
  const found = ['ts', 'tsx', 'mjs'].map((ending) => `${file}.${ending}`).find((path) => existsSync(path))
  return found === undefined ? null : readFileSync(found, 'utf8')
}

test.each(Object.entries(tables))(
  'the promises of %s are there, and every row names a test or says that there is none yet',
  (design, rows) => {
    expect(rows.length).toBeGreaterThan(PAGES[design])
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

test('every variable that the configuration knows is in the table of docs/operations.md', () => {
  const [, list = ''] = /const KNOWN_VARIABLES = \[([^\]]*)\]/.exec(readFileSync('app.config.ts', 'utf8')) ?? []
  const known = [...list.matchAll(/'(TRIBUTARY_[A-Z_]+)'/g)].map(([, name]) => name)
  expect(known.length).toBeGreaterThan(15)
  const rows = readFileSync('docs/operations.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  expect(known.filter((name) => !rows.some((row) => row.includes(`\`${name}\``)))).toEqual([])
})
