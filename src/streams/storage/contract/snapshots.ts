import { describe, expect, test } from 'vitest'
import type { Snapshot, StreamRef } from '../port.ts'
import { PATHS, Recorder, type StorageHost, type WithStorage, failureOf, store, storeStream } from './host.ts'

const snapshotAt = (offset: number, changes: Partial<Snapshot> = {}): Snapshot => ({
  offset,
  version: '1.0',
  state: `{"at":${offset}}`,
  effectsAfter: 2,
  parked: null,
  ...changes,
})

function save(host: StorageHost, ref: StreamRef, processor: string, ...snapshots: Snapshot[]): Promise<void> {
  return store(host, (tx) => {
    for (const snapshot of snapshots) tx.saveSnapshot(ref, processor, snapshot)
  })
}

export function describeSnapshots(withStorage: WithStorage): void {
  describe('snapshots', () => {
    test('read back as they were written', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a')
        const snapshots = [
          snapshotAt(0, { effectsAfter: 0 }),
          snapshotAt(3, { parked: '{"reason":"変 🙂","attempts":4}' }),
          snapshotAt(9, { state: JSON.stringify('é'.repeat(400_000)), version: '' }),
        ]
        await save(host, ref, 'counter', ...snapshots)
        host.reopen()
        for (const snapshot of snapshots) {
          expect(host.storage.working.findSnapshot(ref, 'counter', snapshot.offset)).toEqual(snapshot)
        }
      }))

    test('are found at or below an offset, the newest first', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a')
        await save(host, ref, 'counter', snapshotAt(20), snapshotAt(3), snapshotAt(10))
        const at = (offset: number) => host.storage.working.findSnapshot(ref, 'counter', offset)?.offset
        expect([0, 2, 3, 9, 10, 19, 20, Number.MAX_SAFE_INTEGER].map(at)).toEqual([
          undefined,
          undefined,
          3,
          3,
          10,
          10,
          20,
          20,
        ])
        expect(host.storage.working.snapshotOffsets(ref.id, 'counter')).toEqual([3, 10, 20])
      }))

    test('at an offset where there is one take its place', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a')
        await save(host, ref, 'counter', snapshotAt(3), snapshotAt(5))
        const second = snapshotAt(3, { state: '"second"', version: '2', effectsAfter: 3, parked: '{}' })
        await save(host, ref, 'counter', second)
        expect(host.storage.working.findSnapshot(ref, 'counter', 4)).toEqual(second)
        expect(host.storage.working.snapshotOffsets(ref.id, 'counter')).toEqual([3, 5])
      }))

    test('belong to one processor of one stream', () =>
      withStorage(async (host) => {
        const [a, b] = [await storeStream(host, '/a'), await storeStream(host, '/b')]
        await save(host, a, 'counter', snapshotAt(3, { state: '1' }))
        await save(host, a, 'Counter', snapshotAt(3, { state: '2' }))
        await save(host, b, 'counter', snapshotAt(3, { state: '3' }))
        const { working } = host.storage
        expect(working.findSnapshot(a, 'counter', 3)?.state).toBe('1')
        expect(working.findSnapshot(a, 'Counter', 3)?.state).toBe('2')
        expect(working.findSnapshot(b, 'counter', 3)?.state).toBe('3')
        expect(working.findSnapshot(b, 'Counter', 3)).toBeNull()
        expect(working.snapshotOffsets(b.id, 'Counter')).toEqual([])
      }))

    test('are deleted from an offset to another, both included, and only one processor’s', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a')
        const all = [1, 2, 3, 4, 5].map((offset) => snapshotAt(offset))
        await save(host, ref, 'counter', ...all)
        await save(host, ref, 'other', ...all)
        await store(host, (tx) => tx.deleteSnapshots(ref.id, 'counter', 2, 4))
        const { working } = host.storage
        expect(working.snapshotOffsets(ref.id, 'counter')).toEqual([1, 5])
        expect(working.findSnapshot(ref, 'counter', 4)?.offset).toBe(1)
        expect(working.snapshotOffsets(ref.id, 'other')).toEqual([1, 2, 3, 4, 5])
        await store(host, (tx) => tx.deleteSnapshots(ref.id, 'other', 0, Number.MAX_SAFE_INTEGER))
        expect(working.snapshotOffsets(ref.id, 'other')).toEqual([])
      }))

    test('of another life of the stream are refused', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a')
        await save(host, ref, 'counter', snapshotAt(3))
        const other = { ...ref, incarnationId: 'another' }
        const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: PATHS.a, offset: 3, processor: 'counter' }
        expect(failureOf(() => host.storage.working.findSnapshot(other, 'counter', 9))).toEqual(corrupt)
        expect(host.storage.working.findSnapshot(other, 'counter', 2)).toBeNull()
      }))

    test('are seen in the open group, and undone with it', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a')
        await save(host, ref, 'counter', snapshotAt(3))
        expect(() =>
          host.storage.transactionSync(new Recorder(), (tx) => {
            tx.deleteSnapshots(ref.id, 'counter', 0, 9)
            tx.saveSnapshot(ref, 'counter', snapshotAt(5))
            expect(host.storage.working.snapshotOffsets(ref.id, 'counter')).toEqual([5])
            throw new Error('on purpose')
          }),
        ).toThrow('unforeseen')
        expect(host.storage.working.snapshotOffsets(ref.id, 'counter')).toEqual([3])
      }))
  })
}
