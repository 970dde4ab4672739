import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CHILDREN_PAGE } from '../../itx/queries.ts'
import { FAILED_ROWS } from './tree-branch.ts'
import { type TreeRow, TreeRows } from './tree-rows.ts'
import { type TestTree, below, names, testShape } from './tree-rows-testing.ts'

// The rows by their index against the same tree written out in full, row by row.

/** A row as far as both know it. */
interface Plain {
  readonly what: string
  readonly level: number
  readonly place: number | null
  readonly course: boolean
}

function writtenOut(tree: TestTree): Plain[] {
  const shape = testShape(tree)
  const list = (path: string, level: number): Plain[] => {
    if (!shape.isOpen(path)) return []
    const { pages, failed, total } = shape.level(path)
    const rows: Plain[] = []
    const add = (what: string, place: number | null = null, course = false) => rows.push({ what, level, place, course })
    if (shape.draft === path) add('draft')
    const all = tree.children[path] ?? []
    const next = shape.course[shape.course.indexOf(path) + 1]
    const child = shape.course.includes(path) && next !== undefined ? next : null
    const real = child === null ? -1 : all.findIndex((name) => below(path, name) === child)
    const known = real >= 0 && pages.has(Math.floor(real / CHILDREN_PAGE))
    const isLifted = child !== null && !(known && real < CHILDREN_PAGE)
    if (isLifted) {
      add(child, known ? real : null, true)
      rows.push(...list(child, level + 1))
    }
    if (pages.size === 0 && failed.has(0)) {
      for (let part = 0; part < FAILED_ROWS; part++) add(`failed ${part}`)
      return rows
    }
    const count = total ?? shape.stream(path)?.childCount ?? 1
    for (let place = 0; place < count; place++) {
      if (isLifted && known && place === real) continue
      if (!pages.has(Math.floor(place / CHILDREN_PAGE))) {
        add('pending', place)
        continue
      }
      const stream = below(path, all[place]!)
      // A lifted one whose place is not known may come once more only when its page is loaded: then it is known.
      add(stream, place, stream === child)
      rows.push(...list(stream, level + 1))
    }
    return rows
  }
  return [{ what: '/', level: 1, place: 0, course: true }, ...list('/', 2)]
}

/** The lines beside a row, by looking at the rows after it. */
function railsOf(rows: readonly Plain[], at: number): string {
  const own = rows[at]!
  let rails = ''
  for (let level = 2; level <= own.level; level++) {
    const after = rows.slice(at + 1)
    const end = after.findIndex((row) => row.level < level)
    const siblings = (end < 0 ? after : after.slice(0, end)).filter((row) => row.level === level)
    if (level === own.level && own.what.startsWith('failed')) rails += '0'
    else rails += siblings.some(({ course }) => course) ? '2' : siblings.length > 0 ? '1' : '0'
  }
  return rails
}

function plain(row: TreeRow): Plain {
  const what = row.kind === 'stream' ? row.stream.path : row.kind === 'failed' ? `failed ${row.part}` : row.kind
  const place = row.kind === 'stream' || row.kind === 'pending' ? row.place : null
  return { what, level: row.level, place, course: row.kind === 'stream' && row.onCourse }
}

/** How many children each stream has on each level, and which of them have some again. */
const trees: fc.Arbitrary<TestTree> = fc
  .record({
    sizes: fc.array(fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 195, max: 620 })), {
      minLength: 1,
      maxLength: 6,
    }),
    picks: fc.array(fc.nat(700), { minLength: 6, maxLength: 6 }),
    course: fc.nat(6),
    isAbsent: fc.boolean(),
    loaded: fc.array(fc.subarray([0, 1, 2, 3]), { minLength: 6, maxLength: 6 }),
    failed: fc.array(fc.subarray([0, 1]), { minLength: 6, maxLength: 6 }),
    unknown: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    open: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    draft: fc.option(fc.nat(5)),
  })
  .map(({ sizes, picks, course, isAbsent, loaded, failed, unknown, open, draft }) => {
    const children: Record<string, string[]> = {}
    const levels = ['/']
    sizes.forEach((size, at) => {
      const parent = levels[at]
      if (parent === undefined || size === 0) return
      children[parent] = names(size)
      levels.push(below(parent, children[parent][picks[at]! % size]!))
    })
    const byLevel = <T>(values: readonly T[]) => Object.fromEntries(levels.map((path, at) => [path, values[at % 6]!]))
    const pagesOf = (path: string, pages: readonly number[]) =>
      pages.filter((page) => page * CHILDREN_PAGE < (children[path]?.length ?? 0))
    const known = Object.fromEntries(levels.map((path, at) => [path, pagesOf(path, loaded[at % 6]!)]))
    const current = levels[Math.min(course, levels.length - 1)]!
    const tree: TestTree = {
      children,
      loaded: known,
      failed: byLevel(failed),
      unknown: levels.filter((path, at) => unknown[at % 6] && known[path]!.length === 0),
      open: levels.filter((_, at) => open[at % 6]),
      current: isAbsent ? below(current, 'not-there') : current,
    }
    const draftIn = draft === null ? undefined : levels[draft]
    return draftIn === undefined ? tree : Object.assign(tree, { draft: draftIn })
  })

test('each index leads to the row that the written out tree has there, and each path back to its index', () => {
  fc.assert(
    fc.property(trees, (tree) => {
      const rows = new TreeRows(testShape(tree))
      const expected = writtenOut(tree)
      const all = Array.from({ length: rows.count }, (_, index) => rows.at(index)!)
      expect(all.map(plain)).toEqual(expected)
      expect(new Set(all.map(({ key }) => key)).size).toBe(all.length)
      all.forEach((row, index) => {
        if (row.kind === 'stream')
          expect([row.stream.path, rows.indexOf(row.stream.path)]).toEqual([row.stream.path, index])
        if (row.kind === 'pending') expect(rows.indexOfPlace(row.parent!, row.place!)).toBe(index)
      })
      // Every line of every row takes long: those at the edges of levels are the ones that differ.
      const edges = [...all.keys()].filter((at) => at % 97 === 0 || all[at + 1]?.level !== all[at]?.level)
      for (const at of edges) expect([at, all[at]!.rails]).toEqual([at, railsOf(expected, at)])
    }),
    { numRuns: 300 },
  )
})
