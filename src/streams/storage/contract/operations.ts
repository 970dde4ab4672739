import fc from 'fast-check'
import type { EncodedEvent } from '../../event.ts'
import type { StreamPath } from '../../path.ts'
import { PROJECT_RECORDS, type RecordKind, type Snapshot, type WriteTransaction } from '../port.ts'
import { AT, forkStateOf, json, refOf, stateOf } from './host.ts'
import type { NaiveStorage, NaiveStream } from './naive-storage.ts'

/** Few of each, so that they meet. */
export const PATHS = ['/', '/a', '/a/b', '/a/b/c', '/a-1', '/a0', '/A'] as StreamPath[]
export const PROCESSORS = ['p', 'q']
export const KEYS = ['k0', 'k1', 'k2', 'k3']
export const KINDS: readonly RecordKind[] = ['producer', 'link']

const anyPath = fc.constantFrom(...PATHS)
const anyProcessor = fc.constantFrom(...PROCESSORS)
const anyOffset = fc.nat({ max: 12 })
/** Few, so that several streams are of one time. */
const anyTime = fc.nat({ max: 2 }).map((second) => new Date(Date.parse(AT) + second * 1000).toISOString())
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
  { weight: 3, arbitrary: fc.record({ do: fc.constant('insert' as const), path: anyPath, at: anyTime }) },
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
      at: anyTime,
      processed: fc.boolean(),
      ends: fc.option(fc.nat({ max: 3 })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), path: anyPath, below: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('fork' as const), path: anyPath, source: anyPath, through: anyOffset }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('record' as const),
      path: fc.option(anyPath),
      kind: fc.constantFrom(...KINDS),
      key: fc.constantFrom(...KEYS),
      saved: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('snapshot' as const),
      path: anyPath,
      processor: anyProcessor,
      offset: anyOffset,
      parked: fc.boolean(),
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
export type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** A turn: transactions, of which the last may fail, and what comes after. */
export const turns = fc.array(
  fc.record({
    transactions: fc.array(fc.array(operation, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
    fails: fc.nat({ max: 4 }).map((n) => n === 0),
    reopens: fc.nat({ max: 4 }).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 8 },
)

const LARGE = json({ text: 'é'.repeat(300 * 1024) })
let lives = 0

/** Does to the storage and to the model what an operation says, as far as there is what it is about. */
export function perform(tx: WriteTransaction, model: NaiveStorage, op: Operation): void {
  if (op.do === 'collect') {
    tx.collectGarbage(op.rows)
    model.collect()
    return
  }
  if (op.do === 'record') {
    performRecord(tx, model, op)
    return
  }
  const stream = model.find(op.path)
  if (op.do === 'remove') {
    tx.removeStreams(op.path, op.below)
    model.remove(op.path, op.below)
  } else if (op.do === 'insert') {
    if (stream) return
    const state = stateOf(op.path, { incarnationId: `life ${++lives}`, createdAt: op.at, lastEventAt: op.at })
    const ref = refOf(tx.insertStream(state, null), state)
    model.insert({ ref, state, base: null, events: [], snapshots: [], records: new Map() })
  } else if (op.do === 'fork') {
    const source = model.find(op.source)
    if (stream || !source) return
    const through = Math.min(op.through, source.events.length)
    const state = forkStateOf(op.path, source.ref, through, { incarnationId: `life ${++lives}` })
    const ref = refOf(tx.insertStream(state, null), state)
    const events = source.events.slice(0, through)
    model.insert({ ref, state, base: null, events, snapshots: [], records: new Map() })
  } else if (stream) performOn(tx, stream, op)
}

function performRecord(tx: WriteTransaction, model: NaiveStorage, op: Operation & { do: 'record' }): void {
  const stream = op.path === null ? null : model.find(op.path)
  if (stream === undefined) return
  const id = stream?.ref.id ?? PROJECT_RECORDS
  const records = stream?.records ?? model.records
  const name = `${op.kind} ${op.key}`
  if (op.saved) {
    const value = `${++lives}`
    tx.saveRecord(id, op.kind, { key: op.key, value })
    records.set(name, value)
  } else {
    tx.deleteRecord(id, op.kind, op.key)
    records.delete(name)
  }
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
    const ending = op.ends === null ? {} : { expiry: { expiresAt: new Date(op.ends * 1000).toISOString() } }
    const { expiry: _, ...endless } = stream.state
    const processors = op.processed ? [{ slug: 'p', version: '1', attachedAt: 1, detached: false }] : []
    stream.state = {
      ...endless,
      ...ending,
      paused: op.paused,
      lastEventAt: op.at,
      processors,
      maxOffset: events.length,
      eventCount: events.length,
    }
    stream.base = op.based ? stateOf(ref.path) : null
    tx.saveState(ref.id, stream.state, stream.base)
  } else if (op.do === 'snapshot') {
    const parked = op.parked ? '{}' : null
    const snapshot: Snapshot = { offset: op.offset, version: '1', state: `${++lives}`, effectsAfter: 0, parked }
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
