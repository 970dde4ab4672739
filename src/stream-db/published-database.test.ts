import { createStreamDB as createPublished } from '@durable-streams/state/db'
import { beforeEach, expect, test, vi } from 'vitest'
import type { StreamDB } from './create-stream-db.ts'
import { control, insert, rowsOf, state, update } from './database-testing.ts'

// What the published database (0.3.1) does where ours must not: the same scenarios as in points.test.ts and
// points-10-to-18.test.ts, by the same numbers. One that turns red here was mended there.

// It prints what it does not survive.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))

/** Over a stream that says what it is told. */
function scripted(options: Record<string, unknown> = {}) {
  let told: ((batch: unknown) => unknown) | undefined
  let offset = 0
  const stream = {
    url: 'http://published.test/stream',
    stream: ({ signal }: { signal: AbortSignal }) =>
      Promise.resolve({
        offset: '-1',
        closed: new Promise(() => undefined),
        subscribeJson: (listener: typeof told) => {
          told = listener
          // An aborted reading says nothing more.
          signal.addEventListener('abort', () => (told = undefined))
        },
      }),
  }
  // Its types differ from ours in what TanStack DB adds; what is asked of it here is the same.
  const db = createPublished({ stream, state, ...options } as never) as unknown as StreamDB<typeof state>
  const loaded = db.preload()
  const push = async (items: readonly unknown[], upToDate = true) => {
    offset += items.length
    // Its reading begins a turn after it was asked.
    await Promise.resolve()
    await told?.({ items, offset: String(offset), upToDate })
  }
  return { db, push, loaded }
}

async function live(messages: readonly unknown[] = [], options: Record<string, unknown> = {}) {
  const it = scripted(options)
  await it.push(messages)
  await it.loaded
  return it
}

test('1. a reset leaves the old row and ends it', async () => {
  const { db, push } = await live([insert('user', '1')])
  await push([control('reset')])
  await push([insert('user', '2')])
  expect([...db.collections.users.keys()]).toEqual(['1'])
})

test('2. an update keeps fields that are gone', async () => {
  const { db, push } = await live([insert('user', '1', { id: '1', name: 'a', age: 1 })])
  await push([update('user', '1', { id: '1', age: 2 })])
  expect(db.collections.users.get('1')).toMatchObject({ name: 'a', age: 2 })
})

test('3. subscribers see half of a batch', async () => {
  const { db, push } = await live([insert('user', '1', { age: 1 }), insert('post', '1', { age: 1 })])
  const { users, posts } = db.collections
  const seen: unknown[] = []
  users.subscribeChanges(() => seen.push([users.get('1')?.age, posts.get('1')?.age]))
  await push([update('user', '1', { age: 2 }), update('post', '1', { age: 2 })])
  expect(seen).toEqual([[2, 1]])
})

test('4. a transaction that is not shown counts as seen, and who waits after a close waits in vain', async () => {
  const { db, push } = await live()
  await push([insert('other', '1', {}, 'x')])
  await db.utils.awaitTxId('x')
  vi.useFakeTimers()
  void db.close()
  const settled = vi.fn<() => void>()
  db.utils.awaitTxId('y').catch(settled)
  await vi.advanceTimersByTimeAsync(4000)
  expect(settled).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1000)
  vi.useRealTimers()
})

test('5. and 6. a message that cannot be used loses the batch and ends it, and collections are ready still', async () => {
  const { db, push } = await live([insert('user', '1')])
  await push([insert('user', '2'), insert('user', '3', 5)])
  await push([insert('user', '4')])
  expect([[...db.collections.users.keys()], db.collections.users.status]).toEqual([['1'], 'ready'])
})

test('7. a preload after one that failed waits for ever, though the stream is there by then', async () => {
  const stream = { url: 'http://published.test/late', stream: () => Promise.reject(new Error('not there')) }
  const db = createPublished({ stream, state } as never)
  await expect(db.preload()).rejects.toThrow('not there')
  const asked = vi.spyOn(stream, 'stream').mockRejectedValue(new Error('there'))
  const settled = vi.fn<() => void>()
  db.preload().then(settled, settled)
  await new Promise((resolve) => setImmediate(resolve))
  expect([settled.mock.calls.length, asked.mock.calls.length]).toEqual([0, 0])
})

test('8. a hook that throws ends it', async () => {
  const onEvent = () => {
    throw new Error('broken')
  }
  const { db, push } = await live([], { onEvent })
  await push([insert('user', '1')])
  await push([insert('user', '2')])
  expect(db.collections.users.size).toBe(0)
})

test('9. the offset is there before the rows', async () => {
  const { db, push } = await live([insert('user', '1')])
  const seen: unknown[] = []
  db.collections.users.subscribeChanges(() => seen.push(db.offset))
  await push([insert('user', '2')])
  expect(seen).toEqual(['2'])
})

test('11. closed, it keeps its rows and says it is ready', async () => {
  const { db } = await live([insert('user', '1')])
  await db.close()
  expect([db.collections.users.size, db.collections.users.status]).toEqual([1, 'ready'])
})

test('12. what a schema refuses is shown', async () => {
  const refusing = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [{ message: 'never' }] }) } }
  const { db } = await live([insert('user', '1')], { state: { ...state, users: { ...state.users, schema: refusing } } })
  expect(db.collections.users.has('1')).toBe(true)
})

test('13. rows get a sequence, and their keys become strings', async () => {
  const { db } = await live([insert('user', '7', { id: 7 })])
  expect(rowsOf(db.collections.users)).toEqual({ 7: { id: '7', _seq: 0 } })
})

test('16. a snapshot leaves rows that are not in it', async () => {
  const { db, push } = await live([insert('user', '1')])
  await push([control('snapshot-start'), insert('user', '2'), control('snapshot-end')])
  expect([...db.collections.users.keys()]).toEqual(['1', '2'])
})

test('17. nothing of a long history is shown before all is there', async () => {
  const { db, push, loaded } = scripted()
  await push([insert('user', '1')], false)
  expect(db.collections.users.size).toBe(0)
  await push([])
  await loaded
  expect(db.collections.users.size).toBe(1)
})
