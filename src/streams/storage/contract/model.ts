import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EncodedEvent } from '../../event.ts'
import type { StreamPath } from '../../path.ts'
import type { Snapshot, WriteTransaction } from '../port.ts'
import { AT, Recorder, type StorageHost, type StorageTraits, type WithStorage, json, refOf, stateOf } from './host.ts'
import { NaiveStorage, type NaiveStream, inRange } from './naive-storage.ts'

const PATHS = ['/', '/a', '/a/b', '/a/b/c', '/a-1', '/a0', '/A'] as StreamPath[]
const PROCESSORS = ['p', 'q']
const KEYS = ['k0', 'k1', 'k2', 'k3']

const anyPath = fc.constantFrom(...PATHS)
const anyProcessor = fc.constantFrom(...PROCESSORS)
const anyOffset = fc.nat({ max: 12 })
const anyEvent = fc.record({
  type: fc.constantFrom('x', 'y', 'stream/z'),
  key: fc.option(fc.constantFrom(...KEYS)),
  payload: fc.option(
    fc.oneof(
      { weight: 12, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
      // Rarely: it costs a hundred times as much as all others.
      { weight: 1, arbitrary: fc.constant('large') },
    ),
  ),
})

/** One write, as data: what it means depends on what is there. */
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('insert' as const), path: anyPath }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      path: anyPath,
      events: fc.array(anyEvent, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('save' as const),
      path: anyPath,
      paused: fc.boolean(),
      based: fc.boolean(),
      processed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), path: anyPath, below: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('snapshot' as const),
      path: anyPath,
      processor: anyProcessor,
      offset: anyOffset,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('forget' as const),
      path: anyPath,
      processor: anyProcessor,
      from: anyOffset,
      to: anyOffset,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('collect' as const), rows: fc.integer({ min: 1, max: 20 }) }) },
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** A turn: transactions, of which the last may fail, and what comes after. */
const turns = fc.array(
  fc.record({
    transactions: fc.array(fc.array(operation, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
    fails: fc.nat({ max: 4 }).map((n) => n === 0),
    reopens: fc.nat({ max: 4 }).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 8 },
)

const LARGE = json({ text: 'é'.repeat(300 * 1024) })
let lives = 0

function perform(tx: WriteTransaction, model: NaiveStorage, op: Operation): void {
  if (op.do === 'collect') {
    tx.collectGarbage(op.rows)
    if (model.garbage === 'some') model.garbage = 'unknown'
    return
  }
  const stream = model.find(op.path)
  if (op.do === 'remove') {
    tx.removeStreams(op.path, op.below)
    model.remove(op.path, op.below)
  } else if (op.do === 'insert') {
    if (stream) return
    const state = stateOf(op.path, { incarnationId: `life ${++lives}` })
    const ref = refOf(tx.insertStream(state, null), state)
    model.streams.push({ ref, state, base: null, events: [], snapshots: [] })
  } else if (stream) performOn(tx, stream, op)
}

function performOn(tx: WriteTransaction, stream: NaiveStream, op: Operation): void {
  const { ref } = stream
  if (op.do === 'append') {
    const taken = new Set(stream.events.map(({ idempotencyKey }) => idempotencyKey))
    const events = op.events.map(({ type, key, payload }, index): EncodedEvent => {
      const keyed = key !== null && !taken.has(key)
      if (keyed) taken.add(key)
      return {
        offset: stream.events.length + index + 1,
        type,
        createdAt: AT,
        ...(payload === null ? {} : { payload: payload === 'large' ? LARGE : json(payload) }),
        ...(keyed ? { idempotencyKey: key } : {}),
      }
    })
    tx.insertEvents(ref, events)
    stream.events.push(...events)
  } else if (op.do === 'save') {
    const { events } = stream
    const processors = op.processed ? [{ slug: 'p', version: '1', attachedAt: 1, detached: false }] : []
    stream.state = {
      ...stream.state,
      paused: op.paused,
      processors,
      maxOffset: events.length,
      eventCount: events.length,
    }
    stream.base = op.based ? stateOf(ref.path) : null
    tx.saveState(ref.id, stream.state, stream.base)
  } else if (op.do === 'snapshot') {
    const snapshot: Snapshot = { offset: op.offset, version: '1', state: `${++lives}`, effectsAfter: 0, parked: null }
    tx.saveSnapshot(ref, op.processor, snapshot)
    stream.snapshots = stream.snapshots.filter(
      (each) => each.processor !== op.processor || each.snapshot.offset !== op.offset,
    )
    stream.snapshots.push({ processor: op.processor, snapshot })
  } else if (op.do === 'forget') {
    tx.deleteSnapshots(ref.id, op.processor, op.from, op.to)
    stream.snapshots = stream.snapshots.filter(
      (each) => each.processor !== op.processor || each.snapshot.offset < op.from || each.snapshot.offset > op.to,
    )
  }
}

/** Holds what a reader of logs and states says against the model. */
function compareLogs(reader: StorageHost['storage']['working' | 'committed'], model: NaiveStorage): void {
  for (const each of PATHS) {
    const stream = model.find(each)
    const stored = reader.loadStream(each)
    expect([each, stored?.id, stored?.state, stored?.baseState]).toEqual([
      each,
      stream?.ref.id,
      stream?.state,
      stream && stream.base,
    ])
    if (!stream) continue
    expect(reader.lastOffset(stream.ref.id)).toBe(stream.events.length)
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
  if (model.garbage !== 'unknown') expect(working.hasGarbage()).toBe(model.garbage === 'some')
  for (const { ref, events, snapshots } of model.streams) {
    for (const key of KEYS) {
      const found = events.find(({ idempotencyKey }) => idempotencyKey === key)
      const { offset, createdAt } = working.findKey(ref.id, key) ?? {}
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

function compareCommitted({ storage: { committed } }: StorageHost, model: NaiveStorage): void {
  compareLogs(committed, model)
  for (const each of PATHS) {
    for (const page of [{ limit: 100 }, { limit: 2, skip: 1 }, { limit: 1, match: 'B' }]) {
      expect(committed.children(each, page)).toEqual(model.children(each, page))
    }
    expect(committed.countChildren(each, 'a')).toBe(model.children(each, { limit: 100, match: 'a' }).length)
    expect(committed.countBelow(each)).toBe(model.list(each, { limit: 100 }).filter(({ path }) => path !== each).length)
    for (const page of [{ limit: 100 }, { limit: 2, after: '/a/b' }, { limit: 3, after: '/a', match: 'A' }]) {
      expect(committed.list(each, page)).toEqual(model.list(each, page))
    }
  }
  expect(committed.listProcessed('/', 3)).toEqual(model.listProcessed('/', 3))
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
