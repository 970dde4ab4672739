import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StateMessage } from './messages.ts'
import { mayBeShown, txidOf } from './naive-testing.ts'
import { TransactionBuffer } from './transactions.ts'

// However transactions are interleaved and cut into batches: nothing is lost, moved or shown in part, and nothing waits
// that need not.

const message = fc.tuple(fc.constantFrom(undefined, 'a', 'b', 'c'), fc.nat()).map(([txid, value]): StateMessage => ({
  type: 't',
  key: 'k',
  value,
  headers: { operation: 'upsert', ...(txid === undefined ? {} : { txid }) },
}))
const batches = fc.array(
  fc.record({ messages: fc.array(message, { maxLength: 6, size: 'max' }), upToDate: fc.boolean() }),
  {
    maxLength: 12,
    size: 'max',
  },
)

test('a batch shows all that may be shown, in order, and names just the transactions in it', () => {
  fc.assert(
    fc.property(batches, (history) => {
      const buffer = new TransactionBuffer()
      let waiting: readonly StateMessage[] = []
      for (const { messages, upToDate } of history) {
        const all = [...waiting, ...messages]
        const cut = mayBeShown(all, upToDate)
        const { ready, whole, overflowed } = buffer.take(messages, upToDate)
        expect(ready).toEqual(all.slice(0, cut))
        expect(new Set(whole)).toEqual(new Set(ready.map(txidOf).filter((txid) => txid !== undefined)))
        expect(whole).toHaveLength(new Set(whole).size)
        expect(overflowed).toBe(false)
        waiting = all.slice(cut)
        expect(buffer.waiting).toBe(waiting.length)
      }
    }),
  )
})

test('with little room everything is still shown in order, and every transaction is named after its last message', () => {
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 4 }), (history, most) => {
      const buffer = new TransactionBuffer({ most })
      const all = history.flatMap(({ messages }) => messages)
      const shown: StateMessage[] = []
      const named = new Map<string, number>()
      for (const { messages, upToDate } of [...history, { messages: [], upToDate: true }]) {
        const { ready, whole } = buffer.take(messages, upToDate)
        shown.push(...ready)
        for (const txid of whole) named.set(txid, shown.length)
        expect(buffer.waiting).toBeLessThanOrEqual(most)
      }
      expect(shown).toEqual(all)
      for (const txid of ['a', 'b', 'c']) {
        const last = all.findLastIndex((one) => txidOf(one) === txid)
        if (last === -1) expect(named.has(txid)).toBe(false)
        else expect(named.get(txid)).toBeGreaterThan(last)
      }
    }),
  )
})
