import { describe, expect, test, vi } from 'vitest'
import { createStreamDB } from './create-stream-db.ts'
import { anyRow, change, control, insert, live, rowsOf, scripted, state, update } from './database-testing.ts'
import { createStateSchema } from './schema.ts'
import { ScriptedSource } from './source-testing.ts'

// Points 15 to 18 of the design page (StreamDB), and what is asked for; the first nine are in points.test.ts.

describe('15. resume', () => {
  test('shows what was kept at once, and reads on from its place', async () => {
    const { db: before } = await live([insert('user', '1'), insert('post', '1')])
    const kept = JSON.parse(JSON.stringify(before.snapshot()))
    const { db, source } = scripted({ from: kept })
    const loaded = db.preload()
    expect([rowsOf(db.collections.users), db.collections.users.status]).toEqual([{ 1: { id: '1' } }, 'loading'])
    await source.push([update('user', '1', { id: '1', age: 1 })], { place: { offset: '3', life: 'first' } })
    await loaded
    expect(source.openings).toEqual([{ live: true, from: { offset: '2', life: 'first' } }])
    expect([rowsOf(db.collections.users), db.offset]).toEqual([{ 1: { id: '1', age: 1 } }, '3'])
  })

  test('a snapshot has nothing of a transaction that is not whole', async () => {
    const { db, source } = await live([insert('user', '1')])
    await source.push([insert('user', '2', { id: '2' }, 'open')], { upToDate: false })
    expect(db.snapshot()).toEqual({
      place: { offset: '1', life: 'first' },
      rows: { users: [['1', { id: '1' }]], posts: [] },
    })
  })

  test('there is none before anything was read', () => {
    expect(scripted().db.snapshot()).toBeNull()
  })

  test('rows of a collection that is not in the state are refused', () => {
    const from = { place: { offset: '1' }, rows: { cats: [] } }
    expect(() => scripted({ from })).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST', details: { reason: 'from', value: 'cats' } }),
    )
  })

  test('without live it is over when it is up to date, and preload reads on', async () => {
    const { db, source } = await live([insert('user', '1')], { live: false })
    expect([db.status, source.isOpen, db.collections.users.status]).toEqual(['idle', false, 'ready'])
    const again = db.preload()
    await vi.waitFor(() => expect(source.isOpen).toBe(true))
    await source.push([insert('user', '2')])
    await again
    expect(source.openings[1]).toEqual({ live: false, from: { offset: '1', life: 'first' } })
    expect([...db.collections.users.keys()]).toEqual(['1', '2'])
  })
})

describe('16. snapshots', () => {
  test('replace all rows at once, at their end', async () => {
    const { db, source } = await live([insert('user', '1'), insert('user', '2'), insert('post', '1')])
    const seen: unknown[] = []
    const look = () => seen.push([[...db.collections.users.keys()], [...db.collections.posts.keys()]])
    db.collections.users.subscribeChanges(look)
    await source.push([control('snapshot-start'), insert('user', '2', { id: '2', age: 1 }, 'x'), insert('user', '3')])
    await source.push([change('delete', 'user', '3'), insert('user', '4')])
    const told = vi.fn<() => void>()
    const waited = db.utils.awaitTxId('x').then(told)
    // Had it been seen, it would be told in the turn after.
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).not.toHaveBeenCalled()
    expect([seen, db.offset, db.collections.users.size]).toEqual([[], '3', 2])
    await source.push([control('snapshot-end'), insert('user', '5')])
    await waited
    expect(seen).toEqual([[['2', '4', '5'], []]])
    expect(rowsOf(db.collections.users)['2']).toEqual({ id: '2', age: 1 })
  })

  test('one that begins anew, is reset or never began says nothing of its own', async () => {
    const { db, source } = await live([insert('user', '1')])
    await source.push([control('snapshot-end')])
    expect([...db.collections.users.keys()]).toEqual(['1'])
    const anew = [control('snapshot-start'), insert('user', '2'), control('snapshot-start'), insert('user', '3')]
    await source.push([...anew, control('snapshot-end')])
    expect([...db.collections.users.keys()]).toEqual(['3'])
    await source.push([control('snapshot-start'), insert('user', '4'), control('reset'), control('snapshot-end')])
    expect([...db.collections.users.keys()]).toEqual([])
  })

  test('one that a break has cut is read again from its start', async () => {
    const { db, source } = await live([insert('user', '1')])
    await source.push([control('snapshot-start'), insert('user', '2')])
    await source.fail(new Error('gone'))
    const again = db.preload()
    await vi.waitFor(() => expect(source.isOpen).toBe(true))
    expect(source.openings[1]?.from).toEqual({ offset: '1', life: 'first' })
    await source.push([control('snapshot-start'), insert('user', '2'), control('snapshot-end')])
    await again
    expect([...db.collections.users.keys()]).toEqual(['2'])
  })
})

describe('17. a long history', () => {
  test('is shown as it comes, with its progress, and nothing waits inside the collections', async () => {
    const progress: unknown[] = []
    const { db, source } = scripted({ onProgress: (it) => progress.push(it) })
    const loaded = db.preload()
    for (let piece = 0; piece < 3; piece++) {
      const messages = Array.from({ length: 100 }, (_, at) => insert('user', String(at % 10), { id: at, age: piece }))
      await source.push(messages, { upToDate: false })
      // At once, and then each time when as much again has come.
      const seen = [0, 1, 1][piece]
      expect([db.collections.users.size, db.collections.users.get('0')?.age, db.status]).toEqual([10, seen, 'loading'])
      expect(db.collections.users._state.pendingSyncedTransactions).toEqual([])
    }
    await source.push([])
    await loaded
    expect(db.collections.users.get('0')?.age).toBe(2)
    expect(progress).toEqual([
      { messages: 100, rows: 10, offset: '100', upToDate: false },
      { messages: 200, rows: 10, offset: '200', upToDate: false },
      { messages: 300, rows: 10, offset: '300', upToDate: false },
      { messages: 300, rows: 10, offset: '300', upToDate: true },
    ])
    await source.push([insert('user', '1')])
    expect(progress).toHaveLength(4)
  })

  test('a transaction that is longer than may be kept back is shown in part, and that is said', async () => {
    const { db, source, problems } = await live([], { maxTransactionMessages: 2 })
    const open = [1, 2, 3].map((key) => insert('user', String(key), {}, 'x'))
    await source.push(open, { upToDate: false })
    expect([db.collections.users.size, problems.map(({ kind }) => kind)]).toEqual([3, ['transaction']])
    const waited = db.utils.awaitTxId('x')
    await source.push([insert('user', '4', {}, 'x')])
    await waited
    expect(db.collections.users.size).toBe(4)
  })
})

describe('18. the end of the stream', () => {
  test('is a status; all rows stay, and who waits for more is refused', async () => {
    const { db, source } = await live([insert('user', '1')])
    const waited = Promise.allSettled([db.utils.awaitTxId('x', 1e9)])
    await source.push([insert('user', '2')], { closed: true })
    expect((await waited)[0]).toMatchObject({ status: 'rejected', reason: { details: { reason: 'ended' } } })
    expect([db.status, db.error, db.collections.users.status]).toEqual(['closed', undefined, 'ready'])
    expect([...db.collections.users.keys()]).toEqual(['1', '2'])
    await expect(db.utils.awaitTxId('x', 1e9)).rejects.toMatchObject({ details: { reason: 'ended' } })
    await db.preload()
    expect(source.openings).toHaveLength(1)
  })

  test('that is there at once loads it all', async () => {
    const { db, source } = scripted()
    const loaded = db.preload()
    await source.push([insert('user', '1', {}, 'x')], { upToDate: false, closed: true })
    await loaded
    expect([db.status, db.collections.users.size]).toEqual(['closed', 1])
  })
})

describe('what is asked for', () => {
  test('is one stream', () => {
    const source = new ScriptedSource()
    const refusal = expect.objectContaining({ code: 'BAD_REQUEST' })
    expect(() => createStreamDB({ state })).toThrow(refusal)
    expect(() => createStreamDB({ state, source, streamOptions: { url: 'http://a.test/s' } })).toThrow(refusal)
  })

  test('is made known by its stream: two of one name are two collections', () => {
    const ids = ['a', 'b'].map((id) => {
      const users = { schema: anyRow, type: 'user', primaryKey: 'id' }
      return createStreamDB({ state: createStateSchema({ users }), source: new ScriptedSource(id) }).collections.users
        .id
    })
    expect(ids).toEqual(['stream-db:a:users', 'stream-db:b:users'])
  })
})
