import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askedPath } from '../components/stream/asked-path.ts'
import { newestEventsQuery, projectBySlugQuery, streamChildrenQuery, streamStateQuery } from '../itx/queries.ts'
import { getServerItx, getServerRoot } from '../itx/server-handle.ts'
import { Watch, checkFailure, checkUnharmed } from './hostile-oracle.ts'
import { plainPath } from './hostile-paths.ts'
import { TestTributary } from './testing.ts'

// Threat: an address of a page makes its loader throw what the page cannot show, or shows another project.

const SEED = 20_261_125
let tributary: TestTributary
let watch: Watch
let request: Request
beforeAll(async () => {
  tributary = await TestTributary.start()
  watch = new Watch()
  const cookie = await tributary.signIn(await tributary.user('reader@example.com', { demo: 'viewer' }))
  request = new Request(tributary.url, { headers: { cookie } })
  tributary.project('other')
})
afterAll(async () => {
  watch[Symbol.dispose]()
  await tributary.stop()
})

test('400 hostile addresses of a stream are a page of it, or one that says what is wrong', async () => {
  let sent = 0
  using handle = await getServerItx('demo', request)
  const { id } = await handle.project()
  await fc.assert(
    fc.asyncProperty(plainPath, fc.string({ unit: 'binary', maxLength: 20 }), async (splat, after) => {
      sent++
      // What follows the slash is all that the router hands on, its escapes resolved.
      const asked = askedPath(typeof splat === 'string' ? splat.slice(1) : undefined)
      if (asked.path === null) {
        expect(asked.problem.length).toBeLessThan(1000)
        return
      }
      const [state, newest, children] = await Promise.all([
        streamStateQuery(id, asked.path).queryFn(handle),
        newestEventsQuery(id, asked.path).queryFn(handle),
        streamChildrenQuery(id, asked.path, after).queryFn(handle),
      ])
      expect([state.exists, newest.events, children.children]).toEqual([false, [], []])
    }),
    { numRuns: 400, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(400)
  expect((await tributary.streams().list()).streams).toEqual([])
  checkUnharmed(watch)
})

test('200 hostile names of a project name none', async () => {
  let sent = 0
  using root = await getServerRoot(request)
  const odd = [
    '',
    '.',
    '..',
    '../demo',
    'demo/',
    'DEMO',
    'demo\u0000',
    ' demo',
    '__proto__',
    'constructor',
    'prj_',
    'other',
  ]
  const names = fc.oneof(
    fc.constantFrom(...odd, 'x'.repeat(100_000)),
    fc.string({ unit: 'binary' }).filter((name) => name !== 'demo'),
  )
  await fc.assert(
    fc.asyncProperty(names, async (name) => {
      sent++
      expect(await projectBySlugQuery(name).queryFn(root)).toBeNull()
      expect(await getServerItx(name, request).then(() => 'a project', checkFailure)).toBe('NOT_FOUND')
    }),
    { numRuns: 200, seed: SEED },
  )
  expect(sent).toBeGreaterThanOrEqual(200)
  checkUnharmed(watch)
})
