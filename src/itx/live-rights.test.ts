import { eq } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { addProjectMember } from '../control-plane/projects.ts'
import { projectMembers, session, tokens, user } from '../control-plane/schema.ts'
import { createToken, revokeToken } from '../control-plane/tokens.ts'
import { OPERATOR } from '../control-plane/audit.ts'
import { type Dialled, TestTributary, runCli } from '../server/testing.ts'
import { itxErrorCode } from '../streams/errors.ts'
import { LiveRights, type Loss } from './live-rights.ts'

// Threat: somebody who was signed out, demoted or thrown out goes on reading and writing through a socket of before.

let tributary: TestTributary
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => {
  for (const each of dialled.splice(0)) each.socket.terminate()
})
afterAll(() => tributary.stop())

async function keep(socket: Dialled): Promise<Dialled> {
  dialled.push(socket)
  expect(await socket.opened).toBe('open')
  expect(await socket.root.ping()).toBe('pong')
  return socket
}

/** Somebody with a session, and a socket with a live subscription to a stream of `demo`. */
async function person(name: string, role: 'viewer' | 'editor' | 'admin' = 'editor') {
  const account = await tributary.user(`${name}@example.com`, { demo: role })
  const cookie = await tributary.signIn(account)
  const socket = await keep(tributary.dial({ cookie, origin: tributary.origin }))
  const batches: unknown[] = []
  await socket
    .streams()
    .get('/live')
    .subscribe({ after: 'now' }, (batch) => void batches.push(batch))
  return { account, cookie, socket, batches }
}

const signOut = (cookie: string) =>
  tributary.raw('/api/auth/sign-out', {
    method: 'POST',
    headers: { cookie, origin: tributary.origin, 'content-type': 'application/json' },
    body: '{}',
  })

/** How a socket ends, and that it does within the 5 s of the design page. */
async function endOf({ ended }: Dialled): Promise<unknown> {
  const begun = performance.now()
  const end = await ended
  expect(performance.now() - begun).toBeLessThan(5000)
  return end
}

describe('a socket of a browser closes with 4401 within 5 s', () => {
  test('of signing out, and no other with it', async () => {
    const [ada, bob] = [await person('ada'), await person('bob')]
    expect((await signOut(ada.cookie)).status).toBe(200)
    expect(await endOf(ada.socket)).toEqual({ code: 4401, reason: 'signed out' })
    expect(await bob.socket.root.ping()).toBe('pong')
  })

  test('of signing out in another of its tabs: all sockets of the session', async () => {
    const { cookie, socket } = await person('tabs')
    const others = await Promise.all(
      Array.from({ length: 5 }, () => keep(tributary.dial({ cookie, origin: tributary.origin }))),
    )
    await signOut(cookie)
    for (const each of [socket, ...others]) expect(await endOf(each)).toEqual({ code: 4401, reason: 'signed out' })
  })

  test('of a session that was deleted, or has come to its end', async () => {
    const [gone, over] = [await person('gone'), await person('over')]
    const { db } = tributary.instance.control
    db.delete(session).where(eq(session.userId, gone.account.id)).run()
    db.update(session)
      .set({ expiresAt: new Date(Date.now() + 1500) })
      .where(eq(session.userId, over.account.id))
      .run()
    expect(await endOf(gone.socket)).toEqual({ code: 4401, reason: 'signed out' })
    expect(await endOf(over.socket)).toEqual({ code: 4401, reason: 'signed out' })
  })

  test('of a smaller role, a larger one, or none, where it holds the project', async () => {
    const [demoted, promoted, removed] = [await person('d'), await person('p'), await person('r')]
    const bystander = await keep(tributary.dial({ cookie: demoted.cookie, origin: tributary.origin }))
    const { control } = tributary.instance
    const projectId = tributary.projectId('demo')
    addProjectMember(control, { projectId, userId: demoted.account.id, role: 'viewer', by: OPERATOR })
    addProjectMember(control, { projectId, userId: promoted.account.id, role: 'admin', by: OPERATOR })
    control.db.delete(projectMembers).where(eq(projectMembers.userId, removed.account.id)).run()
    for (const { socket } of [demoted, promoted, removed]) {
      expect(await endOf(socket)).toEqual({ code: 4401, reason: 'access changed' })
    }
    // The same person, who had not asked for the project: there is nothing to take back.
    expect(await bystander.root.ping()).toBe('pong')
  })

  test('of no longer being an instance admin', async () => {
    const { account } = await person('chief')
    const { db } = tributary.instance.control
    db.update(user).set({ instanceAdmin: true }).where(eq(user.id, account.id)).run()
    const socket = await keep(tributary.dial({ cookie: await tributary.signIn(account), origin: tributary.origin }))
    db.update(user).set({ instanceAdmin: false }).where(eq(user.id, account.id)).run()
    expect(await endOf(socket)).toEqual({ code: 4401, reason: 'access changed' })
  })
})

describe('a socket of a program closes with 4401 within 5 s', () => {
  const withToken = (options: { readonly expiresAt?: number } = {}) =>
    createToken(tributary.instance.control, { projectId: tributary.projectId('demo'), role: 'editor', ...options })

  test('of its token being revoked, however it was brought', async () => {
    const [header, inBand] = [withToken(), withToken()]
    const first = await keep(tributary.dial({ authorization: `Bearer ${header.token}` }))
    const second = await keep(tributary.dial({}))
    expect(await second.root.authenticate(inBand.token).whoami()).toMatchObject({ kind: 'token' })
    for (const { id } of [header, inBand]) {
      revokeToken(tributary.instance.control, { projectId: tributary.projectId('demo'), tokenId: id, by: OPERATOR })
    }
    expect(await endOf(first)).toEqual({ code: 4401, reason: 'signed out' })
    expect(await endOf(second)).toEqual({ code: 4401, reason: 'signed out' })
  })

  test('of its token being revoked by the command line, in another process', async () => {
    const { id, token } = withToken()
    const socket = await keep(tributary.dial({ authorization: `Bearer ${token}` }))
    const env = { TRIBUTARY_DATA_DIR: tributary.dataDir }
    const { code, stderr } = await runCli(['token', 'revoke', id, '--project', 'demo'], { env })
    expect([code, stderr]).toEqual([0, expect.any(String)])
    expect(await endOf(socket)).toEqual({ code: 4401, reason: 'signed out' })
  })

  test('of its token having expired', async () => {
    const { token } = withToken({ expiresAt: Date.now() + 1500 })
    const socket = await keep(tributary.dial({ authorization: `Bearer ${token}` }))
    expect(await endOf(socket)).toEqual({ code: 4401, reason: 'signed out' })
  })

  test('of its token having got another role', async () => {
    const { id, token } = withToken()
    const socket = await keep(tributary.dial({ authorization: `Bearer ${token}` }))
    tributary.instance.control.db.update(tokens).set({ role: 'viewer' }).where(eq(tokens.id, id)).run()
    expect(await endOf(socket)).toEqual({ code: 4401, reason: 'access changed' })
  })
})

test('a project that is deleted answers NOT_FOUND to those who hold it, ends what they read, and closes nothing', async () => {
  tributary.project('doomed')
  const account = await tributary.user('owner@example.com', { doomed: 'admin', demo: 'viewer' })
  const cookie = await tributary.signIn(account)
  const [owner, reader] = [
    await keep(tributary.dial({ cookie, origin: tributary.origin })),
    await keep(tributary.dial({ cookie, origin: tributary.origin })),
  ]
  using stream = reader.streams('doomed').get('/a')
  await owner
    .streams('doomed')
    .get('/a')
    .append([{ type: 'x' }])
  const subscription = await stream.subscribe({ after: 0 }, () => {})
  await owner.root.projects.get('doomed').delete()
  expect(await subscription.closed()).toEqual({ reason: 'deleted' })
  const missing = await reader.root.projects
    .get('nothing')
    .project()
    .catch((error: unknown) => error)
  for (const call of [stream.state(), stream.append([{ type: 'x' }]), reader.root.projects.get('doomed').project()]) {
    const error = await call.then(
      () => null,
      (refused: unknown) => refused,
    )
    expect(itxErrorCode(error)).toBe('NOT_FOUND')
    expect((error as Error).message).toBe((missing as Error).message.replace('nothing', 'doomed'))
  }
  expect(await reader.streams('demo').get('/').state()).toMatchObject({ path: '/' })
})

describe('looking', () => {
  /** A watch over `count` sockets of one token, which sees a change when told to. */
  function watched(count: number) {
    const { instance } = tributary
    const { id } = createToken(instance.control, { projectId: tributary.projectId('demo'), role: 'editor' })
    const principal = { kind: 'token', tokenId: id, projectId: tributary.projectId('demo'), role: 'editor' } as const
    let changed = false
    let now = Date.now()
    const rights = new LiveRights(
      instance,
      () => changed,
      () => now,
    )
    const ended: Loss[] = []
    for (let i = 0; i < count; i++) {
      const grants = new Map([[principal.projectId, 'editor' as const]])
      rights.watch({ principal, grants, end: (reason) => ended.push(reason) })
    }
    return {
      id,
      rights,
      ended,
      change: (value: boolean) => (changed = value),
      pass: (ms: number) => (now += ms),
    }
  }

  /** Statements that the control database runs meanwhile. */
  async function statementsDuring(action: () => Promise<unknown>): Promise<number> {
    const { db } = tributary.instance.control
    const select = db.select.bind(db)
    let count = 0
    db.select = ((...columns: Parameters<typeof select>) => {
      count++
      return select(...columns)
    }) as typeof db.select
    try {
      await action()
      return count
    } finally {
      db.select = select
    }
  }

  test('reads nothing when nothing was written, and once for all sockets of a credential when something was', async () => {
    const { rights, change } = watched(1000)
    await rights.look()
    expect(await statementsDuring(() => rights.look())).toBe(0)
    change(true)
    expect(await statementsDuring(() => rights.look())).toBeLessThan(5)
  })

  test('goes through ten thousand in slices, and what changes meanwhile is seen at the next look', async () => {
    const { id, rights, ended, change } = watched(10_000)
    await rights.look()
    change(true)
    let turns = 0
    let counting: NodeJS.Immediate | undefined
    const count = () => {
      turns++
      counting = setImmediate(count)
    }
    count()
    const first = rights.look()
    revokeToken(tributary.instance.control, { projectId: tributary.projectId('demo'), tokenId: id, by: OPERATOR })
    await rights.look()
    await first
    clearImmediate(counting)
    expect(turns).toBeGreaterThan(50)
    await rights.look()
    expect(ended).toEqual(Array(10_000).fill('signed out'))
    expect(rights.size).toBe(0)
  })

  test('that fails leaves everybody to the next look', async () => {
    const { id, rights, ended, change } = watched(500)
    await rights.look()
    change(true)
    revokeToken(tributary.instance.control, { projectId: tributary.projectId('demo'), tokenId: id, by: OPERATOR })
    const { db } = tributary.instance.control
    const select = db.select.bind(db)
    db.select = (() => {
      throw new Error('the disk is gone')
    }) as typeof db.select
    try {
      await expect(rights.look()).rejects.toThrow('the disk is gone')
    } finally {
      db.select = select
    }
    change(false)
    await rights.look()
    expect(ended).toHaveLength(500)
  })
})
