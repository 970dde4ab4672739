import { CHILDREN_PAGE } from '../../itx/queries.ts'
import { type Level, type Stream, type TreeShape, placeOf } from './tree-shape.ts'

/** A tree for tests: what there is, what of it is loaded, and what is open. */
export interface TestTree {
  /** All children of each stream, in their order; streams that are not named have none. */
  readonly children: Readonly<Record<string, readonly string[]>>
  /** Pages that are loaded, of each open stream; all when absent. */
  readonly loaded?: Readonly<Record<string, readonly number[]>>
  readonly failed?: Readonly<Record<string, readonly number[]>>
  readonly open?: readonly string[]
  /** The open stream. */
  readonly current?: string
  readonly draft?: string
  /** How many children a level says that it has, where that is not known: null. */
  readonly unknown?: readonly string[]
}

export const below = (parent: string, name: string): string => (parent === '/' ? `/${name}` : `${parent}/${name}`)

/** `count` names that sort as they are numbered. */
export const names = (count: number, prefix = 'c'): string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(5, '0')}`)

export function testShape(tree: TestTree): TreeShape {
  const { children, loaded = {}, failed = {}, current = '/', draft = null, unknown = [] } = tree
  const parts = current === '/' ? [] : current.slice(1).split('/')
  const course = ['/', ...parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`)]
  const open = new Set([...(tree.open ?? []), ...course, ...(draft === null ? [] : [draft])])
  const levels = new Map<string, Level>()
  const levelOf = (path: string): Level => {
    const all = (children[path] ?? []).map((name): Stream => streamOf(tree, below(path, name)))
    const count = Math.max(1, Math.ceil(all.length / CHILDREN_PAGE))
    const pages = loaded[path] ?? Array.from({ length: count }, (_, page) => page)
    return {
      total: unknown.includes(path) ? null : all.length,
      pages: new Map(pages.map((page) => [page, all.slice(page * CHILDREN_PAGE, (page + 1) * CHILDREN_PAGE)])),
      failed: new Map((failed[path] ?? []).map((page) => [page, new Error(`page ${page} of ${path}`)])),
    }
  }
  const shape: TreeShape = {
    course,
    draft,
    isOpen: (path) => open.has(path),
    opened: (path) => [...open].filter((each) => each !== '/' && parentOf(each) === path),
    level: (path) => {
      const level = levels.get(path) ?? levelOf(path)
      levels.set(path, level)
      return level
    },
    stream: (path) => {
      if (path === '/') return unknown.includes('/') ? null : streamOf(tree, '/')
      return placeOf(shape.level(parentOf(path)), path) < 0 ? null : streamOf(tree, path)
    },
  }
  return shape
}

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/'

function streamOf({ children }: TestTree, path: string): Stream {
  const name = path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1)
  return { path: path as Stream['path'], name, eventCount: 1, paused: false, childCount: children[path]?.length ?? 0 }
}
