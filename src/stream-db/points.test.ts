import { createLiveQueryCollection, eq } from '@tanstack/db'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createStreamDB } from './create-stream-db.ts'
import {
  change,
  control,
  deferred,
  insert,
  live,
  plain,
  refusalOf,
  rowsOf,
  scripted,
  state,
  update,
} from './database-testing.ts'
import { ScriptedSource } from './source-testing.ts'

// The first nine points of the design page (StreamDB) by number; what the published database does with the same is in
// published-database.test.ts.

afterEach(() => vi.useRealTimers())

describe('1. reset', () => {
  test('empties all collections at once, and later rows arrive', async () => {
    const { db, source } = await live([insert('user', '1'), insert('post', '1')])
    await source.push([control('reset')])
    expect([rowsOf(db.collections.users), rowsOf(db.collections.posts)]).toEqual([{}, {}])
    await source.push([insert('user', '2')])
    expect(rowsOf(db.collections.users)).toEqual({ 2: { id: '2' } })
  })

  test('in the middle of a batch drops what came before it and keeps what comes after', async () => {
    const { db, source } = await live([insert('user', '1')])
    const seen: string[][] = []
    db.collections.users.subscribeChanges(() => seen.push([...db.collections.users.keys()]))
    await source.push([insert('user', '2'), control('reset'), insert('user', '3')])
    expect(seen).toEqual([['3']])
  })
})

describe('2. update', () => {
  const messages = [insert('user', '1', { id: '1', name: 'a', age: 1 }), update('user', '1', { id: '1', age: 2 })]

  test('replaces the row', async () => {
    const { db, source } = await live(messages.slice(0, 1))
    await source.push(messages.slice(1))
    expect(rowsOf(db.collections.users)).toEqual({ 1: { id: '1', age: 2 } })
  })

  test('an insert of a row that is there replaces it, and a delete of one that is not does nothing', async () => {
    const { db, problems } = await live([
      insert('user', '1', { id: '1', name: 'a' }),
      insert('user', '1', { id: '1' }),
      change('delete', 'user', '2'),
    ])
    expect(rowsOf(db.collections.users)).toEqual({ 1: { id: '1' } })
    expect(problems).toEqual([])
  })
})

describe('3. a batch becomes visible in all collections at once', () => {
  const first = [insert('user', '1', { id: '1', age: 1 }), insert('post', '1', { id: '1', age: 1 })]
  const second = [update('user', '1', { id: '1', age: 2 }), update('post', '1', { id: '1', age: 2 })]
  const ages = (db: Awaited<ReturnType<typeof live>>['db']) => [
    db.collections.users.get('1')?.age,
    db.collections.posts.get('1')?.age,
  ]

  test('subscribers of each collection see the others as they will be', async () => {
    const { db, source } = await live(first)
    const seen: unknown[] = []
    db.collections.users.subscribeChanges(() => seen.push(ages(db)))
    db.collections.posts.subscribeChanges(() => seen.push(ages(db)))
    await source.push(second)
    expect(seen).toEqual([
      [2, 2],
      [2, 2],
    ])
  })

  test('a query over two collections never has half of it', async () => {
    const { db, source } = await live(first)
    const { users, posts } = db.collections
    const query = createLiveQueryCollection({
      startSync: true,
      query: (q) =>
        q
          .from({ user: users })
          .join({ post: posts }, ({ user, post }) => eq(user.id, post.id))
          .select(({ user, post }) => ({ user: user?.age, post: post?.age })),
    })
    await query.preload()
    const seen: unknown[] = []
    query.subscribeChanges((changes) => seen.push(changes.map(({ value }) => plain(value))))
    await source.push(second)
    expect(seen).toEqual([[{ user: 2, post: 2 }]])
  })

  test('a transaction over several batches as well', async () => {
    const { db, source } = await live(first)
    const seen: unknown[] = []
    db.collections.users.subscribeChanges(() => seen.push(ages(db)))
    await source.push([update('user', '1', { id: '1', age: 2 }, 'x')], { upToDate: false })
    expect([...seen, ages(db)]).toEqual([[1, 1]])
    await source.push([update('post', '1', { id: '1', age: 2 }, 'x')])
    expect(seen).toEqual([[2, 2]])
  })
})

describe('4. awaitTxId', () => {
  test('resolves when the whole transaction is visible', async () => {
    const { db, source } = await live()
    const waited = db.utils.awaitTxId('x').then(() => [db.collections.users.size, db.collections.posts.size])
    await source.push([insert('user', '1', { id: 1 }, 'x')], { upToDate: false })
    await source.push([insert('post', '1', { id: 1 }, 'x'), insert('post', '2')])
    await expect(waited).resolves.toEqual([1, 2])
    await db.utils.awaitTxId('x', 0)
  })

  test('leaves no timer when it is over', async () => {
    const { db, source } = await live()
    vi.useFakeTimers()
    const waited = db.utils.awaitTxId('x')
    expect(vi.getTimerCount()).toBe(1)
    await source.push([insert('user', '1', { id: 1 }, 'x')])
    await waited
    expect(vi.getTimerCount()).toBe(0)
  })

  test('refuses an id and a time that cannot be', async () => {
    const { db } = await live()
    await expect(db.utils.awaitTxId('')).rejects.toMatchObject({ code: 'BAD_REQUEST', details: { reason: 'txid' } })
    await expect(db.utils.awaitTxId('x', -1)).rejects.toMatchObject({ details: { reason: 'timeout', value: -1 } })
  })

  test('rejects at once when the database is closed or fails, and after', async () => {
    const { db, source } = await live()
    const failing = db.utils.awaitTxId('x', 1e9)
    await source.fail(new Error('no right'))
    await expect(failing).rejects.toThrow('no right')
    await expect(db.utils.awaitTxId('x', 1e9)).rejects.toThrow('no right')
    const other = await live()
    const closing = other.db.utils.awaitTxId('x', 1e9)
    void other.db.close()
    await expect(closing).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'closed' } })
    await expect(other.db.utils.awaitTxId('x', 1e9)).rejects.toMatchObject({ details: { reason: 'closed' } })
  })

  test('does not take a transaction of types that are not shown for one that is', async () => {
    vi.useFakeTimers()
    const { db, source } = await live()
    await source.push([insert('other', '1', {}, 'x')])
    const waited = refusalOf(db.utils.awaitTxId('x', 50))
    await vi.advanceTimersByTimeAsync(50)
    expect(await waited).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'timeout', limit: 50 } })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('5. a message that cannot be used', () => {
  const poison = [
    5,
    { headers: {} },
    { type: 'user', key: '', headers: { operation: 'insert' } },
    insert('user', 'x', 5),
  ]

  test('is skipped, counted and reported, and the rest arrives', async () => {
    const { db, problems } = await live([insert('user', '1'), ...poison, insert('user', '2')])
    expect([...db.collections.users.keys()]).toEqual(['1', '2'])
    expect(db.utils.skipped).toBe(4)
    expect(problems.map(({ kind, offset }) => [kind, offset])).toEqual([
      ['message', '6'],
      ['message', '6'],
      ['message', '6'],
      ['schema', '6'],
    ])
    expect(problems[0]).toMatchObject({ value: 5, message: expect.stringContaining('object') })
  })

  test('stops the database when the caller says so, before anything of its batch is visible', async () => {
    const onError = vi.fn<() => 'stop'>(() => 'stop')
    const { db, source } = await live([insert('user', '1')], { onError })
    await source.push([insert('user', '2'), 5, 6])
    expect(onError).toHaveBeenCalledTimes(1)
    expect(db.status).toBe('error')
    expect(db.error).toMatchObject({ code: 'CONFLICT', details: { reason: 'message', offset: '4' } })
    expect([[...db.collections.users.keys()], db.offset]).toEqual([['1'], '1'])
    expect(source.isOpen).toBe(false)
  })

  test('stops it when whoever is told of errors throws', async () => {
    const failure = new Error('told nobody')
    const { db, source } = await live([], {
      onError: () => {
        throw failure
      },
    })
    await source.push([5])
    expect([db.status, db.error]).toEqual(['error', failure])
  })
})

describe('6. status and error', () => {
  test('can be observed on the whole way', async () => {
    const { db, source } = scripted()
    const seen: string[] = [db.status]
    const stop = db.subscribeStatus(() => seen.push(db.status))
    const loaded = db.preload()
    await source.connected(true)
    await source.push([insert('user', '1')], { upToDate: false })
    await source.push([])
    await loaded
    await source.connected(false)
    await source.connected(true)
    await source.fail(new Error('gone'))
    await db.close()
    expect(seen).toEqual(['idle', 'connecting', 'loading', 'live', 'offline', 'live', 'error', 'stopped'])
    stop()
  })

  test('collections are not ready after a failure', async () => {
    const { db, source } = await live([insert('user', '1')])
    expect(db.collections.users.status).toBe('ready')
    await source.fail(new Error('gone'))
    expect([db.collections.users.status, db.error?.message]).toEqual(['error', 'gone'])
  })
})

describe('7. preload', () => {
  test('is one for all who call it at once, and again', async () => {
    const { db, source } = scripted()
    const both = Promise.all([db.preload(), db.preload()])
    await source.push([insert('user', '1')])
    await both
    await db.preload()
    expect(source.openings).toHaveLength(1)
  })

  test('tries again after a failure, from where it was', async () => {
    const { db, source } = scripted()
    const first = Promise.allSettled([db.preload(), db.preload()])
    await source.push([insert('user', '1')], { upToDate: false })
    await source.fail(new Error('no such stream'))
    expect((await first).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    const second = db.preload()
    await vi.waitFor(() => expect(source.isOpen).toBe(true))
    await source.push([insert('user', '2')])
    await second
    expect(source.openings[1]?.from).toEqual({ offset: '1', life: 'first' })
    expect([db.status, db.error, db.collections.users.status]).toEqual(['live', undefined, 'ready'])
    expect([...db.collections.users.keys()]).toEqual(['1', '2'])
  })

  test('rejects when the source cannot be opened', async () => {
    const source = new ScriptedSource()
    source.open = () => {
      throw new Error('is being read already')
    }
    const db = createStreamDB({ state, source })
    await expect(db.preload()).rejects.toThrow('is being read already')
    expect(db.status).toBe('error')
  })
})

describe('8. a hook that throws', () => {
  const broken = () => {
    throw new Error('broken')
  }

  test('is reported, and all goes on', async () => {
    const options = { onEvent: broken, onBeforeBatch: broken, onBatch: broken, onProgress: broken }
    const { db, source, problems } = await live([insert('user', '1')], options)
    expect(problems.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
      'hook: onBeforeBatch threw: broken',
      'hook: onEvent threw: broken',
      'hook: onBatch threw: broken',
      'hook: onProgress threw: broken',
    ])
    await source.push([insert('user', '2')])
    expect(db.collections.users.size).toBe(2)
  })

  test('one that answers a promise which rejects, a listener or a subscriber of changes too', async () => {
    const later = deferred()
    const { db, source, problems } = await live([], { onBatch: () => later.promise as never })
    const told = vi.fn<() => void>()
    db.collections.users.subscribeChanges(broken)
    db.collections.users.subscribeChanges(told)
    db.collections.posts.subscribeChanges(told)
    await source.push([insert('user', '1'), insert('post', '1')])
    expect(told).toHaveBeenCalledTimes(2)
    await source.push([insert('user', '2')])
    expect(problems.map(({ kind }) => kind)).toEqual(['subscriber', 'subscriber'])
    later.reject(new Error('later'))
    await vi.waitFor(() => expect(problems.filter(({ kind }) => kind === 'hook').length).toBeGreaterThan(0))
    expect([db.status, db.collections.users.size]).toEqual(['live', 2])
  })
})

describe('9. offset', () => {
  test('advances after what was read is visible, and not past an open transaction', async () => {
    const { db, source } = await live([insert('user', '1')])
    const seen: unknown[] = []
    db.collections.users.subscribeChanges(() => seen.push(db.offset))
    await source.push([insert('user', '2')])
    expect([seen, db.offset]).toEqual([['1'], '2'])
    await source.push([insert('user', '3', { id: 3 }, 'x')], { upToDate: false })
    expect(db.offset).toBe('2')
    await source.push([])
    expect(db.offset).toBe('3')
  })
})
