import { describe, expect, test } from 'vitest'
import type { EncodedInput } from './event.ts'
import { type StreamPath, parsePath } from './path.ts'
import { TestProject, failureOf } from './testing.ts'

// Guards the catalogue: which streams there are, page by page, read from an index and never by opening them.

const ROOT = parsePath('/')
const X: readonly EncodedInput[] = [{ type: 'x' }]

async function projectOf(...paths: string[]): Promise<TestProject> {
  const project = new TestProject()
  await Promise.all(paths.map((path) => project.append(path, { type: 'x' })))
  return project
}

describe('children', () => {
  test('are the streams right below, by name, with their counters', async () => {
    using project = await projectOf('/b', '/a/deep/er', '/c')
    project.clock.ms += 1000
    await project.append('/c', { type: 'y' })
    const page = await project.streams.children(ROOT)
    expect(page).toMatchObject({ path: '/', total: 3, nextAfter: null })
    expect(page.children.map((row) => row.name)).toEqual(['a', 'b', 'c'])
    const { incarnationId } = await project.streams.state(parsePath('/c'))
    expect(page.children[2]).toEqual({
      path: '/c',
      name: 'c',
      incarnationId,
      contentType: 'application/json',
      eventCount: 3,
      maxOffset: 3,
      createdAt: '2026-01-01T00:00:00.000Z',
      lastEventAt: '2026-01-01T00:00:01.000Z',
      paused: false,
      closed: false,
      childCount: 0,
      descendantCount: 0,
    })
    expect(page.children[0]).toMatchObject({ path: '/a', childCount: 1, descendantCount: 2, eventCount: 3 })
  })

  test('of the root do not include the root; of a leaf there are none', async () => {
    using project = await projectOf('/', '/a')
    expect((await project.streams.children(ROOT)).children.map((row) => row.path)).toEqual(['/a'])
    expect(await project.streams.children(parsePath('/a'))).toMatchObject({ children: [], total: 0 })
  })

  test('are paged by name without gap or repetition, whatever the limit', async () => {
    const names = Array.from({ length: 23 }, (_, i) => `s${i}`)
    using project = await projectOf(...names.map((name) => `/p/${name}`), '/p/s1/below', '/p-1', '/other')
    const sorted = names.toSorted()
    for (const limit of [1, 2, 7, 22, 23, 24]) {
      const found: string[] = []
      let after: string | null = ''
      for (let pages = 0; after !== null; pages++) {
        const page = await project.streams.children(parsePath('/p'), { limit, after })
        expect(page.total).toBe(23)
        expect(page.children.length).toBeLessThanOrEqual(limit)
        expect(pages).toBeLessThan(24)
        found.push(...page.children.map((row) => row.name))
        after = page.nextAfter
      }
      expect(found).toEqual(sorted)
    }
  })

  test('can be skipped', async () => {
    using project = await projectOf('/a', '/b', '/c', '/d')
    const names = async (options: object) =>
      (await project.streams.children(ROOT, options)).children.map((row) => row.name)
    expect(await names({ skip: 1, limit: 2 })).toEqual(['b', 'c'])
    expect(await names({ skip: 3 })).toEqual(['d'])
    expect(await names({ skip: 4 })).toEqual([])
    expect(await project.streams.children(ROOT, { skip: 1, limit: 2 })).toMatchObject({ nextAfter: 'c', total: 4 })
  })

  test('can be matched by part of the name, in any case, and not by part of the path', async () => {
    using project = await projectOf('/agents/Alpha', '/agents/beta', '/agents/ALPHABET', '/agents/x-y', '/agents/x_y')
    const match = async (text: string) => {
      const page = await project.streams.children(parsePath('/agents'), { match: text })
      return [page.children.map((row) => row.name), page.total]
    }
    expect(await match('alpha')).toEqual([['ALPHABET', 'Alpha'], 2])
    expect(await match('BET')).toEqual([['ALPHABET', 'beta'], 2])
    expect(await match('agents')).toEqual([[], 0])
    expect(await match('_')).toEqual([['x_y'], 1])
    expect(await match('*')).toEqual([[], 0])
    expect((await match(''))[1]).toBe(5)
  })

  test('a matching page goes on after a name, and its total counts all pages', async () => {
    using project = await projectOf('/a1', '/a2', '/a3', '/b1')
    const first = await project.streams.children(ROOT, { match: 'A', limit: 2 })
    expect(first).toMatchObject({ total: 3, nextAfter: 'a2' })
    const rest = await project.streams.children(ROOT, { match: 'A', limit: 2, after: 'a2' })
    expect(rest.children.map((row) => row.name)).toEqual(['a3'])
    expect(rest).toMatchObject({ total: 3, nextAfter: null })
  })

  test('are found all over the project by letters of their paths that stand apart, 16 at most', async () => {
    using project = await projectOf('/agents/a1/runs/7', '/agents/a2', '/runs')
    const found = async (match: string) =>
      (await project.streams.list({ match, fuzzy: true })).streams.map(({ path }) => path)
    expect(await found('AGruns7')).toEqual(['/agents/a1/runs/7'])
    expect(await found('rs')).toEqual(['/agents/a1/runs', '/agents/a1/runs/7', '/runs'])
    expect(await found('sr')).toEqual(['/agents/a1/runs', '/agents/a1/runs/7'])
    expect(await found('x'.repeat(16))).toEqual([])
    await expect(found('x'.repeat(17))).rejects.toMatchObject({ code: 'BAD_REQUEST', details: { field: 'match' } })
  })

  test('come by their making, the newest first, and every page is reached by skip', async () => {
    using project = new TestProject()
    const names = ['m', 'a', 'z', 'B', 'c', 'y', 'd']
    for (const name of names) {
      // Each second one is made in the same millisecond as the one before.
      project.clock.ms += names.indexOf(name) % 2
      await project.append(`/p/${name}`, { type: 'x' })
      await project.append(`/p/m`, { type: 'x' })
    }
    const P = parsePath('/p')
    const newest = names.toReversed()
    for (const limit of [1, 3, 6, 7, 8]) {
      const found: string[] = []
      for (let skip = 0; skip < newest.length; skip += limit) {
        const page = await project.streams.children(P, { order: 'created', limit, skip })
        expect(page).toMatchObject({ total: 7, nextAfter: null })
        found.push(...page.children.map((row) => row.name))
      }
      expect([limit, found]).toEqual([limit, newest])
    }
    const beyond = await project.streams.children(P, { order: 'created', skip: 7 })
    expect(beyond).toMatchObject({ children: [], total: 7, nextAfter: null })
    expect(await project.streams.children(P, { order: 'created' })).toMatchObject({ total: 7 })
    const matching = await project.streams.children(P, { order: 'created', match: 'b', limit: 1 })
    expect(matching).toMatchObject({ children: [{ name: 'B' }], total: 1 })
    const byName = await project.streams.children(P, { order: 'name', after: 'c', limit: 2 })
    expect([byName.children.map((row) => row.name), byName.nextAfter]).toEqual([['d', 'm'], 'm'])
  })

  test.each([
    [{ limit: 0 }],
    [{ limit: 1001 }],
    [{ skip: -1 }],
    [{ skip: 0.5 }],
    [{ skip: 1, after: 'a' }],
    [{ match: 'x'.repeat(256) }],
    [{ order: 'created' as const, after: 'a' }],
    [{ order: 'size' as 'name' }],
  ])('refuses %j', async (options) => {
    using project = await projectOf('/a')
    expect(await failureOf(project.streams.children(ROOT, options))).toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('list', () => {
  const tree = ['/a', '/a/b', '/a/b/c', '/a-1', '/a-1/x', '/a/d', '/a0', '/a!', '/ab', '/b']

  test('is the prefix itself, then what lies below it, without siblings that share the text', async () => {
    using project = await projectOf(...tree)
    const paths = async (options: object) => (await project.streams.list(options)).streams.map((row) => row.path)
    expect(await paths({ prefix: '/a' })).toEqual(['/a', '/a/b', '/a/b/c', '/a/d'])
    expect(await paths({ prefix: '/a/' })).toEqual(['/a', '/a/b', '/a/b/c', '/a/d'])
    expect(await paths({ prefix: '/a/b/../b' })).toEqual(['/a/b', '/a/b/c'])
    expect(await paths({ prefix: '/a-1' })).toEqual(['/a-1', '/a-1/x'])
    expect(await paths({ prefix: '/not-there' })).toEqual([])
    expect(await paths({})).toEqual(['/', ...tree].toSorted())
  })

  test.each(['/', '/a', '/a-1', '/a/b/c'])(
    'of %s is paged without gap or repetition, whatever the limit',
    async (prefix) => {
      using project = await projectOf(...tree)
      const all = (await project.streams.list({ prefix })).streams.map((row) => row.path)
      for (let limit = 1; limit <= all.length + 1; limit++) {
        const found: StreamPath[] = []
        let after: string | null | undefined
        while (after !== null) {
          const page = await project.streams.list({ prefix, limit, ...(after === undefined ? {} : { after }) })
          expect(page.streams.length).toBeLessThanOrEqual(limit)
          found.push(...page.streams.map((row) => row.path))
          expect(found.length).toBeLessThanOrEqual(all.length)
          after = page.nextAfter
        }
        expect(found).toEqual(all)
      }
    },
  )

  test('may begin after a path that does not exist or lies outside', async () => {
    using project = await projectOf(...tree)
    const paths = async (options: object) => (await project.streams.list(options)).streams.map((row) => row.path)
    expect(await paths({ prefix: '/a', after: '/a/c' })).toEqual(['/a/d'])
    expect(await paths({ prefix: '/a', after: '/' })).toEqual(['/a', '/a/b', '/a/b/c', '/a/d'])
    expect(await paths({ prefix: '/a', after: '/a-1' })).toEqual(['/a/b', '/a/b/c', '/a/d'])
    expect(await paths({ prefix: '/a', after: '/b' })).toEqual([])
    expect(await paths({ after: '/zzz' })).toEqual([])
  })

  test('can be matched by part of the path, in any case', async () => {
    using project = await projectOf('/agents/Alpha/runs', '/agents/beta', '/other/alphabet')
    const page = await project.streams.list({ match: 'ALPHA' })
    expect(page.streams.map((row) => row.path)).toEqual(['/agents/Alpha', '/agents/Alpha/runs', '/other/alphabet'])
    expect((await project.streams.list({ prefix: '/agents', match: 'alpha', limit: 1 })).nextAfter).toBe(
      '/agents/Alpha',
    )
  })

  test.each([
    [{ prefix: 'a' }],
    [{ prefix: '/../a' }],
    [{ after: 'x y' }],
    [{ limit: 1001 }],
    [{ match: 'x'.repeat(256) }],
  ])('refuses %j', async (options) => {
    using project = await projectOf('/a')
    expect(await failureOf(project.streams.list(options))).toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('10,000 streams on one level', () => {
  test('are counted, paged, matched and listed', async () => {
    using project = new TestProject()
    const name = (i: number) => `s${String(i).padStart(5, '0')}`
    await Promise.all(
      Array.from({ length: 10_000 }, (_, i) => project.streams.append(parsePath(`/flat/${name(i)}`), X)),
    )
    const flat = parsePath('/flat')
    expect(await project.streams.state(flat)).toMatchObject({ childCount: 10_000, descendantCount: 10_000 })
    expect(await project.streams.state(ROOT)).toMatchObject({ childCount: 1, descendantCount: 10_001 })
    const last = await project.streams.children(flat, { after: name(9_989) })
    expect(last.children.map((row) => row.name)).toEqual(Array.from({ length: 10 }, (_, i) => name(9_990 + i)))
    expect(last).toMatchObject({ total: 10_000, nextAfter: null })
    expect((await project.streams.children(flat, { skip: 9_999 })).children.map((row) => row.name)).toEqual([
      name(9_999),
    ])
    expect(await project.streams.children(flat, { match: 'S0999', limit: 5 })).toMatchObject({
      total: 10,
      nextAfter: name(9_994),
    })
    const listed: string[] = []
    let after: string | null | undefined
    while (after !== null) {
      const page = await project.streams.list({
        prefix: '/flat',
        limit: 1000,
        ...(after === undefined ? {} : { after }),
      })
      listed.push(...page.streams.map((row) => row.path))
      after = page.nextAfter
    }
    expect(listed).toHaveLength(10_001)
    expect(new Set(listed).size).toBe(10_001)
  })

  test('more actors than are kept: every stream goes on where it was', async () => {
    using project = new TestProject()
    const path = (i: number) => parsePath(`/flat/s${i}`)
    const first: number[] = []
    const subscription = await project.streams.subscribe(path(0), { after: 'start' }, (batch) => {
      first.push(...batch.events.map((event) => event.offset))
    })
    for (let round = 0; round < 2; round++) {
      for (let from = 0; from < 11_000; from += 1000) {
        await Promise.all(Array.from({ length: 1000 }, (_, i) => project.streams.append(path(from + i), X)))
      }
    }
    for (const i of [0, 1, 500, 5000, 10_999]) {
      const receipts = await project.streams.append(path(i), [{ type: 'y', offset: 4 }])
      expect(receipts).toMatchObject([{ offset: 4 }])
    }
    expect(await project.streams.state(parsePath('/flat'))).toMatchObject({ childCount: 11_000 })
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
    expect(first).toEqual([1, 2, 3, 4])
    subscription.unsubscribe()
  })
})
