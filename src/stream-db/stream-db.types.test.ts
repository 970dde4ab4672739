import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { createStreamDB } from './create-stream-db.ts'
import { createStateSchema } from './schema.ts'
import { ScriptedSource } from './source-testing.ts'

// For the compiler: rows are what schemas make of what was written, and actions take what they are defined with.

const state = createStateSchema({
  users: {
    schema: z.object({
      id: z.string(),
      born: z.string().transform((text) => new Date(text)),
      name: z.string().default(''),
    }),
    type: 'user',
    primaryKey: 'id',
  },
})

test('rows have the types that the schema answers with', () => {
  const db = createStreamDB({ state, source: new ScriptedSource() })
  const row = db.collections.users.get('1')
  expectTypeOf(row?.born).toEqualTypeOf<Date | undefined>()
  expectTypeOf(row?.name).toEqualTypeOf<string | undefined>()
  // @ts-expect-error there is no such collection
  void db.collections.posts
  // @ts-expect-error no actions were given
  void db.actions
})

test('actions take what onMutate takes, or mutationFn', () => {
  const db = createStreamDB({
    state,
    source: new ScriptedSource(),
    actions: ({ db: it }) => ({
      remove: {
        onMutate: (id: string) => void it.collections.users.delete(id),
        mutationFn: () => Promise.resolve(),
      },
      send: { onMutate: () => undefined, mutationFn: (count: number) => Promise.resolve(count) },
      tick: { onMutate: () => undefined, mutationFn: () => Promise.resolve() },
    }),
  })
  expectTypeOf<Parameters<typeof db.actions.remove>>().toEqualTypeOf<[params: string]>()
  expectTypeOf<Parameters<typeof db.actions.send>>().toEqualTypeOf<[params: number]>()
  expectTypeOf<Parameters<typeof db.actions.tick>>().toEqualTypeOf<[params?: unknown]>()
})
