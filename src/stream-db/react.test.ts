import { type ReactNode, createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, test } from 'vitest'
import type { StreamDB } from './create-stream-db.ts'
import { insert, live, type state } from './database-testing.ts'
import { StreamDBProvider, useLiveQuery, useStatus, useStreamDB } from './react.ts'

// The hooks without a browser: what they show in one render.

function rendered<T>(hook: () => T, db?: StreamDB<typeof state>): T {
  const answers: T[] = []
  const Reader = (): ReactNode => {
    answers.push(hook())
    return null
  }
  const reader = createElement(Reader)
  renderToString(db === undefined ? reader : createElement(StreamDBProvider, { db }, reader))
  return answers[0] as T
}

test('what is below a provider has its database, with its collections', async () => {
  const { db } = await live([insert('user', '1')])
  expect(rendered(() => useStreamDB<typeof state>().collections.users.size, db)).toBe(1)
  const rows = rendered(() => useLiveQuery((q) => q.from({ user: useStreamDB<typeof state>().collections.users })), db)
  expect(rows.data).toMatchObject([{ id: '1' }])
})

test('the status is that of the database, and of the one that is given', async () => {
  const { db, source } = await live()
  expect(rendered(() => useStatus(), db)).toEqual({ status: 'live', error: undefined })
  const failure = new Error('gone')
  await source.fail(failure)
  expect(rendered(() => useStatus(db))).toEqual({ status: 'error', error: failure })
  const { db: other } = await live()
  expect(rendered(() => useStatus(db), other)).toEqual({ status: 'error', error: failure })
})

test('hooks without a provider say what they need', () => {
  expect(() => rendered(() => useStreamDB())).toThrow('<StreamDBProvider>')
  expect(() => rendered(() => useStatus())).toThrow('<StreamDBProvider>')
})
