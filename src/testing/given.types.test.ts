import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import type { EventInput, StreamEvent } from '../streams/event.ts'
import { type ConsumedEvent, defineProcessor, schemaOf } from '../streams/processors/contract.ts'
import { given } from './given.ts'
import type { GivenEvent } from './given-events.ts'

// Guards what only the compiler can say of a processor and of its test. `tsc` is the test; nothing here runs.

const counter = defineProcessor({
  slug: 'counter',
  version: '1',
  state: z.object({ sum: z.number() }),
  initialState: { sum: 0 },
  consumes: ['added', 'named', 'cleared'],
  events: {
    added: z.object({ by: z.number(), note: z.string().default('') }),
    named: schemaOf((value): value is string => typeof value === 'string', 'name'),
  },
  reduce: (state, event) => {
    expectTypeOf(event).toEqualTypeOf<
      | (Omit<StreamEvent, 'type' | 'payload'> & {
          readonly type: 'added'
          readonly payload: { by: number; note: string }
        })
      | (Omit<StreamEvent, 'type' | 'payload'> & { readonly type: 'named'; readonly payload: string })
      | (Omit<StreamEvent, 'type' | 'payload'> & { readonly type: 'cleared'; readonly payload: unknown })
    >()
    return state
  },
})

const any = defineProcessor({
  slug: 'any',
  version: '1',
  state: z.number(),
  initialState: 0,
  consumes: ['*'],
  reduce: (count, event) => {
    expectTypeOf(event).toEqualTypeOf<StreamEvent>()
    return count + 1
  },
})

test('under * an event is any event', () => {
  expectTypeOf<ConsumedEvent<'*', {}>>().toEqualTypeOf<StreamEvent>()
  const check = () => given(any, { type: 'whatever', payload: { x: 1 } }).when({ type: 'stream/paused' })
  expectTypeOf(check).toBeFunction()
})

test('named types give an exact union to the test as well: payloads as their schemas take them', () => {
  type Envelope = Omit<EventInput, 'type' | 'payload'> & { readonly createdAt?: string }
  const named = () => given(counter).when
  type Event = Exclude<Parameters<ReturnType<typeof named>>[0], readonly unknown[]>
  expectTypeOf<Event['type']>().toEqualTypeOf<'added' | 'named' | 'cleared'>()
  expectTypeOf<Extract<Event, { type: 'added' }>['payload']>().toEqualTypeOf<{
    by: number
    note?: string | undefined
  }>()
  expectTypeOf<Envelope['createdAt']>().toEqualTypeOf<Event['createdAt']>()
  expectTypeOf<GivenEvent<'*', {}>['payload']>().toEqualTypeOf<unknown>()
  expectTypeOf<string>().toMatchTypeOf<Extract<Event, { type: 'named' }>['payload']>()
})

test('what is not consumed, and a payload that does not fit, do not compile', () => {
  const check = () => {
    given(counter, { type: 'added', payload: { by: 1 } }).when([{ type: 'cleared' }, { type: 'named' }])
    // @ts-expect-error -- nobody consumes it
    given(counter).when({ type: 'removed' })
    // @ts-expect-error -- nor in a batch
    given(counter).when([{ type: 'cleared' }, { type: 'removed' }])
    // @ts-expect-error -- nor before
    given(counter, { type: 'removed' })
    // @ts-expect-error -- its payload has no `by`
    given(counter).when({ type: 'added', payload: { note: 'x' } })
    // @ts-expect-error -- its payload is missing
    given(counter).when({ type: 'added' })
    // @ts-expect-error -- an event has no colour
    given(counter).when({ type: 'cleared', colour: 'red' })
  }
  expectTypeOf(check).toBeFunction()
})

test('the state that is expected is a state of the processor', () => {
  const check = () => {
    given(counter).when([]).then({ sum: 7 })
    // @ts-expect-error -- not a sum
    given(counter).when([]).then({ sum: 'seven' })
    given(counter)
      .when([])
      .thenState((state) => expectTypeOf(state).toEqualTypeOf<{ sum: number }>())
  }
  expectTypeOf(check).toBeFunction()
})
