import { describe, expect, test } from 'vitest'
import { type StateEvent, isChangeEvent, isControlEvent, isPoison, readMessage } from './messages.ts'

// Guards against what anybody can write to a stream: it is told apart from messages, and never throws.

const headers = { operation: 'insert' }
const change = { type: 'user', key: '1', value: { name: 'Ann' }, headers }

describe('a message', () => {
  test.each([
    change,
    { ...change, value: null },
    { ...change, value: 0, headers: { operation: 'upsert', txid: 't', timestamp: 'now', more: 1 } },
    { ...change, old_value: {}, headers: { operation: 'update' }, more: true },
    { type: 'user', key: '__proto__', headers: { operation: 'delete' } },
    { headers: { control: 'reset' } },
    { headers: { control: 'snapshot-start', offset: '1' }, type: 'user' },
    { headers: { control: 'snapshot-end' } },
  ])('%j is read as it is', (value) => {
    expect(readMessage(value)).toBe(value)
    expect([isChangeEvent(value), isControlEvent(value)]).toEqual([
      !('control' in value.headers),
      'control' in value.headers,
    ])
  })

  test('with a field that is called poison is none', () => {
    expect(isPoison(readMessage({ ...change, poison: 'x' }))).toBe(false)
  })
})

describe('poison', () => {
  test.each([
    [null, 'a message is an object, not null'],
    [undefined, 'a message is an object, not undefined'],
    ['text', 'a message is an object, not "text"'],
    [5, 'a message is an object, not 5'],
    [[change], 'a message is an object, not an array'],
    [{}, 'headers are an object, not undefined'],
    [{ ...change, headers: [] }, 'headers are an object, not an array'],
    [{ ...change, headers: {} }, 'operation is undefined; one of insert, update, upsert, delete'],
    [{ ...change, headers: { operation: 'merge' } }, 'operation is "merge"; one of insert, update, upsert, delete'],
    [{ ...change, type: undefined }, 'type is undefined; a string that is not empty'],
    [{ ...change, type: '' }, 'type is ""; a string that is not empty'],
    [{ ...change, key: 1 }, 'key is 1; a string that is not empty'],
    [{ ...change, key: '' }, 'key is ""; a string that is not empty'],
    [{ type: 'user', key: '1', headers }, 'insert has no value'],
    [{ ...change, headers: { ...headers, txid: '' } }, 'txid is ""; a string that is not empty'],
    [{ ...change, headers: { ...headers, txid: 7 } }, 'txid is 7; a string that is not empty'],
    [{ headers: { control: 'pause' } }, 'control is "pause"; one of snapshot-start, snapshot-end, reset'],
    [{ ...change, headers: { ...headers, control: 'reset' } }, 'headers have both control and operation'],
  ])('%j: %s', (value, poison) => {
    expect(readMessage(value)).toEqual({ poison })
    expect([isChangeEvent(value), isControlEvent(value)]).toEqual([false, false])
  })

  test('of any length is told in a line', () => {
    expect(JSON.stringify(readMessage({ ...change, type: 5, key: 'x'.repeat(9_999) })).length).toBeLessThan(100)
    expect(JSON.stringify(readMessage('x'.repeat(9_999))).length).toBeLessThan(200)
  })
})

test('the guards narrow the union', () => {
  const name = (event: StateEvent<{ name: string }>) =>
    isChangeEvent(event) ? event.value?.name : event.headers.control
  expect(name({ headers: { control: 'reset' } })).toBe('reset')
  expect(name({ type: 'user', key: '1', value: { name: 'Ann' }, headers: { operation: 'insert' } })).toBe('Ann')
})
