import { z } from 'zod'
import { describe, expect, test, vi } from 'vitest'
import { createStreamDB } from './create-stream-db.ts'
import { change, deferred, insert, live, refusalOf, rowsOf, scripted } from './database-testing.ts'
import type { StreamDBProblem } from './database-options.ts'
import { createStateSchema } from './schema.ts'
import { ScriptedSource } from './source-testing.ts'

// Points 10 to 14 of the design page (StreamDB); the first nine are in points.test.ts.

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
