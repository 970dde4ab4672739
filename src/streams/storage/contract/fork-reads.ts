import { describe, expect, test } from 'vitest'
import type { StreamRef } from '../port.ts'
import {
  ALL,
  PATHS,
  type StorageHost,
  type WithStorage,
  between,
  eventAt,
  eventsTo,
  failureOf,
  insertFork,
  insertStream,
  json,
  pageOfBoth,
  store,
  storeChain,
} from './host.ts'

const { a: A } = PATHS

/** A fork's log is one log, wherever its parts lie. */
export function describeForkReads(withStorage: WithStorage): void {
  describe('reading a fork', () => {
    const log = eventsTo(14, (offset) => ({
      type: offset % 3 === 0 ? 'stream/y' : 'x',
      payload: json('x'.repeat(offset % 4 === 0 ? 900 : 90)),
      ...(offset % 5 === 0 ? { metadata: json({ text: '変'.repeat(200) }) } : {}),
    }))

    /** The same events twice: in one log, and in four. A segment of one event, and the own log begins with a core event. */
    function storeTwice(host: StorageHost): Promise<{ plain: StreamRef; fork: StreamRef }> {
      return store(host, (tx) => {
        const plain = insertStream(tx, '/plain', log)
        // Each goes on with something else where its fork leaves it.
        const first = insertStream(tx, '/1', [...log.slice(0, 5), eventAt(6, { type: 'other' })])
        const second = insertFork(tx, '/2', first, 5, [...log.slice(5, 6), eventAt(7, { type: 'other' })])
        const third = insertFork(tx, '/3', second, 6, [...log.slice(6, 11), eventAt(12, { type: 'other' })])
        return { plain, fork: insertFork(tx, '/4', third, 11, log.slice(11)) }
      })
    }

    test.each([false, true])(
      'is reading one log: every range, count and size of a page (descending: %s)',
      (descending) =>
        withStorage(async (host) => {
          const { plain, fork } = await storeTwice(host)
          for (const visibleOnly of [false, true]) {
            for (const after of [0, 1, 4, 5, 6, 7, 10, 11, 13, 14]) {
              for (const before of [undefined, 1, 5, 6, 7, 8, 11, 12, 13, 15]) {
                for (const size of [
                  { limit: 1, maxBytes: 1e9 },
                  { limit: 5, maxBytes: 1e9 },
                  { limit: 6, maxBytes: 1e9 },
                  { limit: 100, maxBytes: 1e9 },
                  { limit: 100, maxBytes: 1000 },
                  { limit: 100, maxBytes: 2500 },
                  { limit: 100, maxBytes: 10 },
                  { limit: 100, maxBytes: 10, atLeastOne: true },
                ]) {
                  const range = { ...size, after, descending, visibleOnly, ...(before ? { before } : {}) }
                  expect([range, pageOfBoth(host, fork, range)]).toEqual([range, pageOfBoth(host, plain, range)])
                }
              }
            }
          }
        }),
    )

    test('counts large events in a page as one log does, across a seam', () =>
      withStorage(async (host) => {
        const large = eventsTo(4, () => ({ payload: json('x'.repeat(600 * 1024)) }))
        const { plain, fork } = await store(host, (tx) => {
          const source = insertStream(tx, '/source', large.slice(0, 2))
          return { plain: insertStream(tx, '/plain', large), fork: insertFork(tx, '/fork', source, 2, large.slice(2)) }
        })
        for (let maxBytes = 1024 * 1024; maxBytes < 5 * 1024 * 1024; maxBytes += 256 * 1024) {
          const range = { ...ALL, maxBytes }
          expect(pageOfBoth(host, fork, range).events.length).toBe(pageOfBoth(host, plain, range).events.length)
        }
      }))

    test('sees in the open group what its source, and it itself, got in it', () =>
      withStorage(async (host) => {
        await store(host, (tx) => {
          const root = insertStream(tx, '/root', eventsTo(4))
          const fork = insertFork(tx, '/fork', root, 4, between(4, 6))
          expect(host.storage.working.readEvents(fork, ALL).events).toEqual(eventsTo(6))
        })
      }))

    test('before it has events of its own, or where it shares none, is reading what there is', () =>
      withStorage(async (host) => {
        const [bare, apart] = await store(host, (tx) => {
          const root = insertStream(tx, '/root', eventsTo(4))
          return [insertFork(tx, '/bare', root, 3), insertFork(tx, '/apart', root, 0, eventsTo(2))] as const
        })
        expect(pageOfBoth(host, bare, ALL)).toEqual({ events: eventsTo(3), full: false })
        expect(pageOfBoth(host, bare, { ...ALL, descending: true }).events).toEqual(eventsTo(3).toReversed())
        expect(pageOfBoth(host, bare, { ...ALL, after: 3 })).toEqual({ events: [], full: false })
        expect(pageOfBoth(host, apart, ALL)).toEqual({ events: eventsTo(2), full: false })
      }))

    test('finds keys, and the newest event, in its own log alone', () =>
      withStorage(async (host) => {
        const fork = await store(host, (tx) => {
          const root = insertStream(tx, '/root', [eventAt(1, { idempotencyKey: 'k' }), eventAt(2)])
          return insertFork(tx, '/fork', root, 2)
        })
        expect(host.storage.working.findKey(fork, 'k')).toBeNull()
        expect(host.storage.committed.findEvent(fork, 'k')).toBeNull()
        expect(host.storage.committed.lastOffset(fork.id)).toBe(0)
      }))

    test('reads a log of another life, or another path, as little as anybody does', () =>
      withStorage(async (host) => {
        const { leaf, root } = await storeChain(host)
        const [first, ...others] = leaf.segments ?? []
        if (!first) throw new Error('the leaf reads the root')
        for (const changes of [{ incarnationId: 'another' }, { path: A }]) {
          const other = { ...leaf, segments: [{ ...first, ...changes }, ...others] }
          const path = 'path' in changes ? A : root.path
          const corrupt = { code: 'INTERNAL', reason: 'corrupt', path, offset: 1 }
          expect(failureOf(() => host.storage.committed.readEvents(other, ALL))).toEqual(corrupt)
        }
      }))

    const DIRECTIONS: [object, number][] = [
      [{}, 0],
      [{ descending: true }, 1],
      [{ visibleOnly: true, before: 10 }, 0],
      [{ visibleOnly: true, descending: true, before: 10 }, 1],
    ]

    test.each<[string, number, number, string]>([
      ['the end of a source', 4, 4, '/root'],
      ['the middle of a source', 2, 2, '/root'],
      ['the beginning of a fork', 5, 5, '/middle'],
      ['the end of a fork that is forked again', 7, 7, '/middle'],
      ['the beginning of the last', 8, 8, '/leaf'],
    ])('tells which log an event is missing from: %s', (_, missing, offset, path) =>
      withStorage(async (host) => {
        const without = (after: number, through: number) =>
          between(after, through).filter((event) => event.offset !== missing)
        const leaf = await store(host, (tx) => {
          const root = insertStream(tx, '/root', without(0, 4))
          const middle = insertFork(tx, '/middle', root, 4, without(4, 7))
          return insertFork(tx, '/leaf', middle, 7, without(7, 9))
        })
        const corrupt = { code: 'INTERNAL', reason: 'corrupt', path, offset }
        for (const reader of [host.storage.working, host.storage.committed]) {
          for (const [range] of DIRECTIONS) {
            expect([range, failureOf(() => reader.readEvents(leaf, { ...ALL, ...range }))]).toEqual([range, corrupt])
          }
          // What lies beside it can be read.
          expect(reader.readEvents(leaf, { ...ALL, limit: missing - 1 || 1, before: missing }).events).toHaveLength(
            missing - 1,
          )
          expect(reader.readEvents(leaf, { ...ALL, after: missing }).events).toHaveLength(9 - missing)
        }
      }),
    )

    test('before where its log begins is reading what is not there', () =>
      withStorage(async (host) => {
        const fork = await store(host, (tx) => {
          const root = insertStream(tx, '/root', between(3, 8))
          const { segments: [segment] = [], ...ref } = insertFork(tx, '/fork', root, 6, between(6, 9))
          if (!segment) throw new Error('the fork reads the root')
          return { ...ref, segments: [{ ...segment, after: 3 }] }
        })
        expect(pageOfBoth(host, fork, { ...ALL, after: 3 }).events).toEqual(between(3, 9))
        expect(failureOf(() => host.storage.working.readEvents(fork, ALL))).toMatchObject({ path: '/root', offset: 1 })
      }))
  })
}
