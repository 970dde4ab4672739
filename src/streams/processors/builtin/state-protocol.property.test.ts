import fc from 'fast-check'
import { expect, test } from 'vitest'
import { given } from '../../../testing/index.ts'
import type { EventInput } from '../../event.ts'
import { stateProtocol } from './state-protocol.ts'

// The processor against the plainest model there is: one map of rows, and a second one while a snapshot is under way.

const name = fc.constantFrom('a', 'b', '1', '01', '__proto__', 'constructor', 'hasOwnProperty')
const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant(undefined))
const changing = fc.record({
  type: fc.oneof({ weight: 9, arbitrary: name }, { weight: 1, arbitrary: fc.constantFrom('', 7) }),
  key: fc.oneof({ weight: 9, arbitrary: name }, { weight: 1, arbitrary: fc.constantFrom('', 7) }),
  value,
  headers: fc.record({ operation: fc.constantFrom('insert', 'update', 'upsert', 'delete', 'delete', 'merge') }),
})
const controlling = fc.record({
  headers: fc.record({ control: fc.constantFrom('snapshot-start', 'snapshot-end', 'reset', 'stop') }),
})
const payload = fc.oneof({ weight: 12, arbitrary: changing }, { weight: 2, arbitrary: controlling }, value)

type Rows = Map<string, { readonly type: string; readonly key: string; readonly value: unknown }>

class Model {
  rows: Rows = new Map()
  snapshot: Rows | null = null
  ignored = 0

  apply(message: unknown): void {
    const { type, key, value: row, headers } = (message ?? {}) as Record<string, unknown>
    const { operation, control } = (headers ?? {}) as Record<string, unknown>
    if (control === 'reset') [this.rows, this.snapshot] = [new Map(), null]
    else if (control === 'snapshot-start') this.snapshot = new Map()
    else if (control === 'snapshot-end') [this.rows, this.snapshot] = [this.snapshot ?? this.rows, null]
    else if (!this.#change(type, key, row, operation)) this.ignored++
  }

  #change(type: unknown, key: unknown, row: unknown, operation: unknown): boolean {
    if (typeof type !== 'string' || typeof key !== 'string' || type === '' || key === '') return false
    const rows = this.snapshot ?? this.rows
    const id = JSON.stringify([type, key])
    if (operation === 'delete') return (rows.delete(id), true)
    if (row === undefined || !['insert', 'update', 'upsert'].includes(String(operation))) return false
    rows.set(id, { type, key, value: row })
    return true
  }

  state() {
    return {
      collections: collectionsOf(this.rows),
      snapshot: this.snapshot && collectionsOf(this.snapshot),
      ignored: this.ignored,
    }
  }
}

function collectionsOf(rows: Rows): Record<string, Record<string, unknown>> {
  const byType = Map.groupBy(rows.values(), ({ type }) => type)
  return Object.fromEntries(
    [...byType].map(([type, all]) => [type, Object.fromEntries(all.map((row) => [row.key, row.value]))]),
  )
}

test('any messages give the rows that a map of rows has', () => {
  let kept = 0
  fc.assert(
    fc.property(fc.array(payload, { minLength: 3, maxLength: 40 }), (payloads) => {
      const model = new Model()
      // As the log holds them: what is undefined is not there.
      const stored = payloads.map(
        (each) => JSON.parse(JSON.stringify({ type: 'message', payload: each })) as EventInput,
      )
      for (const event of stored) model.apply(event.payload)
      given(stateProtocol).when(stored).then(model.state())
      kept += model.rows.size
    }),
    { numRuns: 300 },
  )
  // Not all of them were empty.
  expect(kept).toBeGreaterThan(100)
})
