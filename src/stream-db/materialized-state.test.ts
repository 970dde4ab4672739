import { describe, expect, test } from 'vitest'
import { MaterializedState } from './materialized-state.ts'
import type { ControlEvent, Operation, StateEvent } from './messages.ts'

const change = (operation: Operation, key: string, value?: unknown, type = 'user'): StateEvent => ({
  type,
  key,
  ...(value === undefined ? {} : { value }),
  headers: { operation },
})
const control = (name: ControlEvent['headers']['control']): StateEvent => ({ headers: { control: name } })

/** All rows, for reading. */
const rowsOf = (state: MaterializedState) =>
  Object.fromEntries(state.types.map((type) => [type, Object.fromEntries(state.getType(type))]))

describe('a change', () => {
  test('sets the row of its key, whole, whether it was there or not', () => {
    const state = new MaterializedState()
    state.applyBatch([
      change('insert', '1', { name: 'Ann', age: 30 }),
      change('update', '1', { name: 'Anna' }),
      change('insert', '1', { name: 'Annie' }),
      change('update', '2', { name: 'Bob' }),
      change('upsert', '3', null),
      change('delete', '4'),
    ])
    expect(rowsOf(state)).toEqual({ user: { 1: { name: 'Annie' }, 2: { name: 'Bob' }, 3: null } })
    expect(state.get('user', '1')).toEqual({ name: 'Annie' })
    expect(state.get('user', '4')).toBeUndefined()
    expect(state.get('account', '1')).toBeUndefined()
  })

  test('removes the row, and the type with its last row', () => {
    const state = new MaterializedState()
    state.applyBatch([change('insert', '1', 1), change('insert', '1', 2, 'account')])
    expect([state.typeCount, state.types]).toEqual([2, ['user', 'account']])
    state.applyBatch([change('delete', '1'), change('delete', '9', undefined, 'other')])
    expect([state.typeCount, state.types]).toEqual([1, ['account']])
  })

  test('of any key is a row like others', () => {
    const state = new MaterializedState()
    state.apply(change('insert', '__proto__', { admin: true }, 'constructor'))
    expect(state.get('constructor', '__proto__')).toEqual({ admin: true })
    expect(state.get('constructor', 'toString')).toBeUndefined()
  })
})

test('rows that were handed out do not change, and changing them changes nothing', () => {
  const state = new MaterializedState()
  state.apply(change('insert', '1', 'a'))
  const rows = state.getType('user')
  state.apply(change('insert', '2', 'b'))
  rows.delete('1')
  expect([rows.size, state.get('user', '1')]).toEqual([0, 'a'])
})

describe('a control message', () => {
  test('reset drops what was before it, in a batch too', () => {
    const state = new MaterializedState()
    state.apply(change('insert', '1', 1))
    state.applyBatch([change('insert', '2', 2), control('reset'), change('insert', '3', 3)])
    expect(rowsOf(state)).toEqual({ user: { 3: 3 } })
    state.apply(control('reset'))
    expect(rowsOf(state)).toEqual({})
  })

  test('snapshot-end replaces everything with what came since the start, and not before', () => {
    const state = new MaterializedState()
    state.applyBatch([change('insert', '1', 1), change('insert', '1', 1, 'account')])
    state.applyBatch([control('snapshot-start'), change('insert', '2', 2), change('delete', '1')])
    expect(rowsOf(state)).toEqual({ user: { 1: 1 }, account: { 1: 1 } })
    state.applyBatch([
      change('delete', '2'),
      change('insert', '3', 3),
      control('snapshot-end'),
      change('insert', '4', 4),
    ])
    expect(rowsOf(state)).toEqual({ user: { 3: 3, 4: 4 } })
  })

  test('snapshot-start once more begins the snapshot anew', () => {
    const state = new MaterializedState()
    state.applyBatch([control('snapshot-start'), change('insert', '1', 1), control('snapshot-start')])
    state.applyBatch([change('insert', '2', 2), control('snapshot-end')])
    expect(rowsOf(state)).toEqual({ user: { 2: 2 } })
  })

  test('snapshot-end without a start does nothing', () => {
    const state = new MaterializedState()
    state.applyBatch([change('insert', '1', 1), control('snapshot-end')])
    expect(rowsOf(state)).toEqual({ user: { 1: 1 } })
  })

  test.each(['reset', 'clear'] as const)('%s ends a snapshot: what comes next is visible at once', (how) => {
    const state = new MaterializedState()
    state.applyBatch([change('insert', '1', 1), control('snapshot-start'), change('insert', '2', 2)])
    if (how === 'reset') state.apply(control('reset'))
    else state.clear()
    state.applyBatch([change('insert', '3', 3), control('snapshot-end')])
    expect(rowsOf(state)).toEqual({ user: { 3: 3 } })
  })
})

describe('poison', () => {
  const poisoned = [change('insert', '1', 1), null, { type: 'user' }, change('insert', '2', 2)] as StateEvent[]

  test('is refused with its place, and nothing of its batch is applied', () => {
    const state = new MaterializedState()
    const refused = expect.objectContaining({
      code: 'BAD_REQUEST',
      message: 'message 2 of the batch: a message is an object, not null',
      details: { reason: 'poison', index: 1 },
    })
    expect(() => state.applyBatch(poisoned)).toThrow(refused)
    expect([state.typeCount, state.skipped]).toEqual([0, 0])
  })

  test('is skipped, counted and reported where somebody listens', () => {
    const reported: string[] = []
    const state = new MaterializedState({ onError: ({ message }) => reported.push(message) })
    state.applyBatch(poisoned)
    expect(rowsOf(state)).toEqual({ user: { 1: 1, 2: 2 } })
    expect(state.skipped).toBe(2)
    expect(reported).toEqual([
      'message 2 of the batch: a message is an object, not null',
      'message 3 of the batch: headers are an object, not undefined',
    ])
  })
})
