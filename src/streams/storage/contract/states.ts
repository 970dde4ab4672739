import { describe, expect, test } from 'vitest'
import { CORE_STATE_VERSION } from '../../core/state.ts'
import type { StreamPath } from '../../path.ts'
import {
  ALL,
  PATHS,
  Recorder,
  type StorageHost,
  type WithStorage,
  eventAt,
  eventsTo,
  insertStream,
  refOf,
  stateOf,
  store,
  storeStream,
} from './host.ts'

const { a: A } = PATHS
const ROOT = '/' as StreamPath

function pathsOf({ storage }: StorageHost): string[] {
  return storage.committed.list(ROOT, { limit: 1000 }).map((row) => row.path)
}

export function describeStates(withStorage: WithStorage): void {
  describe('states', () => {
    const rich = stateOf('/a', {
      contentType: 'text/plain; charset=utf-8',
      eventCount: 3,
      firstOffset: 2,
      maxOffset: 4,
      lastVisibleOffset: 3,
      paused: true,
      pauseReason: 'breaker: "9" events',
      closed: true,
      config: { recordPresence: true },
      metadata: { title: '変 🙂', nested: { constructor: [1, null, { toJSON: 'x' }] } },
      processors: [{ slug: 'counter', version: '1', attachedAt: 3, detached: false }],
      childCount: 2,
      descendantCount: 5,
    })

    test('of a stream that is not there are null', () =>
      withStorage(async ({ storage }) => {
        expect(storage.working.loadStream(A)).toBeNull()
        expect(storage.committed.loadStream(A)).toBeNull()
      }))

    test('read back as they were written, with their version', () =>
      withStorage(async (host) => {
        const id = await store(host, (tx) => tx.insertStream(rich, null))
        const stored = { id, state: rich, stateVersion: CORE_STATE_VERSION, baseState: null }
        expect(host.storage.working.loadStream(A)).toEqual(stored)
        expect(host.storage.committed.loadStream(A)).toEqual(stored)
        host.reopen()
        expect(host.storage.committed.loadStream(A)).toEqual(stored)
      }))

    test('are replaced by the next one; the stream keeps its number', () =>
      withStorage(async (host) => {
        const id = await store(host, (tx) => tx.insertStream(stateOf('/a'), null))
        await store(host, (tx) => tx.saveState(id, rich, null))
        expect(host.storage.committed.loadStream(A)).toMatchObject({ id, state: rich })
        await store(host, (tx) => tx.saveState(id, stateOf('/a', { maxOffset: 9 }), null))
        expect(host.storage.committed.loadStream(A)).toMatchObject({ id, state: { paused: false, maxOffset: 9 } })
      }))

    test('may have a base, which is kept as it is given', () =>
      withStorage(async (host) => {
        const base = stateOf('/a', { eventCount: 3, maxOffset: 3, firstOffset: 4 })
        const id = await store(host, (tx) => tx.insertStream(rich, base))
        expect(host.storage.working.loadStream(A)?.baseState).toEqual(base)
        host.reopen()
        expect(host.storage.committed.loadStream(A)).toMatchObject({ state: rich, baseState: base })
        await store(host, (tx) => tx.saveState(id, rich, null))
        expect(host.storage.committed.loadStream(A)?.baseState).toBeNull()
      }))

    test('are copies: what becomes of the object later is not stored', () =>
      withStorage(async (host) => {
        const metadata = { title: 'before' }
        await store(host, (tx) => tx.insertStream(stateOf('/a', { metadata }), null))
        metadata.title = 'after'
        expect(host.storage.committed.loadStream(A)?.state.metadata).toEqual({ title: 'before' })
        const loaded = host.storage.committed.loadStream(A)?.state.metadata as { title: string }
        loaded.title = 'after'
        expect(host.storage.committed.loadStream(A)?.state.metadata).toEqual({ title: 'before' })
        expect(host.storage.working.loadStream(A)?.state.metadata).toEqual({ title: 'before' })
      }))

    test('have a number of their own for every stream, and none is used twice', () =>
      withStorage(async (host) => {
        const ids = new Set<number>()
        for (let round = 0; round < 4; round++) {
          for (const path of ['/a', '/b']) ids.add((await storeStream(host, path)).id)
          await store(host, (tx) => tx.removeStreams(ROOT, true))
          await store(host, (tx) => tx.collectGarbage(100))
          if (round === 1) host.reopen()
        }
        expect(ids.size).toBe(8)
      }))
  })

  describe('removing', () => {
    const ALL_PATHS = ['/', '/a', '/a!', '/a!/x', '/a-1', '/a.b', '/a/0', '/a/b', '/a/b/c', '/a0', '/aa/b', '/b/a']

    async function family(host: StorageHost): Promise<void> {
      await store(host, (tx) => {
        for (const path of ALL_PATHS) insertStream(tx, path, eventsTo(2))
      })
      expect(pathsOf(host)).toEqual(ALL_PATHS)
    }

    test('a stream alone leaves what is below it', () =>
      withStorage(async (host) => {
        await family(host)
        await store(host, (tx) => tx.removeStreams(A, false))
        expect(pathsOf(host)).toEqual(ALL_PATHS.filter((path) => path !== '/a'))
        expect(host.storage.working.loadStream(A)).toBeNull()
        host.reopen()
        expect(host.storage.working.loadStream(A)).toBeNull()
      }))

    test('a stream and what is below it leaves those that only begin with the same letters', () =>
      withStorage(async (host) => {
        await family(host)
        await store(host, (tx) => tx.removeStreams(A, true))
        const left = ALL_PATHS.filter((path) => path !== '/a' && !path.startsWith('/a/'))
        expect(left).toHaveLength(8)
        expect(pathsOf(host)).toEqual(left)
      }))

    test('what is below a path where there is no stream', () =>
      withStorage(async (host) => {
        await family(host)
        await store(host, (tx) => tx.removeStreams('/aa' as StreamPath, true))
        expect(pathsOf(host)).toEqual(ALL_PATHS.filter((path) => path !== '/aa/b'))
      }))

    test('the root and what is below it removes everything', () =>
      withStorage(async (host) => {
        await family(host)
        await store(host, (tx) => tx.removeStreams(ROOT, true))
        expect(pathsOf(host)).toEqual([])
      }))

    test('gives the path free in the same transaction: the new life has a log of its own', () =>
      withStorage(async (host) => {
        const old = await storeStream(
          host,
          '/a',
          eventsTo(3, (offset) => ({ idempotencyKey: `k${offset}` })),
        )
        const state = stateOf('/a', { incarnationId: 'second', maxOffset: 1 })
        const id = await store(host, (tx) => {
          tx.removeStreams(A, false)
          const reborn = tx.insertStream(state, null)
          tx.insertEvents(refOf(reborn, state), [eventAt(1, { idempotencyKey: 'k1', type: 'new' })])
          return reborn
        })
        expect(id).not.toBe(old.id)
        expect(host.storage.committed.loadStream(A)).toMatchObject({ id, state })
        expect(host.storage.committed.readEvents(refOf(id, state), ALL).events.map(({ type }) => type)).toEqual(['new'])
        expect(host.storage.working.findKey(refOf(id, state), 'k2')).toBeNull()
        await store(host, (tx) => tx.collectGarbage(1000))
        expect(host.storage.committed.lastOffset(id)).toBe(1)
        expect(host.storage.committed.lastOffset(old.id)).toBe(0)
      }))

    test('is undone with its group', () =>
      withStorage(async (host) => {
        await family(host)
        expect(() =>
          host.storage.transactionSync(new Recorder(), (tx) => {
            tx.removeStreams(A, true)
            expect(host.storage.working.loadStream(A)).toBeNull()
            throw new Error('on purpose')
          }),
        ).toThrow('unforeseen')
        expect(pathsOf(host)).toEqual(ALL_PATHS)
        expect(host.storage.working.loadStream(A)).not.toBeNull()
      }))
  })

  describe('garbage', () => {
    test('is there after a removal, and gone once it is collected', () =>
      withStorage(async (host) => {
        expect(host.storage.working.hasGarbage()).toBe(false)
        await storeStream(host, '/a', eventsTo(3))
        await store(host, (tx) => tx.removeStreams(A, true))
        expect(host.storage.working.hasGarbage()).toBe(true)
        host.reopen()
        expect(host.storage.working.hasGarbage()).toBe(true)
        await store(host, (tx) => tx.collectGarbage(1000))
        expect(host.storage.working.hasGarbage()).toBe(false)
        // Where there is nothing left, there is nothing to do.
        await store(host, (tx) => tx.collectGarbage(1000))
      }))

    test('is collected in slices, and nothing that is still in use with it', () =>
      withStorage(async (host) => {
        const large = JSON.stringify('x'.repeat(600 * 1024)) as never
        const events = eventsTo(500, (offset) =>
          offset === 250 ? { payload: large } : { idempotencyKey: `k${offset}` },
        )
        const [gone, kept] = [await storeStream(host, '/a', events), await storeStream(host, '/b', events)]
        await storeStream(host, '/a/b', events)
        const snapshot = { offset: 5, version: '1', state: '{}', effectsAfter: 0, parked: null }
        await store(host, (tx) => {
          tx.saveSnapshot(gone, 'p', snapshot)
          tx.saveSnapshot(kept, 'p', snapshot)
        })
        await store(host, (tx) => tx.removeStreams(A, true))
        let slices = 0
        for (; host.storage.working.hasGarbage(); slices++) {
          expect(slices).toBeLessThan(20)
          const before = host.storage.committed.lastOffset(gone.id)
          await store(host, (tx) => tx.collectGarbage(100))
          // A slice of one log must not be all of it.
          if (slices < 4) expect([before, host.storage.committed.lastOffset(gone.id)]).toEqual([500, 500])
        }
        expect(slices).toBeGreaterThanOrEqual(10)
        expect(host.storage.committed.lastOffset(gone.id)).toBe(0)
        expect(host.storage.committed.findEvent(gone, 'k1')).toBeNull()
        expect(host.storage.working.findSnapshot(gone, 'p', 9)).toBeNull()
        expect(host.storage.committed.readEvents(kept, ALL).events).toEqual(events)
        expect(host.storage.working.findSnapshot(kept, 'p', 9)).toEqual(snapshot)
      }))
  })
}
