import { DurableStream } from '@durable-streams/client'
import { expect, test, vi } from 'vitest'
import { createStreamDB } from './create-stream-db.ts'
import { deferred, insert, refusalOf, rowsOf, state, update } from './database-testing.ts'
import { ScriptedSource } from './source-testing.ts'

// Actions: what they do here is seen at once, and gives way to what the stream says, or to nothing when sending fails.

async function withActions(send: () => Promise<unknown>) {
  const source = new ScriptedSource()
  const db = createStreamDB({
    state,
    source,
    actions: ({ db: it }) => ({
      rename: {
        onMutate: ({ id, name }: { id: string; name: string }) => {
          it.collections.users.update(id, (user) => void (user.name = name))
        },
        mutationFn: send,
      },
      add: {
        onMutate: (id: string) => void it.collections.users.insert({ id, name: 'here' }),
        mutationFn: send,
      },
    }),
  })
  const loaded = db.preload()
  await source.push([insert('user', '1', { id: '1', name: 'old' }), insert('post', '1', { id: '1', name: 'old' })])
  await loaded
  return { db, source }
}

test('an action is seen at once, and nothing flickers when the stream says it and the action waits for that', async () => {
  const sent = deferred()
  const { db, source } = await withActions(async () => {
    await sent.promise
    await db.utils.awaitTxId('x')
  })
  const seen: unknown[] = []
  db.collections.users.subscribeChanges(() => seen.push(db.collections.users.get('1')?.name))
  const action = db.actions.rename({ id: '1', name: 'new' })
  expect(db.collections.users.get('1')?.name).toBe('new')
  expect(db.snapshot()?.rows.users).toEqual([['1', { id: '1', name: 'old' }]])
  sent.resolve()
  await source.push([update('user', '1', { id: '1', name: 'new' }, 'x')])
  await action.isPersisted.promise
  expect(new Set(seen)).toEqual(new Set(['new']))
  expect(db.snapshot()?.rows.users).toEqual([['1', { id: '1', name: 'new' }]])
  expect(rowsOf(db.collections.users)).toEqual({ 1: { id: '1', name: 'new' } })
})

test('an action that fails is taken back', async () => {
  const { db } = await withActions(() => Promise.reject(new Error('not sent')))
  const action = db.actions.add('2')
  const failed = refusalOf(action.isPersisted.promise)
  expect([...db.collections.users.keys()]).toEqual(['1', '2'])
  expect(await failed).toEqual(new Error('not sent'))
  expect([...db.collections.users.keys()]).toEqual(['1'])
})

test('a row that was added here and comes over the stream as another is that of the stream', async () => {
  const { db, source } = await withActions(() => db.utils.awaitTxId('x'))
  const action = db.actions.add('2')
  await source.push([insert('user', '2', { id: '2', name: 'there' }), update('user', '2', { id: '2', age: 1 }, 'x')])
  await action.isPersisted.promise
  expect(rowsOf(db.collections.users)['2']).toEqual({ id: '2', age: 1 })
})

test('rows that come while an action is under way are there when it is over, all of them', async () => {
  const sent = deferred()
  const { db, source } = await withActions(() => sent.promise)
  const action = db.actions.rename({ id: '1', name: 'new' })
  await source.push([insert('user', '2'), insert('post', '2')])
  await source.push([insert('user', '3'), update('user', '2', { id: '2', age: 1 })])
  sent.resolve()
  await action.isPersisted.promise
  await vi.waitFor(() => expect([...db.collections.users.keys()]).toEqual(['1', '2', '3']))
  expect(rowsOf(db.collections.users)['2']).toEqual({ id: '2', age: 1 })
})

test('a close while an action is under way leaves nothing behind', async () => {
  const sent = deferred()
  const { db, source } = await withActions(() => sent.promise)
  const action = db.actions.rename({ id: '1', name: 'new' })
  await source.push([insert('user', '2')])
  await db.close()
  sent.resolve()
  await Promise.allSettled([action.isPersisted.promise])
  expect([db.status, db.collections.users.size]).toEqual(['stopped', 0])
})

test.each<[string, unknown]>([
  ['no mutationFn', { onMutate: () => undefined }],
  ['no onMutate', { mutationFn: () => Promise.resolve() }],
  ['nothing', null],
])('an action with %s is refused by name', (_, rename) => {
  const actions = () => ({ rename })
  expect(() => createStreamDB({ state, source: new ScriptedSource(), actions: actions as never })).toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST', details: { reason: 'action', action: 'rename' } }),
  )
})

test('actions are made with the stream that was given, and stay as they are', () => {
  const stream = new DurableStream({ url: 'http://a.test/s' })
  const given: unknown[] = []
  const db = createStreamDB({
    state,
    stream,
    actions: (context) => {
      given.push(context.stream, context.db.stream)
      return { send: { onMutate: () => undefined, mutationFn: () => Promise.resolve() } }
    },
  })
  expect([given.every((one) => one === stream), db.stream === stream]).toEqual([true, true])
  expect(Object.isFrozen(db.actions)).toBe(true)
})
