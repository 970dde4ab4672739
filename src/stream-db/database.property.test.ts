import fc from 'fast-check'
import { expect, test } from 'vitest'
import { change, control, insert, rowsOf, scripted } from './database-testing.ts'
import type { StateMessage } from './messages.ts'
import { MaterializedState } from './materialized-state.ts'

// However messages are cut into batches: what is shown in the end is what they say, and nobody ever sees half of a
// transaction. Each transaction here writes its number to both collections, so whoever sees two numbers sees a half.

const snapshotOf = (rows: readonly unknown[]) => [control('snapshot-start'), ...rows, control('snapshot-end')]
const key = fc.constantFrom('a', 'b', 'c')
const lone = fc.oneof(
  fc
    .tuple(fc.constantFrom('insert', 'update', 'upsert'), fc.constantFrom('user', 'post'), key, fc.nat(9))
    .map(([operation, type, of, age]) => [change(operation as 'insert', type, of, { id: of, age })]),
  fc.tuple(fc.constantFrom('user', 'post'), key).map(([type, of]) => [change('delete', type, of)]),
  fc.constant([control('reset')]),
  fc
    .array(fc.tuple(fc.constantFrom('user', 'post'), key), { maxLength: 3 })
    .map((rows) => rows.map(([type, of]) => insert(type, of, { id: of, age: 0 })))
    .map(snapshotOf),
)
const both = fc.constant('both' as const)
const steps = fc.array(fc.oneof(lone, both), { maxLength: 25 })

function messagesOf(all: readonly (readonly unknown[] | 'both')[]): unknown[] {
  return all.flatMap((step, at) => {
    if (step !== 'both') return step
    const row = { id: 'n', age: at }
    return [insert('user', 'n', row, `x${at}`), insert('user', 'm', row, `x${at}`), insert('post', 'n', row, `x${at}`)]
  })
}

test('all is shown, and never half of a transaction', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(steps, sizes, async (all, cuts) => {
      const messages = messagesOf(all)
      const { db, source, problems } = scripted()
      const { users, posts } = db.collections
      const halves: unknown[] = []
      const look = () => {
        const seen = [users.get('n')?.age, users.get('m')?.age, posts.get('n')?.age]
        if (new Set(seen).size > 1) halves.push(seen)
      }
      users.subscribeChanges(look)
      posts.subscribeChanges(look)
      void db.preload()
      for (let at = 0, cut = 0; at < messages.length; cut++) {
        const size = cuts[cut % cuts.length] ?? 1
        await source.push(messages.slice(at, at + size), { upToDate: false })
        at += size
      }
      await source.push([])
      const model = new MaterializedState()
      model.applyBatch(messages as StateMessage[])
      const shown = { users: rowsOf(users), posts: rowsOf(posts) }
      expect(shown).toEqual({
        users: Object.fromEntries(model.getType('user')),
        posts: Object.fromEntries(model.getType('post')),
      })
      expect([halves, problems, db.offset]).toEqual([[], [], String(messages.length)])
      await db.close()
    }),
    { numRuns: 200 },
  )
})
