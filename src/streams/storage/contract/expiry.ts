import { describe, expect, test } from 'vitest'
import { storedDeadline } from '../../core/expiry.ts'
import type { CoreState } from '../../core/state.ts'
import { PATHS, type WithStorage, insertStream, stateOf, store } from './host.ts'

const at = (seconds: number) => Date.parse('2026-06-01T00:00:00.000Z') + 1000 * seconds
const endsAt = (seconds: number): Partial<CoreState> => ({
  expiry: { expiresAt: new Date(at(seconds)).toISOString() },
})

export function describeExpiry(withStorage: WithStorage): void {
  describe('streams that end by themselves', () => {
    test('are listed when their time has come, the earliest first, and nobody else', () =>
      withStorage(async (host) => {
        await store(host, (tx) => {
          insertStream(tx, '/late', [], endsAt(30))
          insertStream(tx, '/never')
          insertStream(tx, '/b', [], endsAt(20))
          insertStream(tx, '/early', [], endsAt(10))
          insertStream(tx, '/a', [], endsAt(20))
        })
        host.reopen()
        const { committed } = host.storage
        expect(committed.nextExpiry()).toBe(at(10))
        expect(committed.listExpired(at(10) - 1, 9)).toEqual([])
        expect(committed.listExpired(at(10), 9)).toEqual(['/early'])
        expect(committed.listExpired(at(20), 9)).toEqual(['/early', '/a', '/b'])
        expect(committed.listExpired(at(99), 2)).toEqual(['/early', '/a'])
        expect(committed.listExpired(at(99), 9)).toEqual(['/early', '/a', '/b', '/late'])
      }))

    test('that are used later end later; those that no longer end, or are gone, are not listed', () =>
      withStorage(async (host) => {
        const used = stateOf('/used', { expiry: { ttlSeconds: 60 }, lastEventAt: new Date(at(0)).toISOString() })
        const id = await store(host, (tx) => tx.insertStream(used, null))
        const { committed } = host.storage
        expect(committed.nextExpiry()).toBe(storedDeadline(used))
        const touched = { ...used, touchedAt: at(100) }
        await store(host, (tx) => tx.saveState(id, touched, null))
        expect(committed.nextExpiry()).toBe(storedDeadline(touched))
        expect(committed.listExpired(storedDeadline(used) ?? 0, 9)).toEqual([])
        expect(committed.listExpired(storedDeadline(touched) ?? 0, 9)).toEqual(['/used'])
        const { expiry: _, ...endless } = touched
        await store(host, (tx) => tx.saveState(id, endless, null))
        expect([committed.nextExpiry(), committed.listExpired(at(1e6), 9)]).toEqual([null, []])
        await store(host, (tx) => tx.saveState(id, touched, null))
        await store(host, (tx) => tx.removeStreams(used.path, false))
        expect([committed.nextExpiry(), committed.listExpired(at(1e6), 9)]).toEqual([null, []])
      }))

    test('in a time that no clock gets to are streams that do not end', () =>
      withStorage(async (host) => {
        const state = stateOf('/a', { expiry: { ttlSeconds: Number.MAX_SAFE_INTEGER } })
        await store(host, (tx) => tx.insertStream(state, null))
        expect(host.storage.committed.nextExpiry()).toBeNull()
        expect(host.storage.committed.loadStream(PATHS.a)?.state).toEqual(state)
      }))
  })
}
