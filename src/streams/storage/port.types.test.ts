import { expectTypeOf, test } from 'vitest'
import type { GroupParticipant, NotAsync, StreamStorage } from './port.ts'

// Guards the one rule of the port that only the compiler can: a transaction cannot wait. `tsc` is the test; nothing
// here runs.

declare const storage: StreamStorage
declare const participant: GroupParticipant

test('a transaction gives back what its function returns', () => {
  const check = () => {
    expectTypeOf(storage.transactionSync(participant, () => 7)).toEqualTypeOf<number>()
    expectTypeOf(storage.transactionSync(participant, () => {})).toEqualTypeOf<void>()
    expectTypeOf(storage.transactionSync(participant, (tx) => tx.insertStream)).toBeFunction()
  }
  expectTypeOf(check).toBeFunction()
})

test('a function that is async, or returns a promise by any road, does not compile', () => {
  const check = () => {
    // @ts-expect-error -- an async function returns before it has written
    storage.transactionSync(participant, async () => {})
    // @ts-expect-error -- the same with a value
    storage.transactionSync(participant, async (tx) => tx.saveState)
    // @ts-expect-error -- a promise made elsewhere
    storage.transactionSync(participant, () => storage.durable())
    // @ts-expect-error -- a promise some of the time
    storage.transactionSync(participant, () => (participant ? 1 : Promise.resolve(1)))
    // @ts-expect-error -- anything that can be awaited
    storage.transactionSync(participant, (): PromiseLike<number> => storage.durable().then(() => 1))
  }
  expectTypeOf(check).toBeFunction()
})

test('the error reads as a sentence', () => {
  expectTypeOf<
    NotAsync<Promise<void>>
  >().toEqualTypeOf<'a transaction must not be async: it ends when the function returns'>()
  expectTypeOf<NotAsync<number>>().toEqualTypeOf<number>()
})
