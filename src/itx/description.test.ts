import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ROLES, roleAtLeast } from '../control-plane/roles.ts'
import { type Dialled, TestTributary } from '../server/testing.ts'
import type { MethodDescription, ObjectDescription, ProjectDescription } from './handle.ts'
import { NEEDED_ROLE } from './permissions.ts'
import { getServerItx } from './server-handle.ts'

// Promise: whoever has `describe()` needs nothing else to call everything rightly. So a stranger is played here: what is
// called, and with what, is made from the answer alone.

let tributary: TestTributary
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterAll(async () => {
  for (const each of dialled) each.socket.terminate()
  await tributary.stop()
})

function root(role: (typeof ROLES)[number]) {
  const socket = tributary.itx(role)
  dialled.push(socket)
  return socket.root
}
const described = (role: (typeof ROLES)[number] = 'admin'): Promise<ProjectDescription> =>
  root(role).projects.get('demo').describe()

const all = ({ objects }: ProjectDescription) =>
  objects.flatMap((object) => object.methods.map((method) => ({ object, method })))

test('every object of the handle is told of, but for that of instance admins', async () => {
  const answer = await described()
  expect(answer.objects.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['itx', 'projects', 'project', 'streams', 'stream', 'subscription', 'scan']),
  )
  expect(answer.project).toMatchObject({ slug: 'demo', role: 'admin' })
  expect(JSON.stringify(answer)).not.toMatch(/itx\.admin|instanceAdmin only|prj_system/)
})

test.each(ROLES)('who may do what is told as the table says: %s', async (role) => {
  const methods = all(await described(role))
  const told = Object.fromEntries(
    methods
      .filter(({ object }) => ['project', 'streams', 'stream'].includes(object.name))
      .map(({ object, method }) => [
        object.name === 'project' && method.name === 'delete' ? 'project.delete' : method.name,
        { needs: method.needs, allowed: method.allowed },
      ]),
  )
  const { get, ...operations } = told
  expect(get).toEqual({ needs: 'viewer', allowed: true })
  expect(operations).toEqual(
    Object.fromEntries(
      Object.entries(NEEDED_ROLE).map(([name, needs]) => [name, { needs, allowed: roleAtLeast(role, needs) }]),
    ),
  )
  // Where no role decides, none is told.
  for (const { object, method } of methods) {
    if (object.name === 'itx' || object.name === 'projects') {
      expect([method.needs, method.allowed]).toEqual([null, null])
    }
  }
})

test('it is small, in the same order each time, and the same on every door', async () => {
  const cookie = await tributary.signIn(await tributary.user('reader@example.com', { demo: 'operator' }))
  using inProcess = await getServerItx('demo', new Request(tributary.url, { headers: { cookie } }))
  const [first, again, server] = [await described('operator'), await described('operator'), await inProcess.describe()]
  expect(JSON.stringify(again)).toBe(JSON.stringify(first))
  expect(JSON.stringify(server)).toBe(JSON.stringify(first))
  expect(JSON.stringify(first).length).toBeLessThan(64 * 1024)
})

test('one caller cannot change what the next one gets', async () => {
  const cookie = await tributary.signIn(await tributary.user('other@example.com', { demo: 'editor' }))
  using inProcess = await getServerItx('demo', new Request(tributary.url, { headers: { cookie } }))
  const answer = (await inProcess.describe()) as unknown as { objects: { name: string }[]; notes: string[] }
  answer.objects[0]!.name = 'defaced'
  answer.notes.push('defaced')
  expect(JSON.stringify(await described('editor'))).not.toContain('defaced')
  expect(JSON.stringify(await inProcess.describe())).not.toContain('defaced')
})

test('every method says what it is good for, what comes back, and of each parameter what it is', async () => {
  for (const { object, method } of all(await described())) {
    const where = `${object.name}.${method.name}`
    expect([where, method.summary.length > 5, method.returns.length > 3]).toEqual([where, true, true])
    expect([where, method.summary.length < 200, method.returns.length < 250]).toEqual([where, true, true])
    for (const { name, schema } of method.parameters) {
      expect([where, name, Object.keys(schema).length]).toEqual([where, name, expect.any(Number)])
      expect([where, name, schema]).not.toEqual([where, name, {}])
      expect(schema['$schema']).toBeUndefined()
    }
  }
})

describe('a stranger who has nothing but the description', () => {
  type Stub = { readonly [name: string]: Stub } & ((...args: unknown[]) => Stub & Promise<unknown>)

  /** Comes by an object as `reachedBy` says, with names of their own for what stands in it. */
  function reach(object: ObjectDescription, itx: unknown, path: string): Stub {
    const names = { itx, project: 'demo', path, options: { filter: 'true' }, onBatch: () => {}, onRows: () => {} }
    const options = object.name === 'subscription' ? {} : object.name === 'activity' ? { paths: ['/'] } : names.options
    // What the description says is JavaScript is run as that.
    return new Function(...Object.keys(names), `return ${object.reachedBy}`)(
      ...Object.values({ ...names, options }),
    ) as Stub
  }

  const KNOWN: readonly unknown[] = [
    {},
    true,
    0,
    1,
    7,
    'start',
    '/a/b',
    'a',
    'text',
    '{}',
    'true',
    'asc',
    [],
    [{ type: 'a' }],
    [{ type: 'a', payload: '1', metadata: '{}', idempotencyKey: 'k', offset: 1 }],
    { limit: 5, after: 1 },
    { limit: 5 },
    { filter: 'true' },
    { recursive: true },
    { offset: 1 },
    { idempotencyKey: 'k' },
    { processor: 'core' },
    { processor: 'core', offset: 0 },
    { name: 'Demo' },
    { recordPresence: true },
    { circuitBreaker: { burstCapacity: 1, refillRatePerMinute: 1 } },
    { events: [], incarnationId: 'x' },
    { from: 'skip' },
    { contentType: 'application/json' },
    { paths: ['/a'] },
    { slug: 'demo', name: 'Demo' },
    { path: '/a' },
  ]

  /** Values for a schema, found by a reader of JSON Schema who knows nothing of Tributary. */
  function value(schema: Record<string, unknown>): fc.Arbitrary<unknown> {
    const read = z.fromJSONSchema(schema)
    const fitting = KNOWN.filter((candidate) => read.safeParse(candidate).success)
    if (fitting.length === 0) throw new Error(`add something that fits ${JSON.stringify(schema)}`)
    return fc.constantFrom(...fitting)
  }

  test('can call everything: nothing that fits its schema is refused for its shape', async () => {
    const description = await described()
    const itx = root('admin')
    let calls = 0
    for (const object of description.objects) {
      for (const method of object.methods) {
        if (ends(object, method)) continue
        for (const args of fc.sample(
          fc.tuple(
            ...method.parameters.map(({ name, schema }) =>
              name.startsWith('on') ? fc.constant(() => {}) : value(schema as Record<string, unknown>),
            ),
          ),
          { numRuns: 6, seed: 7 },
        )) {
          const target = reach(object, itx, `/strangers/${calls++}`)
          const outcome = await settled(target[method.name]!(...(args as unknown[])))
          // It may fail by what is there (no such stream, no such processor), never by how it was asked.
          expect([object.name, method.name, args, outcome]).toEqual([
            object.name,
            method.name,
            args,
            expect.stringMatching(/^(?:fine|NOT_FOUND|CONFLICT|FORBIDDEN role|BAD_REQUEST (?:of content))$/),
          ])
        }
      }
    }
    expect(calls).toBeGreaterThan(100)
  })

  test('is told what is wrong with what does not fit', async () => {
    const description = await described()
    const itx = root('admin')
    for (const object of description.objects) {
      for (const method of object.methods) {
        if (ends(object, method) || method.parameters.length === 0) continue
        const target = reach(object, itx, '/strangers/wrong')
        const args = method.parameters.map(() => ({ colour: 1 }))
        expect([object.name, method.name, await settled(target[method.name]!(...args))]).toEqual([
          object.name,
          method.name,
          expect.stringMatching(/^BAD_REQUEST/),
        ])
      }
    }
  })

  /** What would take the project away, or waits for an end that does not come. */
  function ends(object: ObjectDescription, method: MethodDescription): boolean {
    return (object.name === 'project' && method.name === 'delete') || method.name === 'closed'
  }

  async function settled(call: Promise<unknown>): Promise<string> {
    try {
      await call
      return 'fine'
    } catch (error) {
      const { code, details, message } = error as { code?: string; message: string; details?: { reason?: string } }
      if (code === 'FORBIDDEN') return `${code} ${details?.reason ?? ''}`
      return code === 'BAD_REQUEST' && OF_CONTENT.test(message)
        ? `${code} of content`
        : `${code}${code === 'BAD_REQUEST' ? `: ${message}` : ''}`
    }
  }
})

/** Refusals that are about what a well-formed argument says; the description has each in words. */
const OF_CONTENT =
  /JSON|metadata must be an object|filter|first chunk|imported event|after" or "skip|must not contain|empty segment|leads above|levels; at most|segment|slug is|content type|contentType|offset|no processor|levels deep/
