import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ItxError } from '../../errors.ts'
import { PATHS, Recorder, insertStream } from '../contract/host.ts'
import { DurableObjectStorage } from './durable-object-storage.ts'
import { objectSql } from './object-sql.ts'
import { FakeObject } from './testing.ts'

// Guards what the platform cannot be made to do in workerd: when its sync ends, and that it may fail. That it keeps the
// port's promises is the contract's business (../contract.test.ts, workerd/).

let object: FakeObject
let storage: DurableObjectStorage

beforeEach(() => {
  object = new FakeObject()
  storage = new DurableObjectStorage(object)
})
afterEach(() => object.close())

const write = (participant: Recorder, path: string) =>
  storage.transactionSync(participant, (tx) => void insertStream(tx, path))

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  promise.then(
    () => (done = true),
    () => (done = true),
  )
  for (let i = 0; i < 10; i++) await Promise.resolve()
  return done
}

describe('the sync', () => {
  test('is what durable waits for: participants are told before, when whoever wrote has come to its await', async () => {
    const sync = Promise.withResolvers<void>()
    object.sync = () => sync.promise
    const participant = new Recorder()
    write(participant, '/a')
    const durable = storage.durable()
    expect(participant.heard).toEqual(['flush'])
    expect(await settled(durable)).toBe(false)
    expect(participant.heard).toEqual(['flush', 'committed'])
    // Asked for later, it is the same sync.
    expect(await settled(storage.durable())).toBe(false)
    sync.resolve()
    await durable
    await storage.durable()
  })

  test('is one for all transactions of a turn, and one more for those that come while it is under way', async () => {
    const syncs: PromiseWithResolvers<void>[] = []
    object.sync = () => {
      const sync = Promise.withResolvers<void>()
      syncs.push(sync)
      return sync.promise
    }
    write(new Recorder(), '/a')
    write(new Recorder(), '/b')
    const first = storage.durable()
    await settled(first)
    write(new Recorder(), '/c')
    const second = storage.durable()
    await settled(second)
    expect(syncs).toHaveLength(2)
    syncs[0]?.resolve()
    expect([await settled(first), await settled(second)]).toEqual([true, false])
    syncs[1]?.resolve()
    await second
    expect(await settled(storage.durable())).toBe(true)
  })

  test('that fails is a coded error to who waits, and nothing is written after it', async () => {
    object.sync = () => Promise.reject(new Error('internal error; SQLITE_IOERR'))
    write(new Recorder(), '/a')
    const failure = { code: 'UNAVAILABLE', details: { reason: 'io' } }
    await expect(storage.durable()).rejects.toMatchObject(failure)
    const later = new Recorder()
    expect(() => write(later, '/b')).toThrow(expect.objectContaining(failure))
    // It was not taken into a transaction: there is none to be told about.
    expect(later.heard).toEqual([])
    expect(storage.working.loadStream(PATHS.b)).toBeNull()
  })

  test('that fails with nobody waiting harms nobody', async () => {
    object.sync = () => Promise.reject(new Error('nobody is there'))
    write(new Recorder(), '/a')
    expect(await settled(storage.durable().catch(() => {}))).toBe(true)
  })
})

test('a participant that writes when it hears of a commit has that write committed, too', async () => {
  const second = new Recorder()
  const first = new (class extends Recorder {
    override committed(): void {
      super.committed()
      write(second, '/b')
    }
  })()
  write(first, '/a')
  await storage.durable()
  await storage.durable()
  expect(second.heard).toEqual(['flush', 'committed'])
})

test.each([
  ['database or disk is full: SQLITE_FULL', 'UNAVAILABLE', 'disk-full'],
  ['out of memory: SQLITE_NOMEM', 'UNAVAILABLE', 'memory'],
  ['string or blob too big: SQLITE_TOOBIG', 'INTERNAL', 'storage'],
  ['database disk image is malformed: SQLITE_CORRUPT', 'INTERNAL', 'corrupt'],
])('what the platform says, "%s", is %s %s', (message, code, reason) => {
  const cause = new Error(message)
  const participant = new Recorder()
  const fail = () =>
    storage.transactionSync(participant, () => {
      throw cause
    })
  expect(fail).toThrow(expect.objectContaining({ code, details: { reason } }))
  expect((participant.error as ItxError).cause).toBe(cause)
})

test('bytes are bound as far as they are shown, and read as bytes', () => {
  const sql = objectSql(object)
  sql.script('create table t (bytes blob)')
  sql.command('insert into t values (?)').run(Buffer.from('xxabcxx').subarray(2, 5))
  expect(sql.query('select bytes from t').get()).toEqual([new Uint8Array([97, 98, 99])])
  expect([...sql.query('select bytes from t').iterate()]).toEqual(sql.query('select bytes from t').all())
  expect(sql.query('select bytes from t where bytes is null').get()).toBeUndefined()
})

test('tables of a newer version are refused and left as they are', () => {
  const sql = objectSql(object)
  sql.command(`update meta set value = '99' where key = 'schema_version'`).run()
  const open = () => new DurableObjectStorage(object)
  expect(open).toThrow(/schema version 99/)
  expect(sql.query('select value from meta').get()).toEqual(['99'])
})
