import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EncodedEvent } from '../../event.ts'
import { PROJECT_RECORDS } from '../port.ts'
import { Recorder, type StorageHost, type StorageTraits, type WithStorage } from './host.ts'
import { NaiveStorage, type NaiveStream, inRange } from './naive-storage.ts'
import { KEYS, KINDS, PATHS, PROCESSORS, perform, turns } from './operations.ts'

/** Those that no other log holds. */
function ownEvents({ ref, events }: NaiveStream): EncodedEvent[] {
  return events.slice(ref.segments?.at(-1)?.through ?? 0)
}

function compareRecords(
  reader: StorageHost['storage']['working' | 'committed'],
  id: number,
  records: ReadonlyMap<string, string>,
): void {
  for (const kind of KINDS) {
    const expected = KEYS.flatMap((key) => {
      const value = records.get(`${kind} ${key}`)
      expect(reader.findRecord(id, kind, key)).toBe(value ?? null)
      return value === undefined ? [] : [{ key, value }]
    })
    expect(reader.listRecords(id, kind, '', 9)).toEqual(expected)
    expect(reader.listRecords(id, kind, 'k1', 1)).toEqual(expected.filter(({ key }) => key > 'k1').slice(0, 1))
  }
}

/** Holds what a reader of logs and states says against the model. */
function compareLogs(reader: StorageHost['storage']['working' | 'committed'], model: NaiveStorage): void {
  compareRecords(reader, PROJECT_RECORDS, model.records)
  for (const each of PATHS) {
    const stream = model.find(each)
    expect([each, reader.isRetained(each)]).toEqual([each, model.isRetained(each)])
    const stored = reader.loadStream(each)
    expect([each, stored?.id, stored?.state, stored?.baseState]).toEqual([
      each,
      stream?.ref.id,
      stream?.state,
      stream && stream.base,
    ])
    if (!stream) continue
    compareRecords(reader, stream.ref.id, stream.records)
    const own = ownEvents(stream)
    expect(reader.lastOffset(stream.ref.id)).toBe(own.at(-1)?.offset ?? 0)
    for (const visibleOnly of [false, true]) {
      for (const descending of [false, true]) {
        const range = { after: 2, before: stream.events.length, limit: 5, maxBytes: 1e9, visibleOnly, descending }
        for (const wanted of [range, { ...range, after: 0, before: stream.events.length + 1 }]) {
          expect(reader.readEvents(stream.ref, wanted).events).toEqual(inRange(stream.events, wanted))
        }
      }
    }
  }
}

function compareWorking({ storage: { working } }: StorageHost, model: NaiveStorage): void {
  compareLogs(working, model)
  const garbage = working.hasGarbage()
  if (model.hasGarbage !== null) expect(garbage).toBe(model.hasGarbage)
  for (const stream of model.streams) {
    const { ref, snapshots } = stream
    for (const key of KEYS) {
      const found = ownEvents(stream).find(({ idempotencyKey }) => idempotencyKey === key)
      const { offset, createdAt } = working.findKey(ref, key) ?? {}
      expect([key, offset, createdAt]).toEqual([key, found?.offset, found?.createdAt])
    }
    for (const each of PROCESSORS) {
      const own = snapshots
        .filter((snapshot) => snapshot.processor === each)
        .map(({ snapshot }) => snapshot)
        .toSorted((a, b) => a.offset - b.offset)
      expect(working.snapshotOffsets(ref.id, each)).toEqual(own.map((snapshot) => snapshot.offset))
      for (const atMost of [0, 5, 12]) {
        const newest = own.findLast((snapshot) => snapshot.offset <= atMost) ?? null
        expect(working.findSnapshot(ref, each, atMost)).toEqual(newest)
      }
    }
  }
}

/** What is counted, page by page. */
function countedIn(reader: StorageHost['storage']['committed'], limit: number) {
  const all = { streams: 0, events: 0 }
  for (let after: number | null = 0; after !== null;) {
    const { streams, events, last } = reader.countEvents(after, limit)
    expect(streams).toBeLessThanOrEqual(limit)
    all.streams += streams
    all.events += events
    after = last
  }
  return all
}

function compareCommitted({ storage: { committed } }: StorageHost, model: NaiveStorage): void {
  compareLogs(committed, model)
  for (const each of PATHS) {
    for (const page of [{ limit: 100 }, { limit: 2, skip: 1 }, { limit: 1, match: 'B' }]) {
      const byAge = { ...page, order: 'created' as const }
      expect(committed.children(each, byAge)).toEqual(model.children(each, byAge))
      expect(committed.children(each, page)).toEqual(model.children(each, page))
    }
    expect(committed.countChildren(each, 'a')).toBe(model.children(each, { limit: 100, match: 'a' }).length)
    expect(committed.countBelow(each)).toBe(model.list(each, { limit: 100 }).filter(({ path }) => path !== each).length)
    for (const page of [
      { limit: 100 },
      { limit: 2, after: '/a/b' },
      { limit: 3, after: '/a', match: 'A' },
      { limit: 9, match: 'A/b', fuzzy: true },
    ]) {
      expect(committed.list(each, page)).toEqual(model.list(each, page))
    }
  }
  expect(committed.listProcessed('/', 3)).toEqual(model.listProcessed('/', 3))
  expect(committed.listExpired(2000, 9)).toEqual(model.listExpired(2000))
  expect(committed.nextExpiry()).toBe(model.nextExpiry())
  for (const limit of [1, 2, 9]) expect(countedIn(committed, limit)).toEqual(model.countEvents())
  const recent = model.listRecent()
  const paused = recent.filter((row) => row.paused)
  for (const limit of [2, 9]) {
    expect(committed.listRecent(limit)).toEqual(recent.slice(0, limit))
    expect(committed.listPaused(limit)).toEqual(paused.slice(0, limit))
    expect(committed.listParked(limit)).toEqual(model.listParked().slice(0, limit))
  }
  expect(committed.countPaused()).toBe(paused.length)
}

/** Random histories of groups, some of which fail, and of openings anew: every read says what the naive model says. */
export function describeModel(withStorage: WithStorage, { groups }: StorageTraits): void {
  test('after any history, whatever is read is what a naive model says', async () => {
    expect.hasAssertions()
    await fc.assert(
      fc.asyncProperty(turns, (history) =>
        withStorage(async (host) => {
          let committed = new NaiveStorage()
          for (const { transactions, fails, reopens } of history) {
            const model = committed.copy()
            let kept = model.copy()
            for (const [index, operations] of transactions.entries()) {
              const failing = fails && index === transactions.length - 1
              const run = () =>
                host.storage.transactionSync(new Recorder(), (tx) => {
                  for (const each of operations) perform(tx, model, each)
                  compareWorking(host, model)
                  if (failing) throw new Error('on purpose')
                })
              if (failing) expect(run).toThrow('unforeseen')
              else run()
              if (groups === 'turn') compareCommitted(host, committed)
              if (groups === 'write' && !failing) kept = model.copy()
            }
            if (groups === 'turn' && !fails) kept = model
            if (groups === 'turn' && fails) kept = committed
            committed = kept
            await host.storage.durable()
            if (reopens) host.reopen()
            compareWorking(host, committed)
            compareCommitted(host, committed)
          }
        }),
      ),
      { numRuns: 40 },
    )
  })
}
