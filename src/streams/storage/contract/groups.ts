import { describe, expect, test } from 'vitest'
import { ItxError } from '../../errors.ts'
import type { StreamRef, WriteTransaction } from '../port.ts'
import {
  ALL,
  PATHS,
  Recorder,
  type StorageTraits,
  type WithStorage,
  eventAt,
  eventsTo,
  failureOf,
  insertStream,
  refOf,
  stateOf,
  store,
  storeStream,
  turn,
  until,
} from './host.ts'

const { a: A, b: B } = PATHS
const broken = () => new ItxError('UNAVAILABLE', 'nothing was stored: broken on purpose', { reason: 'on-purpose' })

/** Invariants 1 to 3 of the port. */
export function describeGroups(withStorage: WithStorage, { groups }: StorageTraits): void {
  const none = () => {}
  const inTurn = groups === 'turn' ? test : none
  const inWrite = groups === 'write' ? test : none

  describe('a transaction', () => {
    test('answers what its function answers', () =>
      withStorage(async ({ storage }) => {
        expect(storage.transactionSync(new Recorder(), () => 7)).toBe(7)
        expect(storage.transactionSync(new Recorder(), () => undefined)).toBeUndefined()
      }))

    test('is seen by the working reader at once, and by the committed one when its group has ended', () =>
      withStorage(async ({ storage }) => {
        const ref = storage.transactionSync(new Recorder(), (tx) => insertStream(tx, '/a', eventsTo(3)))
        expect(storage.working.loadStream(A)?.id).toBe(ref.id)
        expect(storage.working.readEvents(ref, ALL).events).toHaveLength(3)
        if (groups === 'turn') {
          expect(storage.committed.loadStream(A)).toBeNull()
          expect(storage.committed.readEvents(ref, ALL).events).toEqual([])
          expect(storage.committed.list('/' as typeof A, { limit: 10 })).toEqual([])
        }
        await storage.durable()
        expect(storage.committed.loadStream(A)?.id).toBe(ref.id)
        expect(storage.committed.readEvents(ref, ALL).events).toHaveLength(3)
      }))

    test('is kept', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', eventsTo(3))
        host.reopen()
        expect(host.storage.working.readEvents(ref, ALL).events).toEqual(eventsTo(3))
        expect(host.storage.committed.readEvents(ref, ALL).events).toEqual(eventsTo(3))
      }))

    test('is durable at once when there is none', () =>
      withStorage(async ({ storage }) => expect(await storage.durable()).toBeUndefined()))
  })

  describe('a group', () => {
    test('asks for what is written once, then tells that it is committed; durable resolves after that', () =>
      withStorage(async ({ storage }) => {
        const participant = new Recorder()
        storage.transactionSync(participant, (tx) => void insertStream(tx, '/a'))
        await storage.durable()
        expect(participant.heard).toEqual(['flush', 'committed'])
      }))

    test('stores what its participants flush together with the rest', () =>
      withStorage(async (host) => {
        let ref = await storeStream(host, '/a', eventsTo(1))
        const after = stateOf('/a', { maxOffset: 2, eventCount: 2 })
        host.storage.transactionSync(new Recorder((tx) => tx.saveState(ref.id, after, null)), (tx) =>
          tx.insertEvents(ref, [eventAt(2)]),
        )
        await host.storage.durable()
        host.reopen()
        expect(host.storage.working.loadStream(A)?.state).toEqual(after)
        ref = refOf(ref.id, after)
        expect(host.storage.working.lastOffset(ref.id)).toBe(2)
      }))

    inTurn('takes all writes of a turn: one flush, one outcome, for every participant', () =>
      withStorage(async ({ storage }) => {
        const [first, second] = [new Recorder(), new Recorder()]
        storage.transactionSync(first, (tx) => void insertStream(tx, '/a'))
        storage.transactionSync(second, (tx) => void insertStream(tx, '/b'))
        storage.transactionSync(first, (tx) => void insertStream(tx, '/c'))
        await storage.durable()
        expect([first.heard, second.heard]).toEqual([
          ['flush', 'committed'],
          ['flush', 'committed'],
        ])
      }),
    )

    inWrite('is each write of its own: flushed before it ends, told once by turn', () =>
      withStorage(async ({ storage }) => {
        const [first, second] = [new Recorder(), new Recorder()]
        storage.transactionSync(first, (tx) => void insertStream(tx, '/a'))
        storage.transactionSync(second, (tx) => void insertStream(tx, '/b'))
        storage.transactionSync(first, (tx) => void insertStream(tx, '/c'))
        expect([first.heard, second.heard]).toEqual([['flush', 'flush'], ['flush']])
        await storage.durable()
        expect([first.heard, second.heard]).toEqual([
          ['flush', 'flush', 'committed'],
          ['flush', 'committed'],
        ])
      }),
    )

    test('that nobody waits for is committed all the same', () =>
      withStorage(async (host) => {
        const participant = new Recorder()
        host.storage.transactionSync(participant, (tx) => void insertStream(tx, '/a'))
        await until(() => participant.heard.includes('committed'))
        expect(host.storage.committed.loadStream(A)).not.toBeNull()
      }))

    test('follows the one before, however many there are', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', [])
        const waiting: Promise<void>[] = []
        for (let offset = 1; offset <= 40; offset++) {
          host.storage.transactionSync(new Recorder(), (tx) => tx.insertEvents(ref, [eventAt(offset)]))
          waiting.push(host.storage.durable())
          if (offset % 3 === 0) await host.storage.durable()
        }
        await Promise.all(waiting)
        expect(host.storage.committed.lastOffset(ref.id)).toBe(40)
      }))
  })

  describe('a group that fails', () => {
    test('by a write that throws: nothing of it is stored, its participants hear the one error', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', eventsTo(1))
        const [first, second] = [new Recorder(), new Recorder()]
        const error = broken()
        const { storage } = host
        const waiting: unknown[] = []
        if (groups === 'turn') {
          storage.transactionSync(first, (tx) => tx.insertEvents(ref, [eventAt(2, { idempotencyKey: 'k' })]))
          waiting.push(storage.durable().catch((reason: unknown) => reason))
        }
        const write = () =>
          storage.transactionSync(second, (tx) => {
            insertStream(tx, '/b', eventsTo(2))
            tx.removeStreams(A, true)
            throw error
          })
        expect(write).toThrow(error)
        expect(await Promise.all(waiting)).toEqual(groups === 'turn' ? [error] : [])
        expect(second.heard).toEqual(['rolledBack'])
        expect(second.error).toBe(error)
        if (groups === 'turn') expect([first.heard, first.error]).toEqual([['rolledBack'], error])
        const nothing = () => {
          for (const reader of [host.storage.working, host.storage.committed]) {
            expect(reader.loadStream(B)).toBeNull()
            expect(reader.loadStream(A)).not.toBeNull()
            expect(reader.readEvents(ref, ALL).events).toEqual(eventsTo(1))
          }
          expect(host.storage.working.findKey(ref, 'k')).toBeNull()
          expect(host.storage.working.hasGarbage()).toBe(false)
        }
        nothing()
        await turn()
        host.reopen()
        nothing()
      }))

    test('by a flush that throws: likewise', () =>
      withStorage(async (host) => {
        const error = broken()
        const participant = new Recorder(() => {
          throw error
        })
        const { storage } = host
        const outcome = (async () => {
          storage.transactionSync(participant, (tx) => void insertStream(tx, '/a', eventsTo(2)))
          await storage.durable()
        })()
        await expect(outcome).rejects.toBe(error)
        expect(participant.heard).toEqual(['flush', 'rolledBack'])
        expect(participant.error).toBe(error)
        expect(storage.working.loadStream(A)).toBeNull()
        expect(storage.committed.loadStream(A)).toBeNull()
        host.reopen()
        expect(host.storage.committed.loadStream(A)).toBeNull()
      }))

    test('and that nobody waits for tells its participants and nobody else', () =>
      withStorage(async ({ storage }) => {
        const participant = new Recorder(() => {
          throw broken()
        })
        try {
          storage.transactionSync(participant, (tx) => void insertStream(tx, '/a'))
        } catch {
          // Told at once where each write is a group.
        }
        await until(() => participant.heard.includes('rolledBack'))
        expect(storage.committed.loadStream(A)).toBeNull()
      }))

    test('says so in a coded error whatever was thrown', () =>
      withStorage(async ({ storage }) => {
        const participant = new Recorder()
        const cause = new TypeError('not foreseen')
        const write = () =>
          storage.transactionSync(participant, () => {
            throw cause
          })
        expect(failureOf(write)).toEqual({ code: 'INTERNAL', reason: 'storage' })
        expect((participant.error as ItxError).cause).toBe(cause)
      }))

    test('does not keep the next one from beginning, in the same turn', () =>
      withStorage(async (host) => {
        const { storage } = host
        expect(() =>
          storage.transactionSync(new Recorder(), (tx) => {
            insertStream(tx, '/b')
            throw broken()
          }),
        ).toThrow('on purpose')
        const participant = new Recorder()
        const ref = storage.transactionSync(participant, (tx) => insertStream(tx, '/a', eventsTo(1)))
        await storage.durable()
        expect(participant.heard).toEqual(['flush', 'committed'])
        host.reopen()
        expect(host.storage.committed.list('/' as typeof A, { limit: 10 }).map((row) => row.path)).toEqual(['/a'])
        expect(host.storage.committed.lastOffset(ref.id)).toBe(1)
      }))

    inWrite('leaves the groups before it, of the same turn, as they are', () =>
      withStorage(async (host) => {
        const { storage } = host
        storage.transactionSync(new Recorder(), (tx) => void insertStream(tx, '/a'))
        const durable = storage.durable()
        expect(() =>
          storage.transactionSync(new Recorder(), () => {
            throw broken()
          }),
        ).toThrow('on purpose')
        await durable
        expect(storage.committed.loadStream(A)).not.toBeNull()
      }),
    )

    test.each<[string, (tx: WriteTransaction, ref: StreamRef) => void]>([
      ['an offset', (tx, ref) => tx.insertEvents(ref, [eventAt(3), eventAt(2)])],
      ['a key', (tx, ref) => tx.insertEvents(ref, [eventAt(3), eventAt(4, { idempotencyKey: 'k2' })])],
      ['a path', (tx) => void [insertStream(tx, '/b'), insertStream(tx, '/a')]],
    ])('because %s is taken stores nothing', (_, write) =>
      withStorage(async (host) => {
        const ref = await storeStream(
          host,
          '/a',
          eventsTo(2, (offset) => ({ idempotencyKey: `k${offset}` })),
        )
        const taken = () => host.storage.transactionSync(new Recorder(), (tx) => write(tx, ref))
        expect(failureOf(taken)).toEqual({ code: 'INTERNAL', reason: 'storage' })
        expect(host.storage.working.lastOffset(ref.id)).toBe(2)
        expect(host.storage.working.loadStream(B)).toBeNull()
      }),
    )
  })

  describe('closing', () => {
    test('commits what is open', () =>
      withStorage(async (host) => {
        const participant = new Recorder()
        host.storage.transactionSync(participant, (tx) => void insertStream(tx, '/a'))
        const durable = host.storage.durable()
        host.storage.close()
        expect(participant.heard).toEqual(['flush', 'committed'])
        await durable
        host.reopen()
        expect(host.storage.committed.loadStream(A)).not.toBeNull()
      }))

    test('leaves nothing to write to', () =>
      withStorage(async (host) => {
        await store(host, (tx) => void insertStream(tx, '/a'))
        const { storage } = host
        storage.close()
        const write = () => storage.transactionSync(new Recorder(), (tx) => void insertStream(tx, '/b'))
        expect(failureOf(write)).toHaveProperty('code')
        host.reopen()
        expect(host.storage.committed.loadStream(B)).toBeNull()
      }))
  })
}
