import { CHILDREN_PAGE } from '../../itx/queries.ts'
import type { Needs } from './tree-levels.ts'
import type { TreeRows } from './tree-rows.ts'
import type { Window } from './tree-window.ts'

/** What has to be loaded for the rows from `first` up to `end` to be shown: the streams that they are below, and pages. */
export function needsOf(rows: TreeRows, { first, end }: Pick<Window, 'first' | 'end'>): Needs {
  const levels = new Set<string>()
  const pages = new Map<string, { readonly path: string; readonly page: number }>()
  for (let index = first; index < end; index++) {
    const row = rows.at(index)
    if (!row) continue
    if (row.parent !== null) {
      levels.add(row.parent)
      const place = row.kind === 'stream' || row.kind === 'pending' ? (row.place ?? 0) : 0
      const page = Math.floor(place / CHILDREN_PAGE)
      pages.set(`${row.parent} ${page}`, { path: row.parent, page })
    }
    // Of an open one at the lower edge nothing is seen yet that would be below it.
    if (row.kind === 'stream' && row.expanded === true) levels.add(row.stream.path)
    if (row.kind === 'stream' && row.stream.path === '/') levels.add('/')
  }
  return { levels: [...levels], pages: [...pages.values()] }
}
