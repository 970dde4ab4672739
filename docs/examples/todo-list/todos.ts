import { type ActionContext, createStateSchema, createStreamDB } from 'tributary/stream-db/db'
import { z } from 'zod'
import { Outbox } from './outbox.ts'

const todo = z.object({
  id: z.string(),
  text: z.string().min(1),
  done: z.boolean(),
  createdAt: z.number(),
})
export type Todo = z.infer<typeof todo>

const state = createStateSchema({ todos: { schema: todo, type: 'todo', primaryKey: 'id' } })

const url = new URL('/api/todos', location.href).href

export const outbox = new Outbox(url)

export const db = createStreamDB({
  streamOptions: { url },
  state,
  actions: ({ db: { collections, utils } }) => {
    /** Sends what an action has done to the collection: its changes are one transaction, seen together or not at all. */
    async function send(_: unknown, { transaction }: ActionContext): Promise<void> {
      const headers = { txid: transaction.id }
      const events = transaction.mutations.map(({ type, key, modified }) =>
        type === 'delete'
          ? state.todos.delete({ key, headers })
          : state.todos[type]({ value: todo.parse(modified), headers }),
      )
      await outbox.append(events)
      // It is stored. What was shown before that is dropped now, so wait until it has come back over the stream; should
      // that take longer, it is gone for a moment and then there.
      await utils.awaitTxId(transaction.id, 60_000).catch(() => undefined)
    }

    return {
      add: {
        onMutate: (text: string) => {
          collections.todos.insert({ id: crypto.randomUUID(), text, done: false, createdAt: Date.now() })
        },
        mutationFn: send,
      },
      change: {
        onMutate: ({ id, ...changes }: Pick<Todo, 'id'> & Partial<Todo>) => {
          collections.todos.update(id, (draft) => Object.assign(draft, changes))
        },
        mutationFn: send,
      },
      remove: {
        onMutate: (ids: string[]) => {
          collections.todos.delete(ids)
        },
        mutationFn: send,
      },
    }
  },
})
