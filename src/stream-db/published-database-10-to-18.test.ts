import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type Door, TestTributary, eventually } from '../server/testing.ts'
import { control, insert, refusalOf, rowsOf, state } from './database-testing.ts'
import { createStateSchema } from './schema.ts'
import { type Contestant, ours, published } from './testing.ts'

// The points of the design page (StreamDB) from 10 on, played with our database and with the published one (0.3.1): see
// published-database.test.ts. What is about the stream itself is played over a server of ours, which both read by its
// address.

let tributary: TestTributary
let door: Door
const opened: { close(): unknown }[] = []
beforeAll(async () => {
  tributary = await TestTributary.start({ TRIBUTARY_LONG_POLL_MS: '500' })
  door = tributary.door('admin')
})
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})
afterAll(() => tributary.stop())

const keys = (collection: { keys(): Iterable<string> }) => [...collection.keys()]
const nameOf = (it: Contestant) => (it === ours ? 'ours' : 'published')

/** Makes the stream when it is not there. */
async function write(path: string, ...messages: unknown[]): Promise<void> {
  await door.put(path)
  expect((await door.post(path, JSON.stringify(messages))).status).toBe(204)
}

/** A database over a stream of the server, and a network of its own that can be cut. */
function over({ over: create }: Contestant, path: string, options: Readonly<Record<string, unknown>> = {}) {
  const statuses: number[] = []
  let cut: PromiseWithResolvers<never> | null = null
  let whole = Promise.withResolvers<never>()
  const network: typeof fetch = async (input, init) => {
    if (cut !== null) throw new TypeError('fetch failed')
    whole.promise.catch(() => undefined)
    const response = await Promise.race([fetch(input, init), whole.promise])
    statuses.push(response.status)
    return response
  }
  const streamOptions = {
    url: `${tributary.url}/api/streams/demo${path}`,
    headers: { authorization: `Bearer ${tributary.token('viewer')}` },
    fetch: network,
    backoffOptions: { initialDelay: 5, maxDelay: 20, multiplier: 1.3, maxRetries: Infinity },
  }
  const db = create({ streamOptions, ...options })
  opened.push(db)
  return {
    db,
    /** Of every answer. */
    statuses,
    /** What is under way fails, and all that is asked until it is whole again. */
    breakNetwork() {
      cut = whole
      whole.reject(new TypeError('terminated'))
    },
    mendNetwork() {
      whole = Promise.withResolvers()
      cut = null
    },
  }
}

type Db = ReturnType<Contestant['over']>

/** Waits until a row is there, or the database reads no more: who waits for a transaction is refused then. */
function shownOrOver(db: Db): (key: string) => Promise<unknown> {
  let isOver = false
  void refusalOf(db.utils.awaitTxId('never', 2 ** 31 - 1)).then(() => (isOver = true))
  return (key) => eventually(() => isOver || db.collections.users.has(key))
}

describe('10. a stream that is deleted and made anew', () => {
  test('while it is read is read anew', async () => {
    const play = async (it: Contestant) => {
      const path = `/anew-online-${nameOf(it)}`
      await write(path, insert('user', 'old'))
      const { db, statuses } = over(it, path)
      await db.preload()
      const settled = shownOrOver(db)
      expect((await door.send('DELETE', path)).status).toBe(204)
      await eventually(() => statuses.includes(404))
      await write(path, insert('user', 'new'))
      await settled('new')
      return keys(db.collections.users)
    }
    expect(await play(ours)).toEqual(['new'])
    // It reads no more, and keeps what is gone.
    expect(await play(published)).toEqual(['old'])
  })

  test('while the network is away is read anew', async () => {
    const play = async (it: Contestant) => {
      const path = `/anew-offline-${nameOf(it)}`
      await write(path, insert('user', 'old'))
      const { db, breakNetwork, mendNetwork } = over(it, path)
      await db.preload()
      const settled = shownOrOver(db)
      breakNetwork()
      expect((await door.send('DELETE', path)).status).toBe(204)
      await write(path, insert('user', 'first'))
      await write(path, insert('user', 'second'))
      mendNetwork()
      await settled('second')
      return keys(db.collections.users)
    }
    expect(await play(ours)).toEqual(['first', 'second'])
    // It reads on in the new life from where it was in the old one.
    expect(await play(published)).toEqual(['old', 'second'])
  })
})

describe('11. close', () => {
  test('gives back the rows', async () => {
    const play = async ({ live }: Contestant) => {
      const { db } = await live([insert('user', '1')])
      await db.close()
      return [db.collections.users.size, db.collections.users.status]
    }
    expect(await play(ours)).toEqual([0, 'cleaned-up'])
    expect(await play(published)).toEqual([1, 'ready'])
  })

  test('lets it be opened again', async () => {
    const play = async ({ live }: Contestant) => {
      const it = await live([insert('user', '1')])
      await it.db.close()
      void it.db.preload()
      await it.push([insert('user', '2')])
      return [keys(it.db.collections.users), it.openings.length]
    }
    expect(await play(ours)).toEqual([['2'], 2])
    expect(await play(published)).toEqual([['1'], 1])
  })
})

describe('12. a schema', () => {
  const withUsers = (schema: z.ZodType<object>) => ({
    state: createStateSchema({ ...state, users: { schema, type: 'user', primaryKey: 'id' } as never }),
  })
  const play = (schema: z.ZodType<object>) => async (it: Contestant) => {
    const { db } = await it.live([insert('user', '1')], withUsers(schema))
    const { id, name } = (rowsOf(db.collections.users)['1'] ?? {}) as { id?: string; name?: string }
    return { id, name }
  }

  test('that refuses a row keeps it out, whether it answers at once or later', async () => {
    const at = z.object({ id: z.literal('other') })
    const later = z.object({ id: z.string() }).refine(() => Promise.resolve(false))
    for (const schema of [at, later]) {
      expect(await play(schema)(ours)).toEqual({ id: undefined, name: undefined })
      expect(await play(schema)(published)).toMatchObject({ id: '1' })
    }
  })

  test('makes the row: its defaults and transforms are there', async () => {
    const schema = z.object({ id: z.string().transform((id) => `${id}!`), name: z.string().default('nobody') })
    expect(await play(schema)(ours)).toEqual({ id: '1!', name: 'nobody' })
    expect(await play(schema)(published)).toEqual({ id: '1', name: undefined })
  })
})

test('13. rows hold what was written, and nothing else', async () => {
  const play = async ({ live }: Contestant) =>
    rowsOf((await live([insert('user', '7', { id: 7 })])).db.collections.users)
  expect(await play(ours)).toEqual({ 7: { id: 7 } })
  expect(await play(published)).toEqual({ 7: { id: '7', _seq: 0 } })
})

test('14. transactions that were seen are bounded', async () => {
  // What is kept is private; it shows in which transactions are known without a wait.
  const play = async ({ live }: Contestant) => {
    const { db, push } = await live()
    const ids = Array.from({ length: 10_500 }, (_, at) => `x${at}`)
    for (const txid of ids) await push([insert('user', '1', {}, txid)])
    const refusals = await Promise.all(ids.map((txid) => refusalOf(db.utils.awaitTxId(txid, 1))))
    return refusals.filter((one) => one === 'not refused').length
  }
  expect(await play(ours)).toBe(10_000)
  // Every one that there ever was.
  expect(await play(published)).toBe(10_500)
})

test('15. what was kept is shown at once, and read on from', async () => {
  await write('/kept', insert('user', '1'), insert('user', '2'))
  const kept = over(ours, '/kept')
  await kept.db.preload()
  const from = kept.db.snapshot()
  await write('/kept', insert('user', '3'))
  const play = async (it: Contestant) => {
    const read: unknown[] = []
    const onBeforeBatch = ({ items }: { items: readonly { key: string }[] }) =>
      void read.push(...items.map(({ key }) => key))
    const { db } = over(it, '/kept', { from, onBeforeBatch })
    const loading = db.preload()
    const atOnce = keys(db.collections.users)
    await loading
    return { canKeep: typeof db.snapshot, atOnce, read, shown: keys(db.collections.users) }
  }
  expect(await play(ours)).toEqual({ canKeep: 'function', atOnce: ['1', '2'], read: ['3'], shown: ['1', '2', '3'] })
  // There is nothing to keep, an option that would take it is passed over, and all is read from the start.
  const all = ['1', '2', '3']
  expect(await play(published)).toEqual({ canKeep: 'undefined', atOnce: [], read: all, shown: all })
})

test('16. a snapshot replaces what there was', async () => {
  const play = async ({ live }: Contestant) => {
    const { db, push } = await live([insert('user', '1')])
    await push([control('snapshot-start'), insert('user', '2')])
    const during = keys(db.collections.users)
    await push([insert('user', '3'), control('snapshot-end')])
    return { during, after: keys(db.collections.users) }
  }
  expect(await play(ours)).toEqual({ during: ['1'], after: ['2', '3'] })
  expect(await play(published)).toEqual({ during: ['1', '2'], after: ['1', '2', '3'] })
})

test('17. a long history is shown as it comes, and does not wait inside the collections', async () => {
  const play = async ({ scripted }: Contestant) => {
    const { db, push } = scripted()
    // Shown each time as much again was read as before: after the first, the second and the fourth.
    for (let at = 0; at < 4; at++) await push([insert('user', '1', { age: at })], { upToDate: false })
    const { pendingSyncedTransactions } = db.collections.users._state
    const waiting = pendingSyncedTransactions.reduce((sum, { operations }) => sum + operations.length, 0)
    return { age: db.collections.users.get('1')?.age, waiting }
  }
  expect(await play(ours)).toEqual({ age: 3, waiting: 0 })
  expect(await play(published)).toEqual({ age: undefined, waiting: 4 })
})

test('18. the end of the stream is seen: as a status, and by whoever waits for more', async () => {
  const play = async (it: Contestant) => {
    const path = `/end-${nameOf(it)}`
    await write(path, insert('user', '1'))
    let closed = false
    const onBatch = (batch: { streamClosed: boolean }) => void (closed ||= batch.streamClosed)
    const { db } = over(it, path, { onBatch })
    await db.preload()
    await door.send('POST', path, JSON.stringify([insert('user', '2')]), {
      'content-type': 'application/json',
      'stream-closed': 'true',
    })
    await eventually(() => db.collections.users.has('2') && closed)
    const refusal = (await refusalOf(db.utils.awaitTxId('x', 20))) as Error
    return { status: db.status, refusal: refusal.message }
  }
  expect(await play(ours)).toEqual({ status: 'closed', refusal: 'the stream has ended: nothing more comes' })
  // Its hooks see it, and the database makes nothing of it.
  expect(await play(published)).toEqual({ status: undefined, refusal: 'Timeout waiting for txid: x' })
})
