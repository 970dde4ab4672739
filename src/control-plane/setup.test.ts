import { expect, test } from 'vitest'
import { bootstrapAdmin } from './bootstrap.ts'
import { listProjectsOfUser } from './projects-of-user.ts'
import { user } from './schema.ts'
import { SetupGate } from './setup.ts'
import { refusal, testAuth } from './testing.ts'
import { createUser } from './users.ts'

const ROOT = { email: 'root@example.test', password: 'correct horse battery 9', name: 'Root' }

function withGate() {
  const parts = testAuth()
  const gate = new SetupGate(parts)
  return { ...parts, gate, token: gate.path().replace('/setup/', '') }
}

test('the link makes the first admin with demo, once', async () => {
  const { database, gate, token } = withGate()
  expect(gate.path()).toMatch(/^\/setup\/[A-Za-z0-9_-]{43}$/)
  expect([gate.isOpen(), gate.accepts(token)]).toEqual([true, true])
  const admin = await gate.complete({ ...ROOT, token })
  expect(admin).toMatchObject({ email: ROOT.email, name: 'Root', instanceAdmin: true })
  expect(listProjectsOfUser(database, admin.id).projects.map(({ slug, role }) => [slug, role])).toEqual([
    ['demo', 'admin'],
  ])
  expect([gate.isOpen(), gate.accepts(token)]).toEqual([false, false])
  expect(await refusal(() => gate.complete({ ...ROOT, email: 'b@example.test', token }))).toBe('FORBIDDEN')
})

test('a used link stays used, even when no admin is left', async () => {
  const { database, gate, token } = withGate()
  await gate.complete({ ...ROOT, token })
  database.db.delete(user).run()
  expect(await refusal(() => gate.complete({ ...ROOT, token }))).toBe('FORBIDDEN')
})

test('a wrong token makes nobody', async () => {
  const { database, gate, token } = withGate()
  for (const wrong of ['', 'x', token.slice(1), `${token}x`, 'ä'.repeat(43)]) {
    expect(gate.accepts(wrong)).toBe(false)
    expect(await refusal(() => gate.complete({ ...ROOT, token: wrong }))).toBe('FORBIDDEN')
  }
  expect(database.db.select().from(user).all()).toEqual([])
})

test('the link is worthless once an admin came in another way', async () => {
  const { auth, database, gate, token } = withGate()
  await bootstrapAdmin(auth, database, ROOT)
  expect(gate.isOpen()).toBe(false)
  expect(await refusal(() => gate.complete({ ...ROOT, email: 'b@example.test', token }))).toBe('FORBIDDEN')
})

test('of several completions at once exactly one wins', async () => {
  const { database, gate, token } = withGate()
  const outcomes = await Promise.all(
    ['a', 'b', 'c', 'a'].map((name) =>
      gate.complete({ ...ROOT, email: `${name}@example.test`, token }).then(
        () => 'made',
        (error: unknown) => refusal(() => Promise.reject(error)),
      ),
    ),
  )
  expect(outcomes.toSorted()).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN', 'made'])
  expect(database.db.select().from(user).all()).toHaveLength(1)
})

test('input that is refused leaves the link good', async () => {
  const { auth, database, gate, token } = withGate()
  await createUser(auth, database, { ...ROOT, email: 'taken@example.test' })
  expect(await refusal(() => gate.complete({ ...ROOT, password: 'short', token }))).toBe('BAD_REQUEST')
  expect(await refusal(() => gate.complete({ ...ROOT, email: 'taken@example.test', token }))).toBe('CONFLICT email')
  expect(await gate.complete({ ...ROOT, token })).toMatchObject({ instanceAdmin: true })
})
