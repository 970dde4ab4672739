import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { type Plugin, type PreviewServer, build, createServer, preview } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { Tributary, launchBrowser } from './harness.ts'
import { Person, holdAppends } from './todo-list.ts'

// docs/examples/todo-list, built and served as it stands: people with a browser each share a list, with a network and
// without one.

const ROOT = join(import.meta.dirname, '..', 'docs', 'examples', 'todo-list')

let browser: Browser
let tributary: Tributary
let admin: { authorization: string }
let site: PreviewServer
const outDir = mkdtempSync(join(tmpdir(), 'tributary-todo-list-'))
const people: Person[] = []

const urlOf = ({ httpServer }: Pick<PreviewServer, 'httpServer'>) =>
  `http://localhost:${(httpServer.address() as AddressInfo).port}`
const streamUrl = () => `${tributary.url}/api/streams/demo/todos`

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  admin = { authorization: `Bearer ${await tributary.token('admin')}` }
  vi.stubEnv('TRIBUTARY_URL', tributary.url)
  vi.stubEnv('TRIBUTARY_TOKEN', await tributary.token('editor'))
  vi.stubEnv('NODE_ENV', 'production')
  const inline = { root: ROOT, logLevel: 'silent', build: { outDir } } as const
  await build(inline)
  site = await preview({ ...inline, preview: { port: 0, host: '127.0.0.1' } })
})
beforeEach(makeAnew)
afterEach(async () => {
  const complained = people.flatMap((person) => person.complained)
  for (const { context } of people.splice(0)) await context.close()
  if (complained.length > 0) throw new Error(`a page has complained: ${complained.join('\n')}`)
})
afterAll(async () => {
  await browser.close()
  await site.close()
  await tributary[Symbol.asyncDispose]()
  rmSync(outDir, { recursive: true, force: true })
})

async function makeAnew(): Promise<void> {
  await fetch(streamUrl(), { method: 'DELETE', headers: admin })
  await fetch(streamUrl(), { method: 'PUT', headers: { ...admin, 'content-type': 'application/json' } })
}

interface Message {
  readonly key: string
  readonly value?: { readonly text: string; readonly done: boolean }
  readonly headers: { readonly operation: string; readonly txid: string }
}

async function stored(): Promise<Message[]> {
  return (await (await fetch(streamUrl(), { headers: admin })).json()) as Message[]
}

const whatWasStored = async () =>
  (await stored()).map(({ headers, value }) => [headers.operation, value?.text, value?.done])

/** Somebody with a browser of their own, who sees the list live. */
async function somebody(url = urlOf(site)): Promise<Person> {
  const context = await browser.newContext()
  const person = new Person(context, await context.newPage())
  people.push(person)
  await person.page.goto(url)
  await person.says('live')
  return person
}

test('each of two people sees what the other does, and a reload shows the same', async () => {
  const [ann, ben] = [await somebody(), await somebody()]
  const hostile = '<img src=x onerror="console.error(1)">'
  await ann.add('milk', hostile, 'bread')
  await ben.sees('milk', hostile, 'bread')
  await ben.tick('milk')
  await ben.edit('bread', 'rye bread')
  await ann.sees('x milk', hostile, 'rye bread')
  await ann.delete(hostile)
  await ben.sees('x milk', 'rye bread')
  await ann.sees('x milk', 'rye bread')
  await ann.page.reload()
  await ann.sees('x milk', 'rye bread')
  expect(await whatWasStored()).toEqual([
    ['insert', 'milk', false],
    ['insert', hostile, false],
    ['insert', 'bread', false],
    ['update', 'milk', true],
    ['update', 'rye bread', false],
    ['delete', undefined, undefined],
  ])
})

test('a change is on the screen, marked, before the server has answered', async () => {
  const [ann, ben] = [await somebody(), await somebody()]
  const appends = await holdAppends(ann.page)
  await ann.add('milk', 'bread')
  await ann.tick('milk')
  await ann.sees('x milk …', 'bread …')
  await ann.says('live, 3 changes wait')
  expect(await stored()).toEqual([])
  appends.letGo()
  await ann.sees('x milk', 'bread')
  await ben.sees('x milk', 'bread')
  await ann.says('live')
})

test('what is cleared is gone from the other screen at once, never in parts', async () => {
  const [ann, ben] = [await somebody(), await somebody()]
  const texts = Array.from({ length: 8 }, (_, i) => `todo ${i}`)
  await ann.add(...texts, 'last')
  for (const text of texts) await ann.tick(text)
  await ben.sees(...texts.map((text) => `x ${text}`), 'last')
  const seenByBen = await ben.watch()
  await ann.page.getByRole('button', { name: 'Clear done' }).click()
  await ben.sees('last')
  expect(await seenByBen()).toEqual([['last']])
  const removed = (await stored()).filter(({ headers }) => headers.operation === 'delete')
  expect([removed.length, new Set(removed.map(({ headers }) => headers.txid)).size]).toEqual([8, 1])
})

test('what two people do offline arrives when they are back, once and in order, and both end with the same', async () => {
  const [ann, ben] = [await somebody(), await somebody()]
  await ann.add('milk')
  await ben.sees('milk')
  for (const { context } of [ann, ben]) await context.setOffline(true)
  await ann.says('offline')
  await ben.says('offline')
  await ann.tick('milk')
  await ann.add('ann 1', 'ann 2')
  await ann.tick('ann 1')
  await ben.edit('milk', 'oat milk')
  await ben.add('ben 1')
  await ann.says('offline, 4 changes wait')
  await ann.sees('x milk …', 'x ann 1 …', 'ann 2 …')
  await ben.sees('oat milk …', 'ben 1 …')
  await ann.context.setOffline(false)
  await ann.says('live')
  await ann.sees('x milk', 'x ann 1', 'ann 2')
  await ben.context.setOffline(false)
  await ben.says('live')
  // Ben was later: his row of milk is that of the stream.
  for (const person of [ann, ben]) await person.sees('oat milk', 'x ann 1', 'ann 2', 'ben 1')
  expect(await whatWasStored()).toEqual([
    ['insert', 'milk', false],
    ['update', 'milk', true],
    ['insert', 'ann 1', false],
    ['insert', 'ann 2', false],
    ['update', 'ann 1', true],
    ['update', 'oat milk', false],
    ['insert', 'ben 1', false],
  ])
})

test('what waits while the server is dead is there when it is back, nothing lost and nothing twice', async () => {
  const [ann, ben] = [await somebody(), await somebody()]
  await ann.add('before')
  await ben.sees('before')
  await tributary.end('SIGKILL')
  await ann.says('offline')
  await ann.tick('before')
  await ann.add('meanwhile 1', 'meanwhile 2', 'meanwhile 3')
  await ann.says('offline, 4 changes wait')
  const seenByAnn = await ann.watch()
  await tributary.launch()
  for (const person of [ann, ben]) await person.sees('x before', 'meanwhile 1', 'meanwhile 2', 'meanwhile 3')
  for (const person of [ann, ben]) await person.says('live')
  // What was shown is never gone in between, however it arrives.
  expect(await seenByAnn()).toEqual([['before', 'meanwhile 1', 'meanwhile 2', 'meanwhile 3']])
  expect((await whatWasStored()).slice(1)).toEqual([
    ['update', 'before', true],
    ['insert', 'meanwhile 1', false],
    ['insert', 'meanwhile 2', false],
    ['insert', 'meanwhile 3', false],
  ])
})

test('an append of which the answer got lost is sent again and stored once', async () => {
  const ann = await somebody()
  let lost = 0
  await ann.page.route('**/api/todos', async (route) => {
    if (route.request().method() !== 'POST' || lost > 1) return route.continue()
    lost++
    await route.fetch()
    await route.abort()
  })
  await ann.add('milk', 'bread')
  await ann.sees('milk', 'bread')
  await ann.says('live')
  expect(lost).toBe(2)
  expect(await whatWasStored()).toEqual([
    ['insert', 'milk', false],
    ['insert', 'bread', false],
  ])
})

test('what the server refuses is taken back and said, and the next is sent as ever', async () => {
  const ann = await somebody()
  const envelope = (type: string) =>
    fetch(streamUrl(), {
      method: 'POST',
      headers: { ...admin, 'content-type': 'application/vnd.tributary.event+json' },
      body: JSON.stringify({ type, payload: {} }),
    })
  await ann.add('milk')
  await ann.sees('milk')
  await envelope('stream/paused')
  await ann.tick('milk')
  await ann.page.getByRole('alert').getByText('refused it: 409 /todos is paused').waitFor()
  await ann.sees('milk')
  await ann.says('live')
  await envelope('stream/resumed')
  await ann.add('butter')
  await ann.sees('milk', 'butter')
  expect(await ann.page.getByRole('alert').count()).toBe(0)
  expect((await whatWasStored()).map(([, text]) => text)).toEqual(['milk', 'butter'])
})

test('what waits behind what is refused may build on it, and goes with it', async () => {
  const ann = await somebody()
  await ann.add('milk')
  await ann.sees('milk')
  const appends = await holdAppends(ann.page, { status: 422, body: '{"message":"no bread today"}' })
  await ann.add('bread')
  await ann.tick('bread')
  await ann.delete('milk')
  await ann.sees('x bread …')
  appends.letGo()
  await ann.page.getByRole('alert').getByText('refused it: 422 no bread today').waitFor()
  await ann.sees('milk')
  await ann.add('butter')
  await ann.sees('milk', 'butter')
  expect((await whatWasStored()).map(([, text]) => text)).toEqual(['milk', 'butter'])
})

test('on a narrow screen nothing sticks out, and keys alone do it all', async () => {
  const ann = await somebody()
  await ann.page.setViewportSize({ width: 320, height: 640 })
  const keys = async (...names: string[]) => {
    for (const name of names) await ann.page.keyboard.press(name)
  }
  const long = 'rhubarb'.repeat(40)
  await keys('Tab')
  await ann.page.keyboard.type(long)
  await keys('Enter')
  await ann.sees(long)
  await ann.says('live')
  expect(await ann.page.evaluate(() => document.documentElement.scrollWidth)).toBe(320)
  // Past the button to the box, and to the two buttons of the row.
  await keys('Tab', 'Tab', 'Space', 'Tab', 'Enter', 'ControlOrMeta+a')
  await ann.page.keyboard.type('rhubarb')
  await keys('Enter')
  await ann.sees('x rhubarb')
  await ann.edit('rhubarb', 'pears')
  await ann.sees('x pears')
  await ann.page.getByRole('button', { name: 'Edit pears' }).focus()
  await keys('Enter', 'x', 'Escape')
  await ann.sees('x pears')
  await ann.page.getByRole('button', { name: 'Clear done' }).focus()
  await keys('Enter')
  await ann.page.getByText('Nothing to do').waitFor()
})

test('a list that was deleted and made anew is empty, and takes changes as ever', async () => {
  const ann = await somebody()
  await ann.add('milk', 'bread')
  await ann.sees('milk', 'bread')
  await makeAnew()
  await ann.sees()
  await ann.add('butter', 'jam')
  await ann.says('live')
  await ann.sees('butter', 'jam')
  expect(await whatWasStored()).toEqual([
    ['insert', 'butter', false],
    ['insert', 'jam', false],
  ])
  expect(await ann.page.getByRole('alert').count()).toBe(0)
})

test('a page that may not read any more says so and takes nothing more, until it may again', async () => {
  const ann = await somebody()
  await ann.add('milk')
  await ann.sees('milk')
  await ann.page.route('**/api/todos*', (route) => route.fulfill({ status: 401, body: '' }))
  await ann.page.reload()
  await ann.says('error: the server answered with status 401')
  expect(await ann.page.getByRole('button', { name: 'Add' }).isDisabled()).toBe(true)
  // A query of TanStack DB says so too.
  expect(ann.complained.splice(0)).toEqual([expect.stringContaining('errors#error-172')])
  await ann.page.unroute('**/api/todos*')
  await ann.page.getByRole('button', { name: 'Try again' }).click()
  await ann.says('live')
  await ann.add('bread')
  await ann.sees('milk', 'bread')
})

test('a token that is no good is known when the site is started', async () => {
  const good = process.env['TRIBUTARY_TOKEN']
  vi.stubEnv('TRIBUTARY_TOKEN', 'trb_wrong')
  const refusal: unknown = await preview({ root: ROOT, logLevel: 'silent' }).catch((error: unknown) => error)
  vi.stubEnv('TRIBUTARY_TOKEN', good)
  expect(String(refusal)).toMatch(/todos: 401 .*a valid bearer token/)
})

/** The page in development, mounted and unmounted by the test. */
const byHand: Plugin = {
  name: 'mounted-by-hand',
  transformIndexHtml: (html) => html.replace('/main.tsx', '/by-hand.js'),
  resolveId: (id) => (id === '/by-hand.js' ? id : null),
  load: (id) =>
    id === '/by-hand.js'
      ? `
        import { StrictMode, createElement } from 'react'
        import { createRoot } from 'react-dom/client'
        import { StreamDBProvider } from 'tributary/stream-db/react'
        import { App } from '/app.tsx'
        import { db } from '/todos.ts'
        let root
        window.mount = () => {
          root = createRoot(document.querySelector('main'))
          root.render(createElement(StrictMode, null, createElement(StreamDBProvider, { db }, createElement(App))))
        }
        window.unmount = () => root.unmount()
        window.mount()
      `
      : null,
}

test('in development, with effects that run twice, and mounted again, it goes on as if nothing had been', async () => {
  vi.stubEnv('NODE_ENV', 'development')
  const cacheDir = mkdtempSync(join(import.meta.dirname, '..', 'node_modules', '.todo-list-'))
  const server = { port: 0, host: '127.0.0.1' }
  const vite = await createServer({ root: ROOT, logLevel: 'silent', cacheDir, plugins: [byHand], server })
  try {
    await vite.listen()
    const ann = await somebody(urlOf(vite as never))
    const ben = await somebody()
    const list = ['milk']
    await ann.add('milk')
    for (const bread of ['rye', 'spelt', 'wheat']) {
      await ben.sees(...list)
      await ann.page.evaluate('unmount()')
      await ann.sees()
      list.push(bread)
      await ben.add(bread)
      await ben.sees(...list)
      await ann.page.evaluate('mount()')
      await ann.sees(...list)
      await ann.says('live')
    }
    await ann.add('butter')
    for (const person of [ann, ben]) await person.sees(...list, 'butter')
    expect(await stored()).toHaveLength(5)
  } finally {
    await vite.close()
    rmSync(cacheDir, { recursive: true, force: true })
    vi.stubEnv('NODE_ENV', 'production')
  }
})
