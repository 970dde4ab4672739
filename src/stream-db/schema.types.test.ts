import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  type ChangeEvent,
  type CollectionDefinition,
  type InputOf,
  type RowOf,
  type StateEvent,
  type StreamStateDefinition,
  createStateSchema,
  isChangeEvent,
  readMessage,
} from './index.ts'

// Pure types: nothing here runs to any effect; the compiler is the test.

interface User {
  id: string
  joined: Date
  role: string
}
interface Written {
  id: string
  joined: string
  role?: string | undefined
}

const user = z.object({
  id: z.string(),
  joined: z.string().transform((text) => new Date(text)),
  role: z.string().default('viewer'),
})
const definition = {
  users: { schema: user, type: 'user', primaryKey: 'id' },
  notes: { schema: z.object({ id: z.number() }), type: 'note', primaryKey: 'id' },
}
const schema = createStateSchema(definition)

test('rows are what a schema makes, and helpers take what it takes', () => {
  expectTypeOf<RowOf<typeof definition.users>>().toEqualTypeOf<User>()
  expectTypeOf<InputOf<typeof definition.users>>().toEqualTypeOf<Written>()
  expectTypeOf<RowOf<typeof schema.users>>().toEqualTypeOf<User>()
  expectTypeOf(schema.users.insert).returns.toEqualTypeOf<ChangeEvent<Written>>()
  expectTypeOf(schema.users.awaited.upsert).returns.toEqualTypeOf<Promise<ChangeEvent<Written>>>()
  expectTypeOf(schema.notes.update).parameter(0).toHaveProperty('oldValue')
  const value = { id: '1', joined: '2026-01-01' }
  schema.users.insert({ value, headers: { txid: 'a' } })
  // @ts-expect-error -- a date is what is read, not what is written
  expectTypeOf(schema.users.insert).toBeCallableWith({ value: { id: '1', joined: new Date() } })
  // @ts-expect-error -- an insert has no old value
  schema.users.insert({ value, oldValue: value })
  // @ts-expect-error -- no such collection
  expectTypeOf(schema.accounts).toBeObject()
})

test('a schema is a definition again, and a definition of something is one of anything', () => {
  expectTypeOf(schema).toExtend<StreamStateDefinition>()
  expectTypeOf<CollectionDefinition<User, Written>>().toExtend<CollectionDefinition>()
})

test('a message is read before it is known', () => {
  expectTypeOf(readMessage).parameter(0).toBeUnknown()
  const event = readMessage(schema.notes.delete({ key: '1' })) as StateEvent<{ id: number }>
  if (isChangeEvent(event)) expectTypeOf(event).toEqualTypeOf<ChangeEvent<{ id: number }>>()
  else expectTypeOf(event.headers.control).toEqualTypeOf<'snapshot-start' | 'snapshot-end' | 'reset'>()
})
