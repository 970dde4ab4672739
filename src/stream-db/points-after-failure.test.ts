import { expect, test, vi } from 'vitest'
import { change, control, insert, live, refusalOf, rowsOf, scripted } from './database-testing.ts'

// The points of the design page (StreamDB) where a reading ends in the middle: of its first piece, of a transaction, of a
// snapshot. What is visible and not at its place yet is read again, or never is.

const reopened = (source: { readonly isOpen: boolean }) => vi.waitFor(() => expect(source.isOpen).toBe(true))

// Point 10. Rows are visible and there is no `place` where a snapshot, or a transaction, began in the first piece that was
// read. What is opened then is the start, without a life, and no source can tell that it is another.
test('rows of a life that ended while the database was away do not stay, though there was no place yet', async () => {
  const { db, source } = scripted()
  db.preload().catch(() => undefined)
  await source.push([insert('user', 'old'), control('snapshot-start')], { upToDate: false })
  expect(rowsOf(db.collections.users)).toEqual({ old: { id: 'old' } })
  await source.fail(new Error('gone'))
  const again = db.preload()
  await reopened(source)
  const { from } = source.openings.at(-1) ?? {}
  if (from?.life !== undefined) await source.restart()
  await source.push([insert('user', 'new')], { place: { offset: '1', life: 'second' } })
  await again
  expect(Object.keys(rowsOf(db.collections.users))).toEqual(['new'])
})

// Point 15. That nothing is visible may be what the stream has said.
test('rows that were kept and deleted since are not brought back by a failure', async () => {
  const kept = { place: { offset: '1', life: 'first' }, rows: { users: [['1', { id: '1' }] as const] } }
  const { db, source } = scripted({ from: kept })
  db.preload().catch(() => undefined)
  const messages = [change('delete', 'user', '1'), insert('user', '2', { id: '2' }, 'open')]
  await source.push(messages, { upToDate: false })
  expect(rowsOf(db.collections.users)).toEqual({})
  await source.fail(new Error('gone'))
  void db.preload()
  await reopened(source)
  expect(rowsOf(db.collections.users)).toEqual({})
})

// Points 3 and 9. `place` is behind what is visible while a transaction is open: what is read again from there, applied on
// top, would show rows together that never were together.
test('what is read again after a failure shows nothing that never was', async () => {
  const row = (age: number) => [change('upsert', 'user', '1', { age }), change('upsert', 'post', '1', { age })]
  const { db, source } = await live([...row(0)])
  await source.push([...row(1), ...row(2), insert('user', 'open', {}, 'x')], { upToDate: false })
  const ages = () => [db.collections.users.get('1')?.age, db.collections.posts.get('1')?.age]
  expect(ages()).toEqual([2, 2])
  await source.fail(new Error('gone'))
  void db.preload()
  await reopened(source)
  await source.push(row(1).slice(0, 1), { upToDate: false })
  expect(ages()).toEqual([2, 2])
})

// Points 4 and 16. It is visible, and whole; the snapshot that comes after it may never end.
test('who waits for a transaction does not wait for a snapshot that begins after it', async () => {
  const { db, source } = await live()
  await source.push([insert('user', '1', { id: '1' }, 'x'), control('snapshot-start')])
  expect(rowsOf(db.collections.users)).toEqual({ 1: { id: '1' } })
  expect(await refusalOf(db.utils.awaitTxId('x', 20))).toBe('not refused')
})
