import { type FormEvent, useState, useSyncExternalStore } from 'react'
import { useLiveQuery, useStatus } from 'tributary/stream-db/react'
import { type Todo, db, outbox } from './todos.ts'

const { add, change, remove } = db.actions

export function App() {
  const { data: todos } = useLiveQuery((q) =>
    q
      .from({ todo: db.collections.todos })
      .orderBy(({ todo }) => todo.createdAt)
      .orderBy(({ todo }) => todo.id),
  )
  const { status } = useStatus()
  const refusal = useSyncExternalStore(outbox.subscribe, () => outbox.refusal)
  const done = todos.filter((todo) => todo.done)

  return (
    <>
      <header>
        <h1>Todos</h1>
        <Connection />
      </header>
      {refusal !== null && <p role="alert">Taken back, the server has refused it: {refusal}</p>}
      <fieldset disabled={status === 'error'} aria-label="The list">
        <NewTodo />
        <ul>
          {todos.map((todo) => (
            <Item key={todo.id} todo={todo} />
          ))}
        </ul>
        {todos.length === 0 && status === 'live' && <p className="empty">Nothing to do. Add the first one above.</p>}
        {done.length > 0 && (
          <footer>
            <span>
              {todos.length - done.length} of {todos.length} to do
            </span>
            <button onClick={() => remove(done.map(({ id }) => id))}>Clear done</button>
          </footer>
        )}
      </fieldset>
    </>
  )
}

function Connection() {
  const { status, error } = useStatus()
  const waiting = useSyncExternalStore(outbox.subscribe, () => outbox.waiting)
  return (
    <p role="status" className={status}>
      <span>
        {error === undefined ? status : `error: ${error.message}`}
        {waiting > 0 && (
          <span className="waiting">
            , {waiting} {waiting === 1 ? 'change waits' : 'changes wait'}
          </span>
        )}
      </span>
      {/* Should it fail again, the status says so again. */}
      {status === 'error' && <button onClick={() => void db.preload().catch(() => undefined)}>Try again</button>}
    </p>
  )
}

function NewTodo() {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const text = textOf(event.currentTarget)
    if (text !== '') add(text)
    event.currentTarget.reset()
  }
  return (
    <form onSubmit={submit}>
      <input name="text" aria-label="What is to be done?" placeholder="What is to be done?" maxLength={1000} required />
      <button className="main">Add</button>
    </form>
  )
}

/** `$hasPendingWrites` is TanStack DB's: what is shown was done here, and is not yet in the stream. */
function Item({ todo }: { readonly todo: Todo & { readonly $hasPendingWrites: boolean } }) {
  const { status } = useStatus()
  const [isEdited, setEdited] = useState(false)
  const { id, text, done } = todo
  if (isEdited) {
    return (
      <li>
        <EditedText todo={todo} onDone={() => setEdited(false)} />
      </li>
    )
  }
  return (
    <li>
      <label>
        <input type="checkbox" checked={done} onChange={() => change({ id, done: !done })} />
        <span>{text}</span>
      </label>
      <div>
        {todo.$hasPendingWrites && <small>{status === 'offline' ? 'waiting' : 'sending…'}</small>}
        <button onClick={() => setEdited(true)} aria-label={`Edit ${text}`}>
          Edit
        </button>
        <button onClick={() => remove([id])} aria-label={`Delete ${text}`}>
          Delete
        </button>
      </div>
    </li>
  )
}

function EditedText({ todo, onDone }: { readonly todo: Todo; readonly onDone: () => void }) {
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const text = textOf(event.currentTarget)
    if (text !== '' && text !== todo.text) change({ id: todo.id, text })
    onDone()
  }
  return (
    <form onSubmit={submit} onKeyDown={({ key }) => key === 'Escape' && onDone()}>
      <input name="text" aria-label={`New text of ${todo.text}`} defaultValue={todo.text} maxLength={1000} autoFocus />
      <button className="main">Save</button>
    </form>
  )
}

function textOf(form: HTMLFormElement): string {
  return String(new FormData(form).get('text')).trim()
}
