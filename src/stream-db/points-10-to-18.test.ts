import { z } from 'zod'
import { describe, expect, test, vi } from 'vitest'
import { createStreamDB } from './create-stream-db.ts'
import {
  anyRow,
  change,
  control,
  deferred,
  insert,
  live,
  refusalOf,
  rowsOf,
  scripted,
  state,
  update,
} from './database-testing.ts'
import type { StreamDBProblem } from './database-options.ts'
import { createStateSchema } from './schema.ts'
import { ScriptedSource } from './source-testing.ts'

// The other points of the design page (StreamDB); the first nine are in points.test.ts.

describe('10. a new life of the stream', () => {
  test('drops what the old one said and reads the new one', async () => {
    const { db, source } = await live([insert('user', '1', { id: '1' }, 'x'), insert('post', '1')])
    await source.push([insert('user', '2', { id: '2' }, 'open')], { upToDate: false })
    await source.restart()
    expect([db.status, db.offset, db.place]).toEqual(['loading', '-1', undefined])
    expect([rowsOf(db.collections.users), rowsOf(db.collections.posts)]).toEqual([{}, {}])
    const again = db.preload()
    await source.push([insert('user', '3')])
    await again
    expect([db.status, rowsOf(db.collections.users)]).toEqual(['live', { 3: { id: '3' } }])
  })

  test('has transactions of its own, and who waits goes on waiting', async () => {
    const { db, source } = await live([insert('user', '1', {}, 'old')])
    const waited = db.utils.awaitTxId('new')
    await source.restart()
    vi.useFakeTimers()
    const old = refusalOf(db.utils.awaitTxId('old', 10))
    await vi.advanceTimersByTimeAsync(10)
    vi.useRealTimers()
    expect(await old).toMatchObject({ details: { reason: 'timeout' } })
    await source.push([insert('user', '1', {}, 'new')])
    await waited
  })

  test('that began while the database was away voids what was kept', async () => {
    const { db: before } = await live([insert('user', '1')])
    const from = before.snapshot() ?? undefined
    const { db, source } = scripted({ from })
    void db.preload()
    expect(rowsOf(db.collections.users)).toEqual({ 1: { id: '1' } })
    await source.restart()
    await source.push([insert('user', '2')])
    expect(rowsOf(db.collections.users)).toEqual({ 2: { id: '2' } })
  })
})

describe('11. close', () => {
  test('gives back what collections hold and refuses those who wait', async () => {
    const { db, source } = await live([insert('user', '1')])
    const waited = Promise.allSettled([db.utils.awaitTxId('x', 1e9)])
    await db.close()
    await db.close()
    expect((await waited)[0]).toMatchObject({ status: 'rejected', reason: { details: { reason: 'closed' } } })
    expect([db.status, db.collections.users.status, db.collections.users.size]).toEqual(['stopped', 'cleaned-up', 0])
    expect([source.isOpen, db.snapshot(), db.offset]).toEqual([false, null, '-1'])
  })

  test('refuses a preload that is under way', async () => {
    const { db } = scripted()
    const loading = refusalOf(db.preload())
    void db.close()
    expect(await loading).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'closed' } })
  })

  test('lets it be opened again, from the start', async () => {
    const { db, source } = await live([insert('user', '1'), insert('user', '2')])
    void db.close()
    const loaded = db.preload()
    await vi.waitFor(() => expect(source.isOpen).toBe(true))
    await source.push([insert('user', '2')])
    await loaded
    expect(source.openings).toEqual([{ live: true }, { live: true }])
    expect([db.status, db.collections.users.status]).toEqual(['live', 'ready'])
    expect([...db.collections.users.keys()]).toEqual(['2'])
  })

  test('waits for the reading before it, and has nothing of what that kept back', async () => {
    const { db, source } = await live([insert('user', '1')])
    await source.push([insert('user', 'open', {}, 'x')], { upToDate: false })
    const ending = deferred()
    source.ending = ending.promise
    void db.close()
    const loaded = db.preload()
    await new Promise((resolve) => setImmediate(resolve))
    expect([source.openings.length, db.status]).toEqual([1, 'connecting'])
    ending.resolve()
    await vi.waitFor(() => expect(source.openings).toHaveLength(2))
    await source.push([insert('user', '2')])
    await loaded
    expect([...db.collections.users.keys()]).toEqual(['2'])
  })

  test('by a subscriber, in the middle of what is being told, is a close', async () => {
    const { db, source } = await live([insert('user', '1')])
    db.collections.users.subscribeChanges(() => void db.close())
    await source.push([insert('user', '2')])
    expect([db.status, db.offset, db.place]).toEqual(['stopped', '-1', undefined])
  })

  test('leaves no effect of what was under way', async () => {
    const answer = deferred<{ value: object }>()
    const slow = { '~standard': { version: 1 as const, vendor: 'test', validate: () => answer.promise } }
    const source = new ScriptedSource()
    const onBatch = vi.fn<() => void>()
    const slowly = createStateSchema({ users: { schema: slow, type: 'user', primaryKey: 'id' } })
    const db = createStreamDB({ state: slowly, source, onBatch })
    const loading = Promise.allSettled([db.preload()])
    const pushed = source.push([insert('user', '1')])
    await Promise.resolve()
    const closed = db.close()
    answer.resolve({ value: { id: '1' } })
    await Promise.all([closed, pushed, loading])
    expect([onBatch.mock.calls.length, db.collections.users.size, db.status]).toEqual([0, 0, 'stopped'])
  })

  test('a collection that was given back alone gets its rows again from the database', async () => {
    const { db } = await live([insert('user', '1')])
    await db.collections.users.cleanup()
    db.collections.users.startSyncImmediate()
    expect([db.collections.users.status, rowsOf(db.collections.users)]).toEqual(['ready', { 1: { id: '1' } }])
  })
})

describe('12. schemas on read', () => {
  const schemas = createStateSchema({
    users: {
      schema: z.object({
        id: z.string(),
        name: z.string().default('nobody'),
        born: z.string().transform((text) => new Date(text)),
      }),
      type: 'user',
      primaryKey: 'id',
    },
    posts: {
      schema: z.object({ id: z.string() }).refine(({ id }) => Promise.resolve(id !== 'bad')),
      type: 'post',
      primaryKey: 'id',
    },
  })

  test('are enforced, with defaults and transforms', async () => {
    const source = new ScriptedSource()
    const onError = vi.fn<(problem: StreamDBProblem) => void>()
    const db = createStreamDB({ state: schemas, source, onError })
    void db.preload()
    const born = '2026-01-01T00:00:00.000Z'
    await source.push([insert('user', '1', { id: '1', born }), insert('user', '2', { id: 2, born })])
    expect(rowsOf(db.collections.users)).toEqual({ 1: { id: '1', name: 'nobody', born: new Date(born) } })
    expect(onError.mock.calls).toEqual([[expect.objectContaining({ kind: 'schema', offset: '2' })]])
    expect(onError.mock.calls[0]?.[0].message).toMatch(/^user "2": id: /)
  })

  test('are waited for when they are asynchronous, in order', async () => {
    const source = new ScriptedSource()
    const db = createStreamDB({ state: schemas, source })
    void db.preload()
    await source.push([
      insert('post', 'bad', { id: 'bad' }),
      insert('post', '1', { id: '1' }),
      change('delete', 'post', '1'),
    ])
    await source.push([insert('post', '2', { id: '2' })])
    expect([rowsOf(db.collections.posts), db.utils.skipped]).toEqual([{ 2: { id: '2' } }, 1])
  })

  test('may say that all is well with issues that are undefined', async () => {
    const fine = { value: { id: '1' }, issues: undefined }
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: () => fine } }
    const source = new ScriptedSource()
    const db = createStreamDB({
      state: createStateSchema({ users: { schema, type: 'user', primaryKey: 'id' } }),
      source,
    })
    void db.preload()
    await source.push([insert('user', '1')])
    expect([db.collections.users.size, db.utils.skipped]).toEqual([1, 0])
  })
})

describe('13. rows hold what was written', () => {
  test('and nothing else; numbers stay numbers, and the key is that of the event', async () => {
    const { db } = await live([insert('user', '7', { id: 7 }), insert('user', 'x', { name: 'no id' })])
    expect(rowsOf(db.collections.users)).toEqual({ 7: { id: 7 }, x: { name: 'no id' } })
  })
})

test('14. seen transactions are bounded: the last 10,000 are known', async () => {
  const { db, source } = await live()
  await source.push(Array.from({ length: 10_001 }, (_, at) => insert('user', '1', {}, `x${at}`)))
  vi.useFakeTimers()
  await db.utils.awaitTxId('x1', 0)
  const forgotten = refusalOf(db.utils.awaitTxId('x0', 1))
  await vi.advanceTimersByTimeAsync(1)
  vi.useRealTimers()
  expect(await forgotten).toMatchObject({ details: { reason: 'timeout' } })
})

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
