import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CHILD_CREATED, CREATED } from './core/core-events.ts'
import { type EncodedEvent, type EventInput, type Receipt, decodeEvent } from './event.ts'
import { ancestorPaths, isBelow, parentPath, parsePath } from './path.ts'
import type { ReadOptions } from './project-reader.ts'
import { TEST_TIME, TestProject, failure, readAll, replayed } from './testing.ts'

// Guards append as a whole against a model of a few lines: whatever is appended, by however many callers at once, and
// however often the process starts anew, the logs are the model's.

const PATHS = ['/', '/a', '/a/b', '/a/b/c', '/a-1', '/d/e']

interface ModelEvent {
  readonly type: string
  readonly createdAt: string
  readonly key?: string
  readonly payload?: unknown
}

/** A failure of the model: what the engine’s error must say. */
class Refusal {
  readonly says: object
  constructor(says: object) {
    this.says = says
  }
}

/** Streams as plain arrays. An event’s offset is its place in its array. */
class Model {
  readonly logs = new Map<string, ModelEvent[]>()
  now = TEST_TIME

  log(path: string): ModelEvent[] {
    return this.logs.get(path) ?? []
  }

  append(path: string, inputs: readonly EventInput[]): Receipt[] | Refusal {
    if (inputs.length === 0) return []
    const log = this.logs.get(path) ?? [this.#event([], CREATED)]
    const after = [...log]
    const receipts: Receipt[] = []
    for (const input of inputs) {
      const key = input.idempotencyKey?.trim()
      const first = key === undefined ? -1 : after.findIndex((event) => event.key === key)
      const offset = first === -1 ? after.length + 1 : first + 1
      if (input.offset !== undefined && input.offset !== offset) {
        return new Refusal({ code: 'CONFLICT', reason: 'precondition', expected: input.offset, actual: offset })
      }
      // All new events of a batch have one time.
      const event = this.#event(log, input.type, key, input.payload)
      if (first === -1) after.push(event)
      receipts.push({ offset, createdAt: after[offset - 1]?.createdAt ?? '', duplicate: first !== -1 })
    }
    if (!this.logs.has(path)) this.#announce(path)
    this.logs.set(path, after)
    return receipts
  }

  #announce(path: string): void {
    const line = [...ancestorPaths(parsePath(path)), parsePath(path)]
    const absent = line.filter((each) => !this.logs.has(each))
    for (const each of line) {
      if (each === path) continue
      const log = this.logs.get(each) ?? [this.#event([], CREATED)]
      for (const child of absent) {
        if (isBelow(child, each)) log.push(this.#event(log, CHILD_CREATED, undefined, { path: child }))
      }
      this.logs.set(each, log)
    }
  }

  #event(log: readonly ModelEvent[], type: string, key?: string, payload?: unknown): ModelEvent {
    const now = new Date(this.now).toISOString()
    const last = log.at(-1)?.createdAt ?? ''
    return {
      type,
      createdAt: now > last ? now : last,
      ...(key === undefined ? {} : { key }),
      ...(payload === undefined ? {} : { payload }),
    }
  }
}

// -- what may happen ----------------------------------------------------------------------------------------------

interface Append {
  readonly path: string
  readonly events: readonly {
    readonly type: string
    readonly key: string | null
    readonly precondition: Precondition
    readonly payload: number | null
  }[]
}

/** Of the offset the event would get if it were new, when its turn began; right unless others come first. */
type Precondition = 'none' | 'next' | 'before' | 'beyond' | 'first'

type Step =
  | { readonly kind: 'appends'; readonly appends: readonly Append[] }
  | { readonly kind: 'clock'; readonly ms: number }
  | { readonly kind: 'restart' }

const key = fc.constantFrom(null, null, null, 'k1', 'k2', ' k2 ', 'k3', 'k4')
const precondition: fc.Arbitrary<Precondition> = fc.constantFrom(
  'none',
  'none',
  'none',
  'next',
  'next',
  'before',
  'beyond',
  'first',
)
const append: fc.Arbitrary<Append> = fc.record({
  path: fc.constantFrom(...PATHS),
  events: fc.array(
    fc.record({ type: fc.constantFrom('x', 'y', 'z'), key, precondition, payload: fc.option(fc.nat(9)) }),
    { maxLength: 5 },
  ),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('appends' as const),
      appends: fc.array(append, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('clock' as const), ms: fc.integer({ min: -5000, max: 5000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
)

function inputsOf(model: Model, { path, events }: Append): EventInput[] {
  const next = Math.max(model.log(path).length, 1) + 1
  const offsets = { none: undefined, next, before: next - 1, beyond: next + 1, first: 2 }
  return events.map((event, i) => {
    const offset = offsets[event.precondition]
    const input: { -readonly [K in keyof EventInput]: EventInput[K] } = { type: event.type }
    if (event.payload !== null) input.payload = event.payload
    if (event.key !== null) input.idempotencyKey = event.key
    // `next` of a later event of the batch counts the ones before it.
    if (offset !== undefined) input.offset = event.precondition === 'next' ? offset + i : offset
    return input
  })
}

// -- what must be so afterwards -----------------------------------------------------------------------------------

/** An engine’s event as the model knows it: keys of announcements and incarnations are the engine’s own business. */
function modelled(event: EncodedEvent): ModelEvent {
  const { type, createdAt, payload, idempotencyKey } = decodeEvent(event)
  if (type === CREATED) return { type, createdAt }
  if (type === CHILD_CREATED) return { type, createdAt, payload: { path: (payload as { path: string }).path } }
  return {
    type,
    createdAt,
    ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
    ...(payload === undefined ? {} : { payload }),
  }
}

async function checkLogs(project: TestProject, model: Model): Promise<void> {
  for (const path of PATHS) {
    const log = model.log(path)
    const events = await readAll(project.streams, parsePath(path))
    expect(events.map(modelled)).toEqual(log)
    expect(events.map((event) => event.offset)).toEqual(log.map((_, i) => i + 1))
    const { exists, ...state } = await project.streams.state(parsePath(path))
    expect(exists).toBe(log.length > 0)
    if (!exists) continue
    expect(state).toEqual(replayed(path, events))
    for (const [i, event] of log.entries()) {
      if (event.key !== undefined)
        expect((await project.streams.getEvent(parsePath(path), { idempotencyKey: event.key }))?.offset).toBe(i + 1)
    }
  }
}

async function checkCatalogue(project: TestProject, model: Model): Promise<void> {
  const paths = [...model.logs.keys()].toSorted()
  const { streams } = await project.streams.list({ limit: 1000 })
  expect(streams.map((row) => row.path)).toEqual(paths)
  for (const row of streams) {
    const log = model.log(row.path)
    const below = paths.filter((path) => isBelow(path, row.path))
    const children = below.filter((path) => parentPath(parsePath(path)) === row.path)
    expect(row).toMatchObject({
      eventCount: log.length,
      maxOffset: log.length,
      createdAt: log[0]?.createdAt,
      lastEventAt: log.at(-1)?.createdAt,
      childCount: children.length,
      descendantCount: below.length,
    })
    const page = await project.streams.children(row.path)
    expect(page.children.map((child) => child.path)).toEqual(children)
    expect(page.total).toBe(children.length)
  }
}

async function checkPage(project: TestProject, model: Model, path: string, options: ReadOptions): Promise<void> {
  const log = model.log(path).map(({ type }, i) => ({ type, offset: i + 1 }))
  const { after = 0, before = Infinity, limit = 100, order = 'asc', types, visibleOnly } = options
  const inRange = log.filter(({ offset }) => offset > after && offset < before)
  const ordered = order === 'asc' ? inRange : inRange.toReversed()
  const matching = ordered.filter(
    ({ type }) => (!types || types.includes(type)) && !(visibleOnly && type.startsWith('stream/')),
  )
  const page = await project.streams.read(parsePath(path), options)
  expect(page.maxOffset).toBe(log.length)
  expect(page.events.map((event) => event.offset)).toEqual(matching.slice(0, limit).map(({ offset }) => offset))
  // A cursor is there exactly when the page is full and the range goes on behind it.
  const last = page.events.at(-1)?.offset
  const goesOn = matching.length >= limit && ordered.at(-1)?.offset !== last
  expect(page.nextCursor).toBe(goesOn ? last : null)
}

const pageOptions: fc.Arbitrary<ReadOptions> = fc.record(
  {
    after: fc.nat(12),
    before: fc.nat(14),
    limit: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 1000 })),
    order: fc.constantFrom('asc', 'desc'),
    types: fc.subarray(['x', 'y', CREATED, CHILD_CREATED, 'never']),
    visibleOnly: fc.constant(true as const),
  },
  { requiredKeys: [] },
)

test('any history of appends, restarts and clock changes leaves what the model says', async () => {
  const pages = fc.array(fc.tuple(fc.constantFrom(...PATHS), pageOptions), { minLength: 5, maxLength: 15 })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), pages, async (steps, reads) => {
      using project = new TestProject()
      const model = new Model()
      for (const each of steps) {
        if (each.kind === 'clock') {
          model.now += each.ms
          project.clock.ms = model.now
        } else if (each.kind === 'restart') {
          project.reopen()
        } else {
          // Callers do not wait for one another: each is decided against what those before it have written.
          const pending = each.appends.map((one) => {
            const inputs = inputsOf(model, one)
            const expected = model.append(one.path, inputs)
            const answer = project
              .append(one.path, ...inputs)
              .catch((error: unknown) => new Refusal(failure(error) as object))
            return { path: one.path, expected, answer }
          })
          for (const { path, expected, answer } of pending) {
            const outcome = await answer
            if (expected instanceof Refusal) expect(outcome).toEqual(new Refusal({ ...expected.says, path }))
            else expect(outcome).toEqual(expected)
          }
        }
      }
      await checkLogs(project, model)
      await checkCatalogue(project, model)
      for (const [path, options] of reads) await checkPage(project, model, path, options)
      project.reopen()
      await checkLogs(project, model)
      await checkCatalogue(project, model)
    }),
    { numRuns: 150 },
  )
}, 120_000)

test('a key is stored exactly once, however many callers send it at once and again', async () => {
  const sends = fc.array(fc.array(fc.nat(12), { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(sends, fc.nat(), async (batches, restartAt) => {
      using project = new TestProject()
      const offsets = new Map<number, Set<number>>()
      let firsts = 0
      for (let round = 0; round < 2; round++) {
        if (restartAt % 3 === round) project.reopen()
        const answers = await Promise.all(
          batches.map((batch) =>
            project.append('/a', ...batch.map((k) => ({ type: 'x', payload: k, idempotencyKey: `k${k}` }))),
          ),
        )
        for (const [i, batch] of batches.entries()) {
          expect(answers[i]).toHaveLength(batch.length)
          for (const [j, k] of batch.entries()) {
            const receipt = answers[i]?.[j]
            offsets.set(k, (offsets.get(k) ?? new Set()).add(receipt?.offset ?? 0))
            if (receipt?.duplicate === false) firsts++
          }
        }
      }
      const keys = new Set(batches.flat())
      expect(firsts).toBe(keys.size)
      for (const seen of offsets.values()) expect(seen.size).toBe(1)
      const [, ...events] = await project.log('/a')
      expect(events.map((event) => event.idempotencyKey).toSorted()).toEqual([...keys].map((k) => `k${k}`).toSorted())
      for (const event of events) expect(offsets.get(Number(event.payload))).toEqual(new Set([event.offset]))
    }),
    { numRuns: 40 },
  )
}, 60_000)
