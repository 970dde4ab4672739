// oxlint-disable vitest/expect-expect -- given/when/then is the assertion
import { describe, expect, test } from 'vitest'
import { given } from '../../../testing/index.ts'
import { stateProtocol } from './state-protocol.ts'

// The rules of the State protocol, each as a message and what becomes of the rows.

const message = (payload: unknown) => ({ type: 'message', payload })
const change = (operation: string, type: string, key: string, value?: unknown, headers = {}) =>
  message({ type, key, ...(value === undefined ? {} : { value }), headers: { operation, ...headers } })
const control = (word: string) => message({ headers: { control: word } })
const insert = (key: string, value: unknown, type = 'user') => change('insert', type, key, value)

const ann = insert('1', { name: 'Ann', age: 40 })
const rows = (user: Readonly<Record<string, unknown>>) => ({ collections: { user }, snapshot: null, ignored: 0 })
const nothing = { collections: {}, snapshot: null, ignored: 0 }

describe('a change', () => {
  test('inserts a row', () => {
    given(stateProtocol)
      .when(ann)
      .then(rows({ 1: { name: 'Ann', age: 40 } }))
  })

  test.each(['insert', 'update', 'upsert'])('%s replaces the row: what it leaves out is gone', (operation) => {
    given(stateProtocol, ann)
      .when(change(operation, 'user', '1', { name: 'Anna' }))
      .then(rows({ 1: { name: 'Anna' } }))
  })

  test('updates a row that is not there by making it', () => {
    given(stateProtocol)
      .when(change('update', 'user', '2', 'x'))
      .then(rows({ 2: 'x' }))
  })

  test.each([
    ['without a value', undefined],
    ['with null', null],
    ['with the old value', { name: 'Ann' }],
  ])('deletes a row %s', (_, value) => {
    given(stateProtocol, ann, insert('2', 'Bob'))
      .when(change('delete', 'user', '1', value))
      .then(rows({ 2: 'Bob' }))
  })

  test('deletes the last row of a collection and the collection with it', () => {
    given(stateProtocol, ann, insert('1', 1, 'other'))
      .when(change('delete', 'user', '1'))
      .then({ ...nothing, collections: { other: { 1: 1 } } })
  })

  test('deletes nothing where nothing is, and leaves no trace', () => {
    given(stateProtocol)
      .when(change('delete', 'ghost', '1'))
      .then(nothing)
    given(stateProtocol, ann)
      .when(change('delete', 'user', '2'))
      .then(rows({ 1: { name: 'Ann', age: 40 } }))
  })

  test.each([null, false, 0, '', [], {}, -1.5, 1e300, 9007199254740991])('keeps the value %j as it is', (value) => {
    given(stateProtocol)
      .when(insert('1', value))
      .then(rows({ 1: value }))
  })

  test('is the same with headers that mean nothing here', () => {
    const headers = { txid: 'tx-1', timestamp: '2026-01-01T00:00:00Z', from: 'x', offset: '0_0' }
    given(stateProtocol)
      .when(change('insert', 'user', '1', 7, headers))
      .then(rows({ 1: 7 }))
  })

  test.each(['__proto__', 'constructor', 'toString'])('takes %s for a type and for a key', (name) => {
    const collections = JSON.parse(`{"${name}":{"${name}":{"${name}":1}}}`) as Record<string, Record<string, unknown>>
    const value = collections[name]![name]
    const hostile = given(stateProtocol).when(insert(name, value, name))
    hostile.then({ ...nothing, collections })
    given(stateProtocol, insert(name, value, name))
      .when(change('delete', name, name))
      .then(nothing)
    given(stateProtocol)
      .when(change('delete', name, name))
      .then(nothing)
  })
})

describe('control', () => {
  test('reset empties everything, in the middle of a snapshot too', () => {
    given(stateProtocol, ann).when(control('reset')).then(nothing)
    given(stateProtocol, ann, control('snapshot-start'), insert('2', 2))
      .when([control('reset'), insert('3', 3)])
      .then(rows({ 3: 3 }))
  })

  test('a snapshot takes the place of all rows, at once, when it ends', () => {
    const begun = [ann, control('snapshot-start'), insert('2', 'Bob')] as const
    given(stateProtocol, ...begun)
      .when([])
      .then({ ...rows({ 1: { name: 'Ann', age: 40 } }), snapshot: { user: { 2: 'Bob' } } })
    given(stateProtocol, ...begun)
      .when(control('snapshot-end'))
      .then(rows({ 2: 'Bob' }))
  })

  test('an empty snapshot leaves nothing', () => {
    given(stateProtocol, ann)
      .when([control('snapshot-start'), control('snapshot-end')])
      .then(nothing)
  })

  test('a snapshot that begins again forgets its first beginning', () => {
    given(stateProtocol, control('snapshot-start'), ann)
      .when([control('snapshot-start'), insert('2', 2), control('snapshot-end')])
      .then(rows({ 2: 2 }))
  })

  test('the end of a snapshot that never began changes nothing', () => {
    given(stateProtocol, ann)
      .when(control('snapshot-end'))
      .then(rows({ 1: { name: 'Ann', age: 40 } }))
  })
})

describe('what is no message', () => {
  test.each([
    ['no payload', { type: 'message' }],
    ['a text', message('text')],
    ['a list', message([{ headers: {} }])],
    ['no headers', message({ type: 'user', key: '1', value: 1 })],
    ['headers that are a list', message({ headers: ['insert'] })],
    ['no operation', message({ type: 'user', key: '1', value: 1, headers: {} })],
    ['an unknown operation', change('merge', 'user', '1', 1)],
    ['an operation of every object', change('constructor', 'user', '1', 1)],
    ['no type', message({ key: '1', value: 1, headers: { operation: 'insert' } })],
    ['an empty type', insert('1', 1, '')],
    ['an empty key', insert('', 1)],
    ['a number for a key', message({ type: 'user', key: 1, value: 1, headers: { operation: 'insert' } })],
    ['no value to insert', change('insert', 'user', '1')],
    ['no value to upsert', change('upsert', 'user', '1')],
    ['unknown control', control('stop')],
  ])('is counted and changes no row: %s', (_, event) => {
    given(stateProtocol, insert('1', 1))
      .when(event)
      .then({ ...rows({ 1: 1 }), ignored: 1 })
    given(stateProtocol, control('snapshot-start'))
      .when(event)
      .then({ ...nothing, snapshot: {}, ignored: 1 })
  })

  test('is not even counted when the engine wrote it', () => {
    given(stateProtocol)
      .when({ type: 'stream/created', payload: { path: '/' } })
      .then(nothing)
  })
})

test('a change leaves the rows of other types as they are: it costs what it touches', () => {
  const before = { ...nothing, collections: { other: { 1: { deep: [1] } }, user: {} } }
  const event = { offset: 1, createdAt: '2026-01-01T00:00:00.000Z', ...insert('1', 1) }
  const after = stateProtocol.reduce(before, event)
  expect(after?.collections['other']).toBe(before.collections.other)
})
