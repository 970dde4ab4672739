import { describe, expect, test } from 'vitest'
import type { StreamPath } from '../../path.ts'
import type { CatalogueRow, SiblingsPage } from '../port.ts'
import { Recorder, type StorageHost, type WithStorage, failureOf, insertStream, stateOf, store } from './host.ts'

const ROOT = '/' as StreamPath
const at = (second: number) => new Date(second * 1000).toISOString()
const paths = (rows: readonly CatalogueRow[]) => rows.map(({ path }) => path)
const snapshotAt = (offset: number, parked: string | null, version = '1') => {
  return { offset, version, state: '1', effectsAfter: 0, parked }
}

/** Streams in the order in which they are made: when that was said to be, when their newest event came, whether paused. */
const FOREST: readonly (readonly [path: string, created: number, newest: number, paused: boolean])[] = [
  ['/', 1, 90, false],
  ['/b', 5, 30, true],
  ['/a', 5, 70, false],
  ['/a/x', 5, 70, true],
  ['/c', 2, 80, true],
  ['/aB', 9, 10, false],
]

async function forest(host: StorageHost): Promise<void> {
  await store(host, (tx) => {
    for (const [path, created, newest, paused] of FOREST) {
      insertStream(tx, path, [], { createdAt: at(created), lastEventAt: at(newest), paused })
    }
  })
}

/** What a project's overview and its tree by age are read from. */
export function describeOverview(withStorage: WithStorage): void {
  describe('streams by their newest event', () => {
    test('come the newest first; of those of one time, the one that was made last', () =>
      withStorage(async (host) => {
        await forest(host)
        const { committed } = host.storage
        expect(paths(committed.listRecent(9))).toEqual(['/', '/c', '/a/x', '/a', '/b', '/aB'])
        expect(paths(committed.listRecent(3))).toEqual(['/', '/c', '/a/x'])
        expect(committed.listRecent(9)).toEqual(
          committed.list(ROOT, { limit: 9 }).toSorted((a, b) => rank(a.path) - rank(b.path)),
        )
        expect(paths(committed.listPaused(9))).toEqual(['/c', '/a/x', '/b'])
        expect(paths(committed.listPaused(2))).toEqual(['/c', '/a/x'])
        expect(committed.countPaused()).toBe(3)
      }))

    test('are none where there is no stream', () =>
      withStorage(async ({ storage: { committed } }) => {
        expect(committed.listRecent(9)).toEqual([])
        expect(committed.listPaused(9)).toEqual([])
        expect(committed.countPaused()).toBe(0)
        expect(committed.listParked(9)).toEqual([])
      }))

    test('follow what is saved, removed and undone, and are there after opening anew', () =>
      withStorage(async (host) => {
        await forest(host)
        const id = await store(host, (tx) => insertStream(tx, '/d', [], { lastEventAt: at(1) }).id)
        const saved = { lastEventAt: at(99), paused: true }
        await store(host, (tx) => tx.saveState(id, stateOf('/d', saved), null))
        const all = ['/d', '/', '/c', '/a/x', '/a', '/b', '/aB']
        expect(paths(host.storage.committed.listRecent(9))).toEqual(all)
        expect(paths(host.storage.committed.listPaused(9))).toEqual(['/d', '/c', '/a/x', '/b'])
        expect(() =>
          host.storage.transactionSync(new Recorder(), (tx) => {
            tx.removeStreams('/a' as StreamPath, true)
            throw new Error('on purpose')
          }),
        ).toThrow('unforeseen')
        expect(paths(host.storage.committed.listRecent(9))).toEqual(all)
        await store(host, (tx) => {
          tx.removeStreams('/a' as StreamPath, true)
          tx.saveState(id, stateOf('/d', { lastEventAt: at(20) }), null)
        })
        host.reopen()
        expect(paths(host.storage.committed.listRecent(9))).toEqual(['/', '/c', '/b', '/d', '/aB'])
        expect(paths(host.storage.committed.listPaused(9))).toEqual(['/c', '/b'])
        expect(host.storage.committed.countPaused()).toBe(2)
      }))
  })

  describe('children by their making', () => {
    const names = (host: StorageHost, page: Partial<SiblingsPage> = {}) =>
      host.storage.committed.children(ROOT, { order: 'created', limit: 9, ...page }).map(({ name }) => name)

    test('come the newest first; of those of one time, the one that was made last', () =>
      withStorage(async (host) => {
        await forest(host)
        expect(names(host)).toEqual(['aB', 'a', 'b', 'c'])
        expect(host.storage.committed.children(ROOT, { order: 'name', limit: 9 }).map(({ name }) => name)).toEqual([
          'a',
          'aB',
          'b',
          'c',
        ])
        expect(host.storage.committed.children('/a' as StreamPath, { order: 'created', limit: 9 })).toMatchObject([
          { path: '/a/x', name: 'x', createdAt: at(5), paused: true },
        ])
        expect(host.storage.committed.children('/c' as StreamPath, { order: 'created', limit: 9 })).toEqual([])
      }))

    test('by pages, and those whose name has a text in it', () =>
      withStorage(async (host) => {
        await forest(host)
        expect([0, 1, 2, 3, 4, 5].map((skip) => names(host, { limit: 2, skip }))).toEqual([
          ['aB', 'a'],
          ['a', 'b'],
          ['b', 'c'],
          ['c'],
          [],
          [],
        ])
        expect(names(host, { match: 'B' })).toEqual(['aB', 'b'])
        expect(names(host, { match: 'b', skip: 1 })).toEqual(['b'])
        expect(names(host, { match: 'B', limit: 1 })).toEqual(['aB'])
        expect(names(host, { match: '%' })).toEqual([])
      }))
  })

  describe('parked processors', () => {
    const parked = ({ storage }: StorageHost, limit = 9) =>
      storage.committed.listParked(limit).map(({ path, processor, version }) => `${path} ${processor}@${version}`)

    test('are those whose newest snapshot says so, in the order in which their streams were made', () =>
      withStorage(async (host) => {
        await store(host, (tx) => {
          const [b, a] = [insertStream(tx, '/b'), insertStream(tx, '/a')]
          tx.saveSnapshot(a, 'q', snapshotAt(3, '{}', '7'))
          tx.saveSnapshot(a, 'p', snapshotAt(3, '{}'))
          tx.saveSnapshot(b, 'z', snapshotAt(2, '{}'))
          tx.saveSnapshot(b, 'z', snapshotAt(8, '{}', '2'))
          tx.saveSnapshot(b, 'Z', snapshotAt(1, '{}'))
          // Parked once, and past it.
          tx.saveSnapshot(b, 'past', snapshotAt(4, '{}'))
          tx.saveSnapshot(b, 'past', snapshotAt(5, null))
          tx.saveSnapshot(b, 'well', snapshotAt(5, null))
        })
        expect(parked(host)).toEqual(['/b Z@1', '/b z@2', '/a p@1', '/a q@7'])
        expect(parked(host, 2)).toEqual(['/b Z@1', '/b z@2'])
        host.reopen()
        expect(parked(host, 3)).toEqual(['/b Z@1', '/b z@2', '/a p@1'])
      }))

    test('are not those that were set going, forgotten, or whose stream is gone or began anew', () =>
      withStorage(async (host) => {
        const [a, b, c] = await store(host, (tx) => {
          const refs = [insertStream(tx, '/a'), insertStream(tx, '/b'), insertStream(tx, '/c')] as const
          for (const ref of refs) for (const each of ['p', 'q']) tx.saveSnapshot(ref, each, snapshotAt(3, '{}'))
          return refs
        })
        await store(host, (tx) => {
          tx.saveSnapshot(a, 'p', snapshotAt(3, null))
          tx.deleteSnapshots(a.id, 'q', 0, 9)
        })
        expect(parked(host)).toEqual(['/b p@1', '/b q@1', '/c p@1', '/c q@1'])
        await store(host, (tx) => {
          tx.removeStreams(b.path, true)
          tx.removeStreams(c.path, false)
          tx.insertStream(stateOf('/c', { incarnationId: 'another life' }), null)
        })
        expect(parked(host)).toEqual([])
      }))
  })
}

/** Where `FOREST` has a stream when it is read by the newest event. */
function rank(path: string): number {
  return ['/', '/c', '/a/x', '/a', '/b', '/aB'].indexOf(path)
}

/** What an implementation with checksums finds out. */
export function describeOverviewDamage(withStorage: WithStorage): void {
  test('a damaged row is told, not listed: by its newest event, as paused, by its making', () =>
    withStorage(async (host) => {
      await store(host, (tx) => insertStream(tx, '/a', [], { contentType: 'typetext', paused: true }))
      host.damage({ table: 'streams', column: 'content_type', text: 'typetext', becomes: 'typetexu' })
      host.reopen()
      const { committed } = host.storage
      const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a' }
      expect(failureOf(() => committed.listRecent(9))).toEqual(corrupt)
      expect(failureOf(() => committed.listPaused(9))).toEqual(corrupt)
      expect(failureOf(() => committed.children(ROOT, { order: 'created', limit: 9 }))).toEqual(corrupt)
    }))
}
