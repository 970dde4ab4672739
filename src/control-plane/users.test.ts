import { expect, test } from 'vitest'
import { account, user } from './schema.ts'
import { refusal, testAuth } from './testing.ts'
import { createUser, findUserByEmail, hasInstanceAdmin } from './users.ts'

const ANN = { email: 'ann@example.test', password: 'correct horse battery 9', name: 'Ann' }

test('stores user and credential together, the address in lower case, the password as better-auth hashes it', async () => {
  const { auth, database } = testAuth()
  const ann = await createUser(auth, database, { ...ANN, email: ' Ann@Example.TEST ' })
  expect(ann).toEqual({ id: expect.stringMatching(/^usr_/), email: ANN.email, name: 'Ann', instanceAdmin: false })
  const { password } = await auth.$context
  const stored = database.db.select().from(account).get()
  expect(stored).toMatchObject({ userId: ann.id, accountId: ann.id, providerId: 'credential' })
  expect(await password.verify({ hash: stored?.password ?? '', password: ANN.password })).toBe(true)
  expect(findUserByEmail(database, 'ANN@example.test')).toEqual(ann)
  expect(findUserByEmail(database, 'bob@example.test')).toBeNull()
})

test('knows whether there is an instance admin', async () => {
  const { auth, database } = testAuth()
  await createUser(auth, database, ANN)
  expect(hasInstanceAdmin(database)).toBe(false)
  await createUser(auth, database, { ...ANN, email: 'root@example.test', instanceAdmin: true })
  expect(hasInstanceAdmin(database)).toBe(true)
})

test.each([
  [{ email: 'ann' }, 'email'],
  [{ email: 'ann@localhost' }, 'email'],
  [{ password: 'seven77' }, 'password has 7 characters; at least 8'],
  [{ password: 'x'.repeat(129) }, 'password has 129 characters; at most 128'],
  [{ name: '  ' }, 'name has 0 characters; 1 to 100'],
  [{ name: 'x'.repeat(101) }, 'name has 101 characters; 1 to 100'],
])('refuses %j', async (change, message) => {
  const { auth, database } = testAuth()
  const create = () => createUser(auth, database, { ...ANN, ...change })
  expect(await refusal(create)).toBe('BAD_REQUEST')
  await expect(create()).rejects.toThrow(message)
  expect(database.db.select().from(user).all()).toEqual([])
})

test('an address is taken once, in whatever letter case, also by callers at the same time', async () => {
  const { auth, database } = testAuth()
  const outcomes = await Promise.all(
    ['ann@example.test', 'ANN@example.test'].map(async (email) =>
      createUser(auth, database, { ...ANN, email }).then(
        () => 'made',
        async (error: unknown) => refusal(() => Promise.reject(error)),
      ),
    ),
  )
  expect(outcomes.toSorted()).toEqual(['CONFLICT email', 'made'])
  expect(database.db.select().from(account).all()).toHaveLength(1)
})
