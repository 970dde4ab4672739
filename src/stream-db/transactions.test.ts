import { describe, expect, test } from 'vitest'
import type { StateMessage } from './messages.ts'
import { SeenTransactions, TransactionBuffer } from './transactions.ts'

// Guards against a transaction that is seen, or waited for, in part.

const change = (key: string, txid?: string): StateMessage => ({
  type: 'user',
  key,
  value: {},
  headers: { operation: 'upsert', ...(txid === undefined ? {} : { txid }) },
})
const reset: StateMessage = { headers: { control: 'reset' } }

/** Keys instead of messages, for reading. */
function taken(buffer: TransactionBuffer, messages: StateMessage[], upToDate = false) {
  const { ready, whole, overflowed } = buffer.take(messages, upToDate)
  const keys = ready.map((message) => ('key' in message ? message.key : message.headers.control)).join(' ')
  return { ready: keys, whole: whole.join(' '), ...(overflowed ? { overflowed } : {}) }
}

describe('a transaction', () => {
  test('waits while it is the last thing that was read, and is whole when another follows', () => {
    const buffer = new TransactionBuffer()
    expect(taken(buffer, [change('1'), change('2', 'a')])).toEqual({ ready: '1', whole: '' })
    expect(taken(buffer, [change('3', 'a')])).toEqual({ ready: '', whole: '' })
    expect(buffer.waiting).toBe(2)
    expect(taken(buffer, [change('4', 'b')])).toEqual({ ready: '2 3', whole: 'a' })
    expect(taken(buffer, [change('5')])).toEqual({ ready: '4 5', whole: 'b' })
    expect(buffer.waiting).toBe(0)
  })

  test('is whole when there is nothing more at the moment, and an empty batch may say so', () => {
    const buffer = new TransactionBuffer()
    expect(taken(buffer, [change('1', 'a')], true)).toEqual({ ready: '1', whole: 'a' })
    expect(taken(buffer, [change('2', 'b')])).toEqual({ ready: '', whole: '' })
    expect(taken(buffer, [])).toEqual({ ready: '', whole: '' })
    expect(taken(buffer, [], true)).toEqual({ ready: '2', whole: 'b' })
  })

  test('that is interleaved with others waits with them, and all become visible at once', () => {
    const buffer = new TransactionBuffer()
    const messages = [
      change('0', 'z'),
      change('1', 'a'),
      change('2', 'b'),
      change('3'),
      change('4', 'a'),
      change('5', 'b'),
    ]
    expect(taken(buffer, messages)).toEqual({ ready: '0', whole: 'z' })
    expect(taken(buffer, [change('6', 'c')])).toEqual({ ready: '1 2 3 4 5', whole: 'a b' })
  })

  test('ends with a control message, which is shown in its place', () => {
    const buffer = new TransactionBuffer()
    expect(taken(buffer, [change('1', 'a'), reset, change('2', 'b')])).toEqual({ ready: '1 reset', whole: 'a' })
  })

  test('has no control message in it, whatever its headers say', () => {
    const odd = { headers: { control: 'snapshot-end', txid: 'a' } } as StateMessage
    expect(taken(new TransactionBuffer(), [change('1', 'a'), odd])).toEqual({ ready: '1 snapshot-end', whole: 'a' })
  })

  test('whose id comes again after it was shown is named again', () => {
    const buffer = new TransactionBuffer()
    expect(taken(buffer, [change('1', 'a'), change('2')])).toEqual({ ready: '1 2', whole: 'a' })
    expect(taken(buffer, [change('3', 'a')], true)).toEqual({ ready: '3', whole: 'a' })
  })

  test('that waits is gone when the stream begins anew', () => {
    const buffer = new TransactionBuffer()
    buffer.take([change('1', 'a')], false)
    buffer.clear()
    expect(buffer.waiting).toBe(0)
    expect(taken(buffer, [change('2', 'a'), change('3')])).toEqual({ ready: '2 3', whole: 'a' })
  })
})

describe('a transaction of more messages than may wait', () => {
  test('is shown in part, said so, and is whole only at its end', () => {
    const buffer = new TransactionBuffer({ most: 2 })
    expect(taken(buffer, [change('1', 'z'), change('2', 'a'), change('3', 'a')])).toEqual({ ready: '1', whole: 'z' })
    expect(taken(buffer, [change('4', 'a')])).toEqual({ ready: '2 3 4', whole: '', overflowed: true })
    expect(taken(buffer, [change('5', 'a')])).toEqual({ ready: '', whole: '' })
    expect(taken(buffer, [change('6')])).toEqual({ ready: '5 6', whole: 'a' })
  })

  test('is whole when the next batch has nothing of it', () => {
    const buffer = new TransactionBuffer({ most: 1 })
    expect(taken(buffer, [change('1', 'a'), change('2', 'a')])).toMatchObject({ overflowed: true })
    expect(taken(buffer, [change('3', 'b')])).toEqual({ ready: '', whole: 'a' })
    expect(taken(buffer, [], true)).toEqual({ ready: '3', whole: 'b' })
  })

  test('is whole when nothing more comes', () => {
    const buffer = new TransactionBuffer({ most: 1 })
    expect(taken(buffer, [change('1', 'b'), change('2', 'a'), change('3', 'a')])).toEqual({
      ready: '1 2 3',
      whole: 'b',
      overflowed: true,
    })
    expect(taken(buffer, [], true)).toEqual({ ready: '', whole: 'a' })
    expect(taken(buffer, [], true)).toEqual({ ready: '', whole: '' })
  })

  test('does not count what can be shown at once', () => {
    const buffer = new TransactionBuffer({ most: 1 })
    expect(taken(buffer, [change('1', 'a'), change('2', 'a'), change('3', 'b')])).toEqual({ ready: '1 2', whole: 'a' })
    expect(taken(buffer, [change('4', 'b'), change('5', 'b')], true)).toEqual({ ready: '3 4 5', whole: 'b' })
  })
})

test('ids that were seen are bounded: the one that was seen longest ago is forgotten', () => {
  const seen = new SeenTransactions(2)
  for (const txid of ['a', 'b', 'a', 'c']) seen.add(txid)
  expect(['a', 'b', 'c'].map((txid) => seen.has(txid))).toEqual([true, false, true])
  seen.clear()
  expect(seen.has('a')).toBe(false)
})

test.each([0, -1, 1.5, Number.NaN])('a limit of %d is refused', (most) => {
  const refused = expect.objectContaining({ code: 'BAD_REQUEST', details: { reason: 'most', limit: 1, value: most } })
  expect(() => new TransactionBuffer({ most })).toThrow(refused)
  expect(() => new SeenTransactions(most)).toThrow(refused)
})
