import fc from 'fast-check'
import { beforeEach, expect, test, vi } from 'vitest'
import { type TestRow, change, control, insert } from './database-testing.ts'
import type { StateMessage } from './messages.ts'
import { type Deed, MISFORTUNES, Reader, type Said, named } from './reader-testing.ts'

// Random histories of a stream, read with every misfortune that readers have, and held against plain Maps at every step that
// anybody can see. STREAM_DB_RUNS says how many; a history that fails is printed with its seed.

const RUNS = Number(process.env['STREAM_DB_RUNS'] ?? 1500)

// TanStack DB tells of queries whose collections have failed, as they do here.
beforeEach(() => {
  for (const how of ['warn', 'error'] as const) vi.spyOn(console, how).mockImplementation(() => undefined)
})

const taken = (raw: ReturnType<typeof change>): Said => {
  const usable = 'value' in raw ? { ...raw, value: named(raw.value as TestRow) } : raw
  return { raw, usable: usable as StateMessage }
}
const refused = (raw: unknown): Said => ({ raw, usable: null })
const controls = (...names: string[]): Said[] => names.map(control).map((raw) => ({ raw, usable: raw as StateMessage }))

const key = fc.constantFrom('a', 'b', 'c')
const type = fc.constantFrom('user', 'post')
// Few, so that they come again, out of order and between one another; most changes have none.
const txid = fc.constantFrom(undefined, undefined, undefined, 'x', 'y', 'z')
// Not in every row, so that one that is merged shows.
const age = fc.oneof(
  fc.constant({}),
  fc.nat(9).map((is) => ({ age: is })),
)
const set = fc
  .tuple(fc.constantFrom('insert', 'update', 'upsert'), type, key, age, txid)
  .map(([how, of, at, has, id]) => taken(change(how as 'insert', of, at, { id: at, ...has }, id)))
const row = fc.tuple(type, key, fc.nat(9)).map(([of, at, is]) => taken(insert(of, at, { id: at, age: is })))
const pair = fc
  .tuple(key, fc.nat(9), fc.nat(999))
  .map(([at, is, id]) =>
    ['user', 'other', 'post'].map((of) => taken(insert(of, at, { id: at, age: is }, `both-${id}`))),
  )
const messages = fc.oneof(
  { weight: 6, arbitrary: set.map((one) => [one]) },
  { weight: 3, arbitrary: pair },
  {
    weight: 2,
    arbitrary: fc.tuple(type, key, txid).map(([of, at, id]) => [taken(change('delete', of, at, undefined, id))]),
  },
  { weight: 1, arbitrary: fc.constant(controls('reset')) },
  {
    weight: 2,
    arbitrary: fc
      .array(row, { maxLength: 3 })
      .map((rows) => [controls('snapshot-start'), rows, controls('snapshot-end')].flat()),
  },
  { weight: 1, arbitrary: fc.constantFrom(...['snapshot-start', 'snapshot-end'].map((name) => controls(name))) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom<unknown>(
        null,
        5,
        { headers: {} },
        { type: 'user', key: 1, headers: { operation: 'delete' } },
        { ...insert('user', 'a'), headers: { operation: 'insert', txid: '' } },
      )
      .map((raw) => [refused(raw)]),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(type, key, fc.constantFrom<unknown>(5, null, { age: -1 }), txid)
      .map(([of, at, value, id]) => [refused(insert(of, at, value, id))]),
  },
)

const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ write: messages }) },
    { weight: 6, arbitrary: fc.record({ read: fc.nat(6), upToDate: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ meet: fc.constantFrom(...MISFORTUNES), anew: fc.boolean() }) },
  ),
  { minLength: 5, maxLength: 40, size: 'max' },
)

test(
  'collections are what plain Maps are, at every step, whatever becomes of the reading',
  async () => {
    const late = fc.record({ users: fc.boolean(), posts: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(deeds, late, fc.boolean(), async (history, validators, closed) => {
        const reader = new Reader(validators)
        await reader.begin()
        for (const deed of history) await reader.do(deed)
        await reader.readAll()
        await reader.do({ meet: 'move', anew: false })
        await reader.readAll(closed)
        expect(await reader.end()).toEqual([])
      }),
      { numRuns: RUNS },
    )
  },
  Math.max(60_000, RUNS * 100),
)
