import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MaterializedState } from './materialized-state.ts'
import type { StateEvent } from './messages.ts'

// Any history, in any batches: at every moment the rows are those that a reading of the log from its start would give.

const name = fc.constantFrom('a', 'b', '__proto__')
const change = fc
  .record({
    type: name,
    key: name,
    value: fc.jsonValue({ maxDepth: 1 }),
    headers: fc.record({ operation: fc.constantFrom('insert', 'update', 'upsert', 'delete') }),
  })
  .map((event) => event as StateEvent)
const control = fc
  .constantFrom('reset', 'snapshot-start', 'snapshot-end')
  .map((kind): StateEvent => ({ headers: { control: kind } }))
const history = fc.array(fc.oneof({ weight: 6, arbitrary: change }, { weight: 1, arbitrary: control }), {
  maxLength: 40,
  size: 'max',
})

/** What is visible at the end of `log`: one plain map, made from the last place that says where to begin. */
function expectedRows(log: readonly StateEvent[]): Map<string, unknown> {
  const kinds = log.map(({ headers }) => ('control' in headers ? headers.control : undefined))
  const closes = kinds.flatMap((kind, at) => (kind === 'reset' || kind === 'snapshot-end' ? [at] : []))
  let begin = -1
  for (const [nth, at] of closes.entries()) {
    const start = kinds.lastIndexOf('snapshot-start', at)
    if (kinds[at] === 'reset') begin = at
    else if (start > (closes[nth - 1] ?? -1)) begin = start
  }
  const unfinished = kinds.indexOf('snapshot-start', (closes.at(-1) ?? -1) + 1)
  const rows = new Map<string, unknown>()
  for (const event of log.slice(begin + 1, unfinished === -1 ? log.length : unfinished)) {
    if (!('type' in event)) continue
    const key = JSON.stringify([event.type, event.key])
    if (event.headers.operation === 'delete') rows.delete(key)
    else rows.set(key, event.value)
  }
  return rows
}

function rowsOf(state: MaterializedState): Map<string, unknown> {
  const entries = state.types.flatMap((type) =>
    [...state.getType(type)].map(([key, value]): [string, unknown] => [JSON.stringify([type, key]), value]),
  )
  return new Map(entries)
}

test('state equals the log', () => {
  fc.assert(
    fc.property(history, (log) => {
      const state = new MaterializedState()
      for (const [index, event] of log.entries()) {
        state.apply(event)
        expect(rowsOf(state)).toEqual(expectedRows(log.slice(0, index + 1)))
      }
    }),
  )
})
