import { describe, expect, test } from 'vitest'
import type { EncodedEvent } from '../../event.ts'
import type { JsonText } from '../../json-text.ts'
import {
  ALL,
  type WithStorage,
  eventAt,
  eventsTo,
  failureOf,
  insertStream,
  json,
  pageOfBoth,
  store,
  storeStream,
} from './host.ts'

const KiB = 1024

const offsetsOf = (events: readonly EncodedEvent[]) => events.map((event) => event.offset)

export function describeEvents(withStorage: WithStorage): void {
  describe('events', () => {
    const events: EncodedEvent[] = [
      eventAt(1),
      eventAt(2, { payload: 'null' as JsonText, metadata: '{}' as JsonText }),
      eventAt(3, { payload: '""' as JsonText }),
      eventAt(4, { metadata: json({ constructor: 1, __proto__: 2 }) }),
      eventAt(5, { source: { processor: { slug: 'counter', version: '1.2' } } }),
      eventAt(6, { raw: true, payload: json('a\u2028b\u0000c') }),
      eventAt(7, { idempotencyKey: 'key' }),
      eventAt(8, { type: 'ünï/cødé 🙂', idempotencyKey: `'"%_?\\ 変 🙂\u0000\u2028` }),
      eventAt(9, { raw: 'text', payload: json('a\nb') }),
      eventAt(10, { raw: 'bytes', payload: json('AAEC/w=='), type: 'ünï/bytes' }),
      eventAt(11, { createdAt: '2027-12-31T23:59:59.999Z', payload: json(Number.MAX_SAFE_INTEGER) }),
    ]

    test('read back as they were written, field by field, before the commit and after, and after opening anew', () =>
      withStorage(async (host) => {
        const ref = await store(host, (tx) => {
          const inserted = insertStream(tx, '/a', events)
          expect(host.storage.working.readEvents(inserted, ALL).events).toStrictEqual(events)
          return inserted
        })
        expect(pageOfBoth(host, ref, ALL).events).toStrictEqual(events)
        host.reopen()
        expect(pageOfBoth(host, ref, ALL).events).toStrictEqual(events)
        for (const event of events) {
          if (event.idempotencyKey === undefined) continue
          expect(host.storage.committed.findEvent(ref, event.idempotencyKey)).toStrictEqual(event)
        }
      }))

    test('belong to one stream', () =>
      withStorage(async (host) => {
        const a = await storeStream(host, '/a', eventsTo(2))
        const b = await storeStream(host, '/b', eventsTo(5))
        expect(offsetsOf(pageOfBoth(host, a, ALL).events)).toEqual([1, 2])
        expect(offsetsOf(pageOfBoth(host, b, ALL).events)).toEqual([1, 2, 3, 4, 5])
      }))

    test('are not read as those of another life or path', () =>
      withStorage(async (host) => {
        const ref = await storeStream(
          host,
          '/a',
          eventsTo(2, (offset) => ({ idempotencyKey: `k${offset}` })),
        )
        const corrupt = { code: 'INTERNAL', reason: 'corrupt', offset: 1 }
        for (const other of [
          { ...ref, incarnationId: 'another' },
          { ...ref, path: '/b' as typeof ref.path },
        ]) {
          for (const reader of [host.storage.working, host.storage.committed]) {
            expect(failureOf(() => reader.readEvents(other, ALL))).toEqual({ ...corrupt, path: other.path })
          }
          expect(failureOf(() => host.storage.committed.findEvent(other, 'k1'))).toEqual({
            ...corrupt,
            path: other.path,
          })
        }
      }))

    test('know the newest of their offsets, 0 where there are none', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a')
        const last = () => [host.storage.working.lastOffset(ref.id), host.storage.committed.lastOffset(ref.id)]
        expect(last()).toEqual([0, 0])
        await store(host, (tx) => tx.insertEvents(ref, [eventAt(7), eventAt(8)]))
        expect(last()).toEqual([8, 8])
        expect(host.storage.committed.lastOffset(ref.id + 1)).toBe(0)
      }))
  })

  describe('keys', () => {
    test('are found in the open group, and after it', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', eventsTo(2))
        const found = { offset: 3, createdAt: '2026-05-05T00:00:00.000Z' }
        const keyed = eventAt(3, { ...found, idempotencyKey: 'k' })
        await store(host, (tx) => {
          expect(host.storage.working.findKey(ref, 'k')).toBeNull()
          tx.insertEvents(ref, [keyed])
          expect(host.storage.working.findKey(ref, 'k')).toMatchObject(found)
        })
        expect(host.storage.working.findKey(ref, 'k')).toMatchObject(found)
        expect(host.storage.committed.findEvent(ref, 'k')).toEqual(keyed)
        for (const other of ['', 'K', 'k ', 'kk']) {
          expect(host.storage.working.findKey(ref, other)).toBeNull()
          expect(host.storage.committed.findEvent(ref, other)).toBeNull()
        }
      }))

    test('are one stream’s own', () =>
      withStorage(async (host) => {
        const a = await storeStream(host, '/a', [eventAt(1, { idempotencyKey: 'k' })])
        const b = await storeStream(host, '/b', [eventAt(1), eventAt(2, { idempotencyKey: 'k' })])
        const c = await storeStream(host, '/c', [eventAt(1)])
        const found = [a, b, c].map((each) => host.storage.working.findKey(each, 'k')?.offset)
        expect(found).toEqual([1, 2, undefined])
        expect(host.storage.committed.findEvent(c, 'k')).toBeNull()
      }))
  })

  describe('pages', () => {
    /** Types around those of core events, which begin with `stream/`. */
    const NEAR_CORE = ['x', 'stream', 'stream-x', 'stream.x', 'streamx']
    const visible = (offset: number) => offset % 3 !== 0
    const log = eventsTo(10, (offset) => ({
      type: visible(offset) ? (NEAR_CORE[offset % NEAR_CORE.length] ?? '') : 'stream/y',
    }))

    test('hold what lies in their range, in either direction, up to their limit', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', log)
        for (const after of [0, 3, 9, 10]) {
          for (const before of [undefined, 11, 8, 1]) {
            for (const limit of [1, 2, 9, 10, 100]) {
              for (const descending of [false, true]) {
                for (const visibleOnly of [false, true]) {
                  const range = { after, limit, maxBytes: 1e9, descending, visibleOnly, ...(before ? { before } : {}) }
                  const inRange = log.filter(
                    ({ offset }) => offset > after && offset < (before ?? 11) && (!visibleOnly || visible(offset)),
                  )
                  const expected = (descending ? inRange.toReversed() : inRange).slice(0, limit)
                  const found = pageOfBoth(host, ref, range)
                  expect([range, found.events]).toEqual([range, expected])
                  expect([range, found.full]).toEqual([range, expected.length === limit])
                }
              }
            }
          }
        }
      }))

    const KB = eventsTo(10, () => ({ payload: json('x'.repeat(998)) }))

    test.each([false, true])('end before the event that would exceed their bytes (descending: %s)', (descending) =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', KB)
        const range = { after: 0, limit: 100, descending, ...(descending ? { before: 11 } : {}) }
        const { events, full } = pageOfBoth(host, ref, { ...range, maxBytes: 6000 })
        expect(full).toBe(true)
        // Payloads alone may fill it; what a row weighs besides is the implementation's.
        expect(events.length).toBeGreaterThanOrEqual(4)
        expect(events.length).toBeLessThanOrEqual(6)
        const offsets = descending ? [10, 9, 8, 7, 6, 5] : [1, 2, 3, 4, 5, 6]
        expect(offsetsOf(events)).toEqual(offsets.slice(0, events.length))
        expect(pageOfBoth(host, ref, { ...range, maxBytes: 20_000 }).full).toBe(false)
      }),
    )

    test('are empty, and say that there is more, where not one event fits; unless they hold one in any case', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', KB)
        const range = { after: 2, limit: 100, maxBytes: 500 }
        expect(pageOfBoth(host, ref, range)).toEqual({ events: [], full: true })
        expect(pageOfBoth(host, ref, { ...range, atLeastOne: true })).toEqual({ events: [KB[2]], full: true })
      }))

    test('count metadata, bytes rather than characters, and large events too', () =>
      withStorage(async (host) => {
        const text = json({ a: '変'.repeat(1000) })
        const large = json('x'.repeat(600 * KiB))
        const ref = await storeStream(host, '/a', [
          ...eventsTo(4, () => ({ metadata: text })),
          ...[5, 6, 7].map((offset) =>
            eventAt(offset, offset === 6 ? { metadata: json({ large }) } : { payload: large }),
          ),
        ])
        expect(pageOfBoth(host, ref, { after: 0, limit: 100, maxBytes: 5000 }).events).toHaveLength(1)
        expect(
          offsetsOf(pageOfBoth(host, ref, { after: 4, limit: 100, maxBytes: 1200 * KiB, atLeastOne: true }).events),
        ).toEqual([5])
      }))

    test('of one event after the other read the whole log, and nothing twice', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', log)
        for (const visibleOnly of [false, true]) {
          const seen: number[] = []
          for (let after = 0; ;) {
            const { events, full } = pageOfBoth(host, ref, {
              after,
              limit: 3,
              maxBytes: 1,
              atLeastOne: true,
              visibleOnly,
            })
            seen.push(...offsetsOf(events))
            after = seen.at(-1) ?? 0
            if (!full) break
          }
          expect(seen).toEqual(offsetsOf(log.filter(({ offset }) => !visibleOnly || visible(offset))))
        }
      }))

    test('leave the storage free to write, wherever they ended', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', KB)
        for (let offset = 11; offset < 60; offset++) {
          pageOfBoth(host, ref, { after: 0, limit: 100, maxBytes: 3000, atLeastOne: true })
          await store(host, (tx) => tx.insertEvents(ref, [eventAt(offset)]))
        }
        await store(host, (tx) => tx.removeStreams(ref.path, true))
        await store(host, (tx) => tx.collectGarbage(1000))
        expect(pageOfBoth(host, ref, ALL).events).toEqual([])
      }))
  })

  describe('a gap in a log', () => {
    const missing = { code: 'INTERNAL', reason: 'corrupt', path: '/a', offset: 4 }
    const log = [1, 2, 3, 5, 6].map((offset) => eventAt(offset))

    test('is an error that names the stream and the event that is not there, in either direction', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', log)
        for (const reader of [host.storage.working, host.storage.committed]) {
          expect(failureOf(() => reader.readEvents(ref, ALL))).toEqual(missing)
          expect(failureOf(() => reader.readEvents(ref, { ...ALL, before: 7, descending: true }))).toEqual(missing)
          // Right at the end of the range, too: the event after `after` and the one before `before` are expected.
          expect(failureOf(() => reader.readEvents(ref, { ...ALL, after: 3 }))).toEqual(missing)
          expect(failureOf(() => reader.readEvents(ref, { ...ALL, before: 5, descending: true }))).toEqual(missing)
        }
      }))

    test('does not hide behind a filter, which leaves gaps of its own', () =>
      withStorage(async (host) => {
        const ref = await storeStream(
          host,
          '/a',
          [1, 2, 3, 5, 6].map((offset) => eventAt(offset, offset % 2 === 0 ? { type: 'stream/x' } : {})),
        )
        const read = (range: object) => () => pageOfBoth(host, ref, { ...ALL, visibleOnly: true, ...range })
        expect(failureOf(read({}))).toEqual(missing)
        expect(failureOf(read({ before: 7, descending: true }))).toEqual(missing)
        expect(offsetsOf(read({ limit: 2 })().events)).toEqual([1, 3])
        expect(offsetsOf(read({ after: 4 })().events)).toEqual([5])
        expect(offsetsOf(read({ before: 7, descending: true, limit: 1 })().events)).toEqual([5])
      }))

    test('does not keep what lies beside it from being read', () =>
      withStorage(async (host) => {
        const ref = await storeStream(host, '/a', log)
        expect(offsetsOf(pageOfBoth(host, ref, { ...ALL, limit: 3 }).events)).toEqual([1, 2, 3])
        expect(offsetsOf(pageOfBoth(host, ref, { ...ALL, after: 4 }).events)).toEqual([5, 6])
        expect(offsetsOf(pageOfBoth(host, ref, { ...ALL, descending: true, limit: 2 }).events)).toEqual([6, 5])
      }))
  })
}
