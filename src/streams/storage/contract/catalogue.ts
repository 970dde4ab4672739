import { describe, expect, test } from 'vitest'
import type { AttachedProcessor } from '../../core/state.ts'
import type { StreamPath } from '../../path.ts'
import type { CataloguePage, CatalogueRow } from '../port.ts'
import { type StorageHost, type WithStorage, insertStream, stateOf, store } from './host.ts'

const ROOT = '/' as StreamPath
const NAMES = [
  '!x',
  '$',
  '(',
  '-',
  '-a',
  '.a',
  '0',
  '1',
  '10',
  '2',
  ':',
  '=',
  '@',
  'A',
  'B_b',
  'Z',
  '_',
  'a',
  'a-',
  'a-1',
  'a.b',
  'a0',
  'a:',
  'aB',
  'ab',
  'b',
  "it's",
  'z',
  '~',
]
const BELOW = ['/a/x', '/a/x/y', '/a/X', '/a-1/x', '/a.b/x', '/a0/x', '/A/x', '/~/~/~']
const ALL_PATHS = ['/', ...NAMES.map((name) => `/${name}`), ...BELOW].toSorted(byBytes)

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

async function forest(host: StorageHost): Promise<void> {
  await store(host, (tx) => {
    // In no order at all.
    for (const path of [...ALL_PATHS.filter((_, i) => i % 2), ...ALL_PATHS.filter((_, i) => !(i % 2)).toReversed()]) {
      insertStream(tx, path)
    }
  })
}

const names = (rows: readonly CatalogueRow[]) => rows.map((row) => row.name)
const paths = (rows: readonly CatalogueRow[]) => rows.map((row) => row.path)
const matching = (texts: readonly string[], match: string | undefined) =>
  texts.filter((text) => text.toLowerCase().includes((match ?? '').toLowerCase()))

export function describeCatalogue(withStorage: WithStorage): void {
  describe('the catalogue', () => {
    test('tells of a stream what its state says', () =>
      withStorage(async (host) => {
        const state = stateOf('/a/Name-1', {
          contentType: 'text/plain',
          eventCount: 7,
          maxOffset: 9,
          createdAt: '2026-02-01T00:00:00.000Z',
          lastEventAt: '2026-03-01T00:00:00.000Z',
          paused: true,
          closed: false,
          childCount: 3,
          descendantCount: 11,
        })
        const row: CatalogueRow = {
          path: state.path,
          name: 'Name-1',
          incarnationId: state.incarnationId,
          contentType: 'text/plain',
          eventCount: 7,
          maxOffset: 9,
          createdAt: state.createdAt,
          lastEventAt: state.lastEventAt,
          paused: true,
          closed: false,
          childCount: 3,
          descendantCount: 11,
        }
        const id = await store(host, (tx) => tx.insertStream(state, null))
        expect(host.storage.committed.list(ROOT, { limit: 10 })).toEqual([row])
        expect(host.storage.committed.children('/a' as StreamPath, { limit: 10 })).toEqual([row])
        await store(host, (tx) => tx.saveState(id, { ...state, paused: false, closed: true, eventCount: 8 }, null))
        const saved = [{ ...row, paused: false, closed: true, eventCount: 8 }]
        expect(host.storage.committed.list(ROOT, { limit: 10 })).toEqual(saved)
        host.reopen()
        expect(host.storage.committed.list(ROOT, { limit: 10 })).toEqual(saved)
      }))

    test('lists children by name, in the order of their bytes, and nobody else', () =>
      withStorage(async (host) => {
        await forest(host)
        const { committed } = host.storage
        expect(names(committed.children(ROOT, { limit: 100 }))).toEqual(NAMES.toSorted(byBytes))
        expect(names(committed.children('/a' as StreamPath, { limit: 100 }))).toEqual(['X', 'x'])
        expect(committed.children('/a/x/y' as StreamPath, { limit: 100 })).toEqual([])
        // `/~/~` was never made: a parent that is not there has the children it has.
        expect(names(committed.children('/~/~' as StreamPath, { limit: 100 }))).toEqual(['~'])
      }))

    test('pages through children by `after` and by `skip`, counts them, and finds parts of names in any case', () =>
      withStorage(async (host) => {
        await forest(host)
        const { committed } = host.storage
        for (const match of [undefined, 'a', 'AB', '-', '_', '.', '1', "'", 'none', '%']) {
          const expected = matching(NAMES.toSorted(byBytes), match)
          const page: CataloguePage = match === undefined ? { limit: 4 } : { limit: 4, match }
          expect(committed.countChildren(ROOT, match)).toBe(expected.length)
          const byAfter: string[] = []
          const bySkip: string[] = []
          for (;;) {
            const next = names(committed.children(ROOT, { ...page, after: byAfter.at(-1) ?? '' }))
            byAfter.push(...next)
            bySkip.push(...names(committed.children(ROOT, { ...page, skip: bySkip.length })))
            if (next.length < 4) break
          }
          expect([match, byAfter]).toEqual([match, expected])
          expect([match, bySkip]).toEqual([match, expected])
        }
        expect(committed.countChildren('/none' as StreamPath)).toBe(0)
      }))

    test('lists a prefix and what lies below it by path; siblings that begin alike are not below it', () =>
      withStorage(async (host) => {
        await forest(host)
        const { committed } = host.storage
        const list = (prefix: string) => paths(committed.list(prefix as StreamPath, { limit: 100 }))
        expect(list('/')).toEqual(ALL_PATHS)
        expect(list('/a')).toEqual(['/a', '/a/X', '/a/x', '/a/x/y'])
        expect(list('/a-1')).toEqual(['/a-1', '/a-1/x'])
        expect(list('/A')).toEqual(['/A', '/A/x'])
        // The prefix itself need not be there.
        expect(list('/~/~')).toEqual(['/~/~/~'])
        expect(list('/none')).toEqual([])
        for (const prefix of [...ALL_PATHS, '/~/~', '/none'] as StreamPath[]) {
          const below = list(prefix).filter((path) => path !== prefix)
          expect([prefix, committed.countBelow(prefix)]).toEqual([prefix, below.length])
        }
      }))

    test('pages through a prefix by `after`, and finds parts of paths in any case', () =>
      withStorage(async (host) => {
        await forest(host)
        for (const prefix of ['/', '/a', '/~']) {
          for (const match of [undefined, 'A', '/x', 'a-', '_']) {
            const inside = ALL_PATHS.filter(
              (path) => prefix === '/' || path === prefix || path.startsWith(`${prefix}/`),
            )
            const expected = matching(inside, match)
            const found: string[] = []
            for (;;) {
              const after = found.at(-1)
              const page = {
                limit: 3,
                ...(match === undefined ? {} : { match }),
                ...(after === undefined ? {} : { after }),
              }
              const next = paths(host.storage.committed.list(prefix as StreamPath, page))
              found.push(...next)
              if (next.length < 3) break
            }
            expect([prefix, match, found]).toEqual([prefix, match, expected])
          }
        }
      }))

    test('finds paths that have some letters in their order, however far apart', () =>
      withStorage(async (host) => {
        await forest(host)
        const { committed } = host.storage
        for (const match of ['ax', 'AY', '/~~', '~/~', 'a/x/y', '_', '%', 'a%x', '\\', 'xa', "'"]) {
          const inOrder = new RegExp(Array.from(match, (letter) => letter.replace(/[^\w/]/, '\\$&')).join('.*'), 'i')
          for (const prefix of ['/', '/a'] as StreamPath[]) {
            const all = paths(committed.list(prefix, { limit: 100 }))
            const found = paths(committed.list(prefix, { limit: 100, match, fuzzy: true }))
            expect([match, prefix, found]).toEqual([match, prefix, all.filter((path) => inOrder.test(path))])
          }
        }
      }))

    test('begins after any path, whether there is one of that name or not', () =>
      withStorage(async (host) => {
        await forest(host)
        for (const after of ['/', '/Q', '/a', '/a/', '/a/w', '/a0', '/zzz', '/~/~/~', '~']) {
          for (const prefix of ['/', '/a']) {
            const inside = ALL_PATHS.filter((path) => prefix === '/' || path === prefix || path.startsWith('/a/'))
            const expected = inside.filter((path) => byBytes(path, after) > 0)
            const found = paths(host.storage.committed.list(prefix as StreamPath, { limit: 100, after }))
            expect([prefix, after, found]).toEqual([prefix, after, expected])
          }
        }
      }))

    test('lists the streams that processors are attached to, by path, page by page', () =>
      withStorage(async (host) => {
        const attached = (detached: boolean): AttachedProcessor => ({
          slug: 'p',
          version: '1',
          attachedAt: 1,
          detached,
        })
        const id = await store(host, (tx) => {
          for (const path of ['/c', '/a', '/b/x', '/B']) {
            insertStream(tx, path, [], { processors: [attached(true), attached(false)] })
          }
          insertStream(tx, '/none')
          insertStream(tx, '/detached', [], { processors: [attached(true)] })
          return insertStream(tx, '/later').id
        })
        const { committed } = host.storage
        expect(committed.listProcessed('', 10)).toEqual(['/B', '/a', '/b/x', '/c'])
        expect(committed.listProcessed('', 2)).toEqual(['/B', '/a'])
        expect(committed.listProcessed('/a', 2)).toEqual(['/b/x', '/c'])
        expect(committed.listProcessed('/c', 2)).toEqual([])
        await store(host, (tx) => tx.saveState(id, stateOf('/later', { processors: [attached(false)] }), null))
        expect(committed.listProcessed('/c', 2)).toEqual(['/later'])
        await store(host, (tx) => tx.saveState(id, stateOf('/later'), null))
        expect(committed.listProcessed('/c', 2)).toEqual([])
      }))
  })
}
