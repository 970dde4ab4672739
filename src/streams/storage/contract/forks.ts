import { describe, expect, test } from 'vitest'
import type { StreamPath } from '../../path.ts'
import type { StreamRef } from '../port.ts'
import {
  ALL,
  Recorder,
  type StorageHost,
  type WithStorage,
  between,
  eventsTo,
  insertFork,
  insertStream,
  store,
  storeChain,
} from './host.ts'

const COLLECT_ALL = 10_000

const offsetsOf = ({ storage }: StorageHost, ref: StreamRef) =>
  storage.committed.readEvents(ref, ALL).events.map(({ offset }) => offset)

const upTo = (offset: number) => Array.from({ length: offset }, (_, index) => index + 1)

async function removeAndCollect(host: StorageHost, ref: StreamRef): Promise<void> {
  await store(host, (tx) => tx.removeStreams(ref.path, false))
  if (host.storage.working.hasGarbage()) await store(host, (tx) => tx.collectGarbage(COLLECT_ALL))
}

/** Orders in which three things can happen. */
const ORDERS = [
  ['leaf', 'middle', 'root'],
  ['leaf', 'root', 'middle'],
  ['middle', 'leaf', 'root'],
  ['middle', 'root', 'leaf'],
  ['root', 'leaf', 'middle'],
  ['root', 'middle', 'leaf'],
] as const

export function describeForks(withStorage: WithStorage): void {
  describe('what forks read', () => {
    test('is kept when its stream is deleted, however often garbage is collected', () =>
      withStorage(async (host) => {
        const { root, middle, leaf } = await storeChain(host)
        for (const ref of [root, middle]) {
          await removeAndCollect(host, ref)
          expect(host.storage.working.hasGarbage()).toBe(false)
          host.reopen()
          expect(host.storage.working.hasGarbage()).toBe(false)
          await store(host, (tx) => tx.collectGarbage(COLLECT_ALL))
          expect(offsetsOf(host, leaf)).toEqual(upTo(12))
        }
      }))

    test('keeps a source of which a fork has nothing: its fork may tell where it comes from', () =>
      withStorage(async (host) => {
        const [root] = await store(host, (tx) => {
          const source = insertStream(tx, '/root', eventsTo(4))
          return [source, insertFork(tx, '/fork', source, 0, eventsTo(2))] as const
        })
        await removeAndCollect(host, root)
        expect(offsetsOf(host, root)).toEqual(upTo(4))
        expect(host.storage.committed.isRetained(root.path)).toBe(true)
      }))

    test('is kept for a fork that is gone itself as long as one of that is there, whatever it has of it', () =>
      withStorage(async (host) => {
        const [root, middle, leaf] = await store(host, (tx) => {
          const source = insertStream(tx, '/root', eventsTo(4))
          const fork = insertFork(tx, '/middle', source, 4)
          return [source, fork, insertFork(tx, '/leaf', fork, 0, eventsTo(2))] as const
        })
        await removeAndCollect(host, root)
        await removeAndCollect(host, middle)
        await store(host, (tx) => tx.collectGarbage(COLLECT_ALL))
        expect(offsetsOf(host, middle)).toEqual(upTo(4))
        expect(host.storage.committed.isRetained(root.path)).toBe(true)
        await removeAndCollect(host, leaf)
        expect(host.storage.committed.lastOffset(root.id)).toBe(0)
        expect(host.storage.committed.isRetained(root.path)).toBe(false)
      }))

    test.each(ORDERS)('goes when all of a chain is deleted: %s, %s, %s', (...order) =>
      withStorage(async (host) => {
        const chain = await storeChain(host)
        await store(host, (tx) => {
          for (const ref of Object.values(chain)) tx.saveRecord(ref.id, 'producer', { key: 'p', value: '1' })
        })
        const bystander = await store(host, (tx) => insertStream(tx, '/bystander', eventsTo(3)))
        for (const [index, name] of order.entries()) {
          await removeAndCollect(host, chain[name])
          expect(host.storage.working.hasGarbage()).toBe(false)
          if (!order.slice(0, index + 1).includes('leaf')) expect(offsetsOf(host, chain.leaf)).toEqual(upTo(12))
          if (!order.slice(0, index + 1).includes('middle')) expect(offsetsOf(host, chain.middle)).toEqual(upTo(9))
        }
        for (const { id, path } of Object.values(chain)) {
          expect([path, host.storage.committed.lastOffset(id)]).toEqual([path, 0])
          expect(host.storage.committed.findRecord(id, 'producer', 'p')).toBeNull()
          expect(host.storage.committed.isRetained(path)).toBe(false)
        }
        expect(offsetsOf(host, bystander)).toEqual(upTo(3))
      }),
    )

    test('goes in one call when a chain is deleted at once, and in slices where it is long', () =>
      withStorage(async (host) => {
        const { root, middle, leaf } = await storeChain(host)
        await store(host, (tx) => tx.removeStreams('/' as StreamPath, true))
        await store(host, (tx) => tx.collectGarbage(COLLECT_ALL))
        expect(host.storage.working.hasGarbage()).toBe(false)
        for (const { id } of [root, middle, leaf]) expect(host.storage.committed.lastOffset(id)).toBe(0)

        const again = await storeChain(host)
        await store(host, (tx) => tx.removeStreams('/' as StreamPath, true))
        for (let slices = 0; host.storage.working.hasGarbage(); slices++) {
          expect(slices).toBeLessThan(60)
          await store(host, (tx) => tx.collectGarbage(2))
        }
        for (const { id } of Object.values(again)) expect(host.storage.committed.lastOffset(id)).toBe(0)
      }))

    test('is kept for the one fork that is left of two', () =>
      withStorage(async (host) => {
        const [root, one, other] = await store(host, (tx) => {
          const source = insertStream(tx, '/root', eventsTo(6))
          return [
            source,
            insertFork(tx, '/one', source, 4, between(4, 6)),
            insertFork(tx, '/other', source, 2, between(2, 3)),
          ] as const
        })
        await removeAndCollect(host, root)
        await removeAndCollect(host, one)
        expect(host.storage.committed.lastOffset(one.id)).toBe(0)
        expect(offsetsOf(host, other)).toEqual(upTo(3))
        await removeAndCollect(host, other)
        expect(host.storage.committed.lastOffset(root.id)).toBe(0)
      }))

    test('is said of a path while no stream is there and forks are, whatever begins there meanwhile', () =>
      withStorage(async (host) => {
        const { root, middle, leaf } = await storeChain(host)
        const retained = () => {
          const paths = [root, middle, leaf].map(({ path }) => path)
          const found = paths.filter((path) => host.storage.working.isRetained(path))
          expect(paths.filter((path) => host.storage.committed.isRetained(path))).toEqual(found)
          return found
        }
        expect(retained()).toEqual([])
        await removeAndCollect(host, root)
        expect(retained()).toEqual(['/root'])
        await removeAndCollect(host, middle)
        host.reopen()
        expect(retained()).toEqual(['/root', '/middle'])
        const newcomer = await store(host, (tx) => insertStream(tx, '/root', eventsTo(1), { incarnationId: 'second' }))
        expect(retained()).toEqual(['/middle'])
        await removeAndCollect(host, newcomer)
        expect(retained()).toEqual(['/root', '/middle'])
        await removeAndCollect(host, leaf)
        expect(retained()).toEqual([])
      }))

    test('is kept, or not, as its group says', () =>
      withStorage(async (host) => {
        const root = await store(host, (tx) => insertStream(tx, '/root', eventsTo(3)))
        expect(() =>
          host.storage.transactionSync(new Recorder(), (tx) => {
            insertFork(tx, '/fork', root, 2)
            tx.removeStreams(root.path, false)
            expect(host.storage.working.isRetained(root.path)).toBe(true)
            expect(host.storage.working.hasGarbage()).toBe(false)
            throw new Error('on purpose')
          }),
        ).toThrow('unforeseen')
        expect(host.storage.working.isRetained(root.path)).toBe(false)
        await removeAndCollect(host, root)
        expect(host.storage.committed.lastOffset(root.id)).toBe(0)
      }))
  })
}
