import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findProject } from '../control-plane/projects.ts'
import { unfinishedDeletions } from '../control-plane/project-deletion.ts'
import { type Dialled, TestTributary, eventually } from '../server/testing.ts'
import type { ProjectApi } from './handle.ts'
import { getServerItx } from './server-handle.ts'

// Threat: a project is renamed and somebody is cut off from it, or led to another one; it is deleted and something of it
// can still be read, or comes back.

let tributary: TestTributary
let count = 0
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterEach(() => {
  for (const each of dialled.splice(0)) each.socket.terminate()
})
afterAll(() => tributary.stop())

/** A project of the test's own, with something in it. */
async function project(): Promise<{ slug: string; id: string; held: ProjectApi }> {
  const slug = `made-${++count}`
  const id = tributary.project(slug)
  const held = handle(slug)
  await held.streams.get('/a').append([{ type: 'kept' }])
  return { slug, id, held }
}

function handle(slug: string, role: 'admin' | 'operator' | 'viewer' = 'admin'): ProjectApi {
  const socket = tributary.itx(role, slug)
  dialled.push(socket)
  return socket.root.projects.get(slug)
}

/** As somebody signed in holds it: a token goes with its project, and its sockets with it. */
async function sessionHandle(slug: string, role: 'admin' | 'viewer'): Promise<ProjectApi> {
  const cookie = await tributary.signIn(await tributary.user(`${role}-of-${slug}@example.com`, { [slug]: role }))
  const socket = tributary.dial({ cookie, origin: tributary.origin })
  dialled.push(socket)
  return socket.root.projects.get(slug)
}

describe('renaming', () => {
  test('changes name and slug; id, streams and every handle that is held stay', async () => {
    const { slug, id, held } = await project()
    const other = handle(slug, 'viewer')
    expect(await other.project()).toMatchObject({ id, slug })
    expect(await held.rename({ name: ' New name ', slug: `${slug}-new` })).toEqual({
      id,
      slug: `${slug}-new`,
      name: 'New name',
      role: 'admin',
    })
    expect(await held.project()).toMatchObject({ id, slug: `${slug}-new`, name: 'New name' })
    expect(await other.project()).toMatchObject({ id, slug: `${slug}-new`, role: 'viewer' })
    expect((await other.streams.get('/a').read()).events).toHaveLength(2)
    await expect(tributary.itx('admin', `${slug}-new`).root.projects.get(slug).project()).rejects.toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  test('one of the two is enough; neither, or nonsense, is refused and changes nothing', async () => {
    const { slug, held } = await project()
    expect(await held.rename({ name: 'Name' })).toMatchObject({ slug, name: 'Name' })
    expect(await held.rename({ slug: `${slug}-b` })).toMatchObject({ slug: `${slug}-b`, name: 'Name' })
    const bad = [{}, { name: '' }, { name: '  ' }, { name: 'x'.repeat(101) }, { slug: 'system' }, { slug: 'prj_x' }]
    for (const change of [...bad, { slug: 'A' }, { slug: '' }, { colour: 1 }, null, undefined, 'x', { name: 7 }]) {
      await expect(held.rename(change as never)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    }
    expect(await held.project()).toMatchObject({ slug: `${slug}-b`, name: 'Name' })
  })

  test('a slug that is taken is CONFLICT; its own is none', async () => {
    const [{ held, slug }, other] = [await project(), await project()]
    await expect(held.rename({ slug: other.slug, name: 'Lost' })).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'slug' },
    })
    expect(await held.rename({ slug, name: 'Mine' })).toMatchObject({ slug, name: 'Mine' })
    expect(await other.held.project()).toMatchObject({ slug: other.slug })
  })

  test('is for admins', async () => {
    const { slug } = await project()
    await expect(handle(slug, 'operator').rename({ name: 'x' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
      details: { reason: 'role', operation: 'rename', needed: 'admin' },
    })
  })

  test('works in the server as well', async () => {
    const { slug } = await project()
    const cookie = await tributary.signIn(await tributary.user(`r${count}@example.com`, { [slug]: 'admin' }))
    using inProcess = await getServerItx(slug, new Request(tributary.url, { headers: { cookie } }))
    expect(await inProcess.rename({ name: 'From the server' })).toMatchObject({ slug, name: 'From the server' })
  })
})

describe('deleting', () => {
  /** What is told of an error, with the name asked for taken out. */
  const told = (call: PromiseLike<unknown>, name: string): Promise<string> =>
    Promise.resolve(call).then(
      () => 'answered',
      (error: unknown) => JSON.stringify([(error as Error).message, { ...(error as object) }]).replaceAll(name, 'NAME'),
    )

  test('removes row and file; whoever holds the project misses it as if it had never been there', async () => {
    const { slug, id } = await project()
    const held = await sessionHandle(slug, 'admin')
    const other = await sessionHandle(slug, 'viewer')
    const stream = other.streams.get('/a')
    const closed: unknown[] = []
    const subscription = stream.subscribe({ after: 'start' }, () => {})
    void subscription.closed().then((reason) => closed.push(reason))
    await subscription
    const file = join(tributary.dataDir, 'projects', `${id}.db`)
    expect(existsSync(file)).toBe(true)

    const missing = await told(tributary.itx('admin').root.projects.get('nosuch').project(), 'nosuch')
    await held.delete()

    expect(findProject(tributary.instance.control, id)).toBeNull()
    expect(unfinishedDeletions(tributary.instance.control)).not.toContain(id)
    expect(existsSync(file)).toBe(false)
    await eventually(() => closed.length > 0)
    expect(closed).toEqual([expect.objectContaining({ reason: 'deleted' })])
    for (const call of [
      () => held.project(),
      () => held.describe(),
      () => held.delete(),
      () => held.rename({ name: 'x' }),
      () => other.streams.list(),
      () => stream.read(),
      () => stream.state(),
      () => stream.subscribe({}, () => {}).closed(),
      () => held.streams.get('/a').append([{ type: 'x' }]),
      () => held.streams.get('/new').create(),
    ]) {
      expect(await told(call(), slug)).toBe(missing)
    }
    expect(existsSync(file)).toBe(false)
  })

  test('a second one of the same slug has nothing of the first', async () => {
    const { slug } = await project()
    const held = await sessionHandle(slug, 'admin')
    await held.delete()
    tributary.project(slug)
    const again = handle(slug)
    expect(await again.streams.get('/a').state()).toMatchObject({ exists: false })
    await expect(held.streams.get('/a').state()).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('two at once: one deletes, the other misses it or is content', async () => {
    const { slug, id } = await project()
    const held = await sessionHandle(slug, 'admin')
    const outcomes = await Promise.all(
      [held.delete(), held.delete()].map((call) =>
        call.then(
          () => 'deleted',
          (error: { code?: string }) => error.code,
        ),
      ),
    )
    expect(outcomes.toSorted()).toEqual(['NOT_FOUND', 'deleted'])
    expect(findProject(tributary.instance.control, id)).toBeNull()
  })

  test('is for admins; who is refused has deleted nothing', async () => {
    const { slug, id } = await project()
    await expect(handle(slug, 'operator').delete()).rejects.toMatchObject({
      code: 'FORBIDDEN',
      details: { reason: 'role', operation: 'project.delete', needed: 'admin' },
    })
    expect(findProject(tributary.instance.control, id)).not.toBeNull()
  })

  test('a file that cannot be removed is removed later: the project is gone at once all the same', async () => {
    const { slug, id } = await project()
    const held = await sessionHandle(slug, 'admin')
    const { engine, control } = tributary.instance
    const deleteProject = engine.deleteProject.bind(engine)
    engine.deleteProject = () => Promise.reject(new Error('the disk refuses'))
    const error = await held.delete().then(undefined, (reason: { code?: string }) => reason)
    engine.deleteProject = deleteProject
    expect(error).toMatchObject({ code: 'INTERNAL' })
    expect(findProject(control, slug)).toBeNull()
    expect(unfinishedDeletions(control)).toContain(id)
    await expect(held.project()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await tributary.pause()
    await tributary.resume()
    await eventually(() => !unfinishedDeletions(tributary.instance.control).includes(id))
    expect(existsSync(join(tributary.dataDir, 'projects', `${id}.db`))).toBe(false)
  })
})
