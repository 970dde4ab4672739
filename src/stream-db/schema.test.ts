import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { itxErrorDetails } from '../streams/errors.ts'
import { type StateEvent, isChangeEvent, readMessage } from './messages.ts'
import { createStateSchema } from './schema.ts'
import type { StandardSchema } from './standard-schema.ts'

// Guards against events that would be poison, or belong to another row, for whoever reads them.

const user = z.object({ id: z.string(), name: z.string().min(1), role: z.string().default('viewer') })
const schema = createStateSchema({ users: { schema: user, type: 'user', primaryKey: 'id' } })
const ann = { id: '1', name: 'Ann' }

/** Says yes to everything, so that the helpers are on their own. */
const anything: StandardSchema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }
const loose = createStateSchema({ things: { schema: anything, type: 'thing', primaryKey: 'id' } }).things

function refused(make: () => unknown): unknown {
  try {
    return make()
  } catch (error) {
    return { message: (error as Error).message, ...itxErrorDetails(error) }
  }
}

describe('a helper', () => {
  test('makes the event of its operation, with the key of the value', () => {
    expect(schema.users.insert({ value: ann })).toStrictEqual({
      type: 'user',
      key: '1',
      value: ann,
      headers: { operation: 'insert' },
    })
    expect(schema.users.update({ value: ann, oldValue: { id: '1', name: 'An' } })).toStrictEqual({
      type: 'user',
      key: '1',
      value: ann,
      old_value: { id: '1', name: 'An' },
      headers: { operation: 'update' },
    })
    expect(schema.users.upsert({ key: 'me', value: ann })).toMatchObject({
      key: 'me',
      headers: { operation: 'upsert' },
    })
    expect(schema.users.delete({ oldValue: ann })).toStrictEqual({
      type: 'user',
      key: '1',
      old_value: ann,
      headers: { operation: 'delete' },
    })
    expect(schema.users.delete({ key: '2' })).toStrictEqual({
      type: 'user',
      key: '2',
      headers: { operation: 'delete' },
    })
  })

  test('makes an event that survives JSON as it is', () => {
    const event = schema.users.update({ value: ann, headers: { txid: 'a' } })
    expect(readMessage(JSON.parse(JSON.stringify(event)))).toStrictEqual(event)
  })

  test('passes headers on, txid among them, and keeps operation for itself', () => {
    const headers = { txid: 'a', from: 'me', operation: 'delete' }
    expect(schema.users.insert({ value: ann, headers }).headers).toEqual({ txid: 'a', from: 'me', operation: 'insert' })
    expect(headers.operation).toBe('delete')
  })

  test('writes the value as it was given: what the schema makes of it is for readers', () => {
    const event: StateEvent = schema.users.insert({ value: ann })
    expect(isChangeEvent(event) && event.value).toBe(ann)
    expect(event).not.toHaveProperty('value.role')
  })

  test.each([
    [7, '7'],
    [0, '0'],
    [10n, '10'],
    [false, 'false'],
    ['a b', 'a b'],
  ])('takes the primary key %o for the key %j, and leaves it in the row as it is', (id, key) => {
    expect(loose.insert({ value: { id } })).toMatchObject({ key, value: { id } })
  })

  test.each([undefined, null, '', Number.NaN, {}, []])('refuses the primary key %j', (id) => {
    const shown = expect.stringContaining('no key is given, and id of value is ')
    expect(refused(() => loose.insert({ value: { id } }))).toMatchObject({ message: shown, reason: 'key' })
    expect(loose.insert({ key: 'k', value: { id } }).key).toBe('k')
  })

  test('refuses a value that is no row unless a key is given, and takes no key from a prototype', () => {
    expect(refused(() => loose.insert({ value: 'text' }))).toMatchObject({ reason: 'key' })
    expect(loose.insert({ key: 'k', value: 'text' }).value).toBe('text')
    const named = createStateSchema({ things: { schema: anything, type: 'thing', primaryKey: 'id' } }).things
    expect(refused(() => named.insert({ value: Object.create({ id: 'x' }) }))).toMatchObject({ reason: 'key' })
  })

  test('refuses a delete without key and old value, or with an old value that has none', () => {
    const message = 'delete of "thing": no key is given, and id of oldValue is undefined'
    expect(refused(() => loose.delete({}))).toEqual({
      message,
      reason: 'key',
      type: 'thing',
      operation: 'delete',
      primaryKey: 'id',
    })
    expect(refused(() => loose.delete({ oldValue: {} }))).toMatchObject({ message })
  })

  test.each([
    [{ key: '', value: {} }, 'key', 'insert of "thing": key is ""; a string that is not empty'],
    [{ key: 5 as never, value: {} }, 'key', 'insert of "thing": key is 5; a string that is not empty'],
    [{ key: 'k', value: undefined }, 'message', 'insert of "thing": insert has no value'],
    [
      { key: 'k', value: 1, headers: { txid: '' } },
      'message',
      'insert of "thing": txid is ""; a string that is not empty',
    ],
    [
      { key: 'k', value: 1, headers: { control: 'reset' } },
      'message',
      'insert of "thing": headers have both control and operation',
    ],
  ])('never makes poison: %o', (params, reason, message) => {
    expect(refused(() => loose.insert(params))).toEqual({ message, reason, type: 'thing', operation: 'insert' })
  })

  test('refuses what the schema refuses, the old value too', () => {
    const nameless = { id: '1', name: '' }
    const invalid = { reason: 'invalid', type: 'user', issues: [expect.any(String)] }
    expect(refused(() => schema.users.insert({ value: nameless }))).toMatchObject({
      ...invalid,
      field: 'value',
      message: expect.stringMatching(/^insert of "user": value is not valid: name: /),
    })
    const old = { ...invalid, field: 'oldValue' }
    expect(refused(() => schema.users.update({ value: ann, oldValue: nameless }))).toMatchObject(old)
    expect(refused(() => schema.users.delete({ key: '1', oldValue: nameless }))).toMatchObject(old)
    expect(refused(() => schema.users.upsert({ value: nameless }))).toMatchObject({ ...invalid, operation: 'upsert' })
  })
})

describe('an asynchronous schema', () => {
  const free = z.object({ id: z.string() }).refine(async ({ id }) => id !== 'taken', 'is taken')
  const { names } = createStateSchema({ names: { schema: free, type: 'name', primaryKey: 'id' } })

  test('is refused by helpers that cannot wait, right or wrong', () => {
    const message = 'the schema of "name" is asynchronous: use awaited.insert'
    for (const id of ['a', 'taken']) {
      expect(refused(() => names.insert({ value: { id } }))).toMatchObject({ message, reason: 'async-schema' })
    }
    expect(names.delete({ key: 'a' }).key).toBe('a')
  })

  test('is waited for under `awaited`, where any schema will do', async () => {
    expect(await names.awaited.insert({ value: { id: 'a' } })).toEqual({
      type: 'name',
      key: 'a',
      value: { id: 'a' },
      headers: { operation: 'insert' },
    })
    await expect(names.awaited.insert({ value: { id: 'taken' } })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      message: 'insert of "name": value is not valid: is taken',
    })
    await expect(names.awaited.update({ value: { id: 'a' }, oldValue: { id: 'taken' } })).rejects.toMatchObject({
      details: { reason: 'invalid', field: 'oldValue' },
    })
    expect(await schema.users.awaited.upsert({ value: ann })).toEqual(schema.users.upsert({ value: ann }))
    await expect(schema.users.awaited.delete({})).rejects.toMatchObject({ details: { reason: 'key' } })
  })
})

describe('a schema of a stream', () => {
  const thing = { schema: anything, type: 'thing', primaryKey: 'id' }

  test('keeps its definitions', () => {
    expect(schema.users).toMatchObject({ schema: user, type: 'user', primaryKey: 'id' })
  })

  test.each(['collections', 'preload', 'close', 'utils', 'actions'])('has no collection %s', (name) => {
    expect(refused(() => createStateSchema({ [name]: thing }))).toEqual({
      message: `collection "${name}": "${name}" is a reserved name (collections, preload, close, utils, actions)`,
      reason: 'reserved-name',
      collection: name,
    })
  })

  test('may name a collection after anything else', () => {
    const odd = createStateSchema(JSON.parse('{"__proto__":{"type":"p"},"constructor":{"type":"c"}}', withSchema))
    expect(Object.keys(odd)).toEqual(['__proto__', 'constructor'])
  })

  test('has one collection for a type', () => {
    expect(refused(() => createStateSchema({ a: thing, b: { ...thing, primaryKey: 'x' } }))).toEqual({
      message: 'collection "b": type "thing" is a duplicate: "a" has it already',
      reason: 'duplicate-type',
      collection: 'b',
      value: 'thing',
    })
  })

  test.each([
    [undefined, 'type is undefined; a string that is not empty'],
    [{ ...thing, type: '' }, 'type is ""; a string that is not empty'],
    [{ ...thing, primaryKey: 5 }, 'primaryKey is 5; a string that is not empty'],
    [{ ...thing, schema: undefined }, "schema is undefined; a Standard Schema, with '~standard'.validate"],
    [{ ...thing, schema: { '~standard': {} } }, "schema is an object; a Standard Schema, with '~standard'.validate"],
  ])('refuses the definition %o', (definition, what) => {
    expect(refused(() => createStateSchema({ things: definition as never }))).toMatchObject({
      message: `collection "things": ${what}`,
      reason: 'definition',
      collection: 'things',
    })
  })

  function withSchema(this: unknown, _: string, value: unknown): unknown {
    return typeof value === 'object' && value !== null && 'type' in value ? { ...thing, ...value } : value
  }
})
