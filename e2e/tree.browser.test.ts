import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ItxClient, connectItx } from '../src/itx/client/connect.ts'
import { Tributary, launchBrowser, until } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// The tree against a real server: what it shows at first, what changes while it is looked at, and how it is walked.

/** Siblings that no page of them shows at once. */
const MANY = 5000
/** Levels of a path, at most. */
const DEEPEST = Array.from({ length: 32 }, (_, level) => `/l${level + 1}`).join('')

let browser: Browser
let tributary: Tributary
let client: ItxClient
let context: BrowserContext
let page: Page
let found: string[]

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  client = connectItx({ url: tributary.url, token: await tributary.token('admin'), project: 'demo' })
  await make(Array.from({ length: MANY }, (_, at) => `/many/c${String(at).padStart(4, '0')}`))
  await make([DEEPEST])
})
afterAll(async () => {
  client.close()
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  found = complaints(context)
  page = await context.newPage()
  await signIn(page, tributary)
})
afterEach(() => context.close())

const streamUrl = (path: string) => `${tributary.url}/projects/demo/streams${path}`
const item = (name: string, on = page): Locator => on.getByRole('treeitem', { name: new RegExp(`^${name},`) })
const live = (on = page) => on.getByRole('status').getByText('Live').waitFor()
const isFocused = (locator: Locator) => locator.evaluate((node) => node === document.activeElement)
const hasFocus = (name: string) => until(`the focus on ${name}`, async () => await isFocused(item(name)))

/** Makes streams, many at once. */
async function make(paths: readonly string[]): Promise<void> {
  await client.use(async (project) => {
    for (let from = 0; from < paths.length; from += 100) {
      const some = paths.slice(from, from + 100).map(async (path) => {
        using stream = project.streams.get(path)
        await stream.create()
      })
      await Promise.all(some)
    }
  })
}
const onStream = <T>(path: string, act: (stream: StreamHandle) => Promise<T>) =>
  client.use(async (project) => {
    using stream = project.streams.get(path)
    return await act(stream)
  })
type StreamHandle = ReturnType<Parameters<Parameters<ItxClient['use']>[0]>[0]['streams']['get']>
const append = (path: string) => onStream(path, (stream) => stream.append([{ type: 'tick' }]))

/** Opens a page and waits until what changes is told: the row of a new stream has come. */
async function openLive(path: string, beside: string, on = page): Promise<void> {
  await on.goto(streamUrl(path))
  await live(on)
  // First among its siblings: however many they are, it is in sight.
  const probe = `a-probe-${probes++}`
  await make([`${beside === '/' ? '' : beside}/${probe}`])
  await item(probe, on).waitFor()
}
let probes = 0

/** How far a row is below the upper edge of the tree. */
const topOf = async (name: string) => (await item(name).boundingBox())?.y

describe('the first paint', () => {
  test('of a stream among thousands has 50 rows at most, no style of its own, and the way to the stream', async () => {
    for (const path of ['', '/many', '/many/c4321', DEEPEST]) {
      const html = await (await page.request.get(streamUrl(path))).text()
      const tree = /role="tree"[\s\S]*?<\/nav>/.exec(html)?.[0] ?? ''
      const rows = tree.match(/role="treeitem"/g) ?? []
      expect([path, rows.length > 0, rows.length <= 50]).toEqual([path, true, true])
      expect([path, tree.includes(' style=')]).toEqual([path, false])
      expect([path, tree.includes('aria-current="page"')]).toEqual([path, true])
    }
  })

  test('stays where it is when the browser takes over', async () => {
    const still = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 800 } })
    await still.addCookies(await context.cookies())
    const before = await still.newPage()
    for (const [path, name] of [
      ['/many', 'c0003'],
      ['/many/c0150', 'c0150'],
      ['/many/c4321', 'c4321'],
    ] as const) {
      await Promise.all([before.goto(streamUrl(path)), page.goto(streamUrl(path))])
      await live()
      // The lists above the tree are there for those with a script alone.
      const shift = await page.getByRole('tree').evaluate((tree) => tree.parentElement!.getBoundingClientRect().top)
      const without = await before.getByRole('tree').evaluate((tree) => tree.parentElement!.getBoundingClientRect().top)
      const at = (await topOf(name))! - shift
      expect([path, at]).toEqual([path, (await item(name, before).boundingBox())!.y - without])
    }
    await still.close()
    expect(found).toEqual([])
  })

  test('of the deepest path shows all of its levels', async () => {
    await page.goto(streamUrl(DEEPEST))
    await live()
    const last = item('l32')
    expect([await last.getAttribute('aria-level'), await last.getAttribute('aria-current')]).toEqual(['33', 'page'])
    const tree = await page.getByRole('tree').evaluate((node) => node.parentElement!.getBoundingClientRect().toJSON())
    const row = (await last.boundingBox())!
    expect(row.y).toBeGreaterThanOrEqual(tree.top)
    expect(row.y + row.height).toBeLessThanOrEqual(tree.bottom + 1)
    expect(found).toEqual([])
  })
})

describe('while it is looked at', () => {
  test('a stream that is made, grows, is paused and is deleted shows so, in two tabs', async () => {
    await make(['/live/first'])
    const other = await context.newPage()
    await openLive('/live', '/live')
    await openLive('/live', '/live', other)
    const tabs = [page, other]
    await make(['/live/made'])
    for (const tab of tabs) await item('made', tab).waitFor()
    await append('/live/made')
    for (const tab of tabs) {
      await tab.getByRole('treeitem', { name: 'made, 2 events' }).waitFor()
      await item('made', tab).locator('.risen').waitFor()
    }
    await onStream('/live/made', (stream) => stream.pause('why not'))
    for (const tab of tabs) await tab.getByRole('treeitem', { name: /^made, 3 events, paused/ }).waitFor()
    for (const tab of tabs) await item('made', tab).locator('.risen').waitFor({ state: 'detached' })
    await onStream('/live/made', (stream) => stream.delete())
    for (const tab of tabs) await item('made', tab).waitFor({ state: 'detached' })
    await item('first').waitFor()
    expect(found).toEqual([])
  })

  test('streams below one that is opened by hand are told of too', async () => {
    await make(['/hand/a/x'])
    await openLive('/hand', '/hand')
    await item('a').focus()
    await page.keyboard.press('ArrowRight')
    await item('x').waitFor()
    // Watched from a moment after it was opened: what comes before that is read a little later.
    await make(['/hand/a/y'])
    await item('y').waitFor()
    expect(found).toEqual([])
  })

  test('a stream that does not exist stands where it will be, and exists there', async () => {
    await make(['/absent/a', '/absent/z'])
    await page.goto(streamUrl('/absent/m'))
    await live()
    const rows = () => page.getByRole('treeitem', { name: /^[amz],/ }).allInnerTexts()
    expect(await rows()).toEqual(['a\n1', 'm\nnew', 'z\n1'])
    await append('/absent/m')
    await page.getByRole('treeitem', { name: 'm, 2 events' }).waitFor()
    expect((await rows()).map((text) => text[0])).toEqual(['a', 'm', 'z'])
  })

  test('what has changed while the server was away is there when it is back', async () => {
    await make(['/away/a'])
    let isAway = false
    await page.routeWebSocket('**/api/itx', (socket) => {
      if (isAway) void socket.close()
      else socket.connectToServer()
    })
    await openLive('/away', '/away')
    isAway = true
    await tributary.end('SIGKILL')
    await page.getByText(/Reconnecting/).waitFor()
    await tributary.launch()
    // Made while nobody could tell of it.
    await make(['/away/b'])
    expect(await item('b').count()).toBe(0)
    isAway = false
    await item('b').waitFor()
    await append('/away/b')
    await page.getByRole('treeitem', { name: 'b, 2 events' }).waitFor()
    expect(await item('a').count()).toBe(1)
  })
})

describe('among thousands of siblings', () => {
  test('all are reached, few are in the page, and what is seen stays when one is made above', async () => {
    await openLive('/many', '/many')
    await item('c0000').focus()
    await page.keyboard.press('End')
    await page.getByRole('treeitem', { name: /^many,/ }).waitFor({ state: 'detached' })
    await page.keyboard.press('Home')
    await hasFocus('/')
    await item('c0000').focus()
    const tree = page.getByRole('tree')
    const scroller = tree.locator('xpath=..')
    await scroller.evaluate((node) => node.scrollTo(0, 2500 * 28))
    const middle = page.getByRole('treeitem', { name: /^c24\d\d,/ })
    await middle.first().waitFor()
    expect(await page.getByRole('treeitem').count()).toBeLessThan(80)
    // The focused row is far above: it is kept, for Tab to reach.
    expect(await isFocused(item('c0000'))).toBe(true)
    const seen = (await middle.nth(14).getAttribute('aria-label'))!.replace(/,.*/, '')
    const before = await topOf(seen)
    const place = Number(await item(seen).getAttribute('aria-posinset'))
    await make(['/many/aaa', '/many/aab'])
    await until('the new ones', async () => Number(await item(seen).getAttribute('aria-posinset')) === place + 2)
    expect(await topOf(seen)).toBe(before)
    await scroller.evaluate((node) => node.scrollTo(0, node.scrollHeight))
    await item('c4999').waitFor()
    const { total } = await onStream('/many', (stream) => stream.children({ limit: 1 }))
    expect(await item('c4999').getAttribute('aria-setsize')).toBe(String(total))
    expect(found).toEqual([])
  })

  test('one that is far down is opened with its parent in sight', async () => {
    await page.goto(streamUrl('/many/c4321'))
    await live()
    const [parent, row] = await Promise.all([item('many').boundingBox(), item('c4321').boundingBox()])
    expect(row!.y - parent!.y).toBe(parent!.height)
  })

  test('the newest come first when asked for, and the order is kept in the tab', async () => {
    await make(['/many/made-last'])
    await page.goto(streamUrl('/many'))
    await live()
    await page.getByLabel('Order of the streams').selectOption('created')
    const first = page.getByRole('treeitem', { level: 3 }).first()
    await until('the newest', async () => (await first.getAttribute('aria-label'))?.startsWith('made-last') === true)
    await page.reload()
    await until('the newest', async () => (await first.getAttribute('aria-label'))?.startsWith('made-last') === true)
    expect(new URL(page.url()).search).toBe('')
    expect(found).toEqual([])
  })
})

describe('by keyboard', () => {
  test('the tree is entered by one Tab, walked, and left', async () => {
    await make(['/walk/alder/one', '/walk/alder/two', '/walk/birch/three', '/walk/cedar'])
    await page.goto(streamUrl('/walk'))
    await live()
    await page.getByLabel('Order of the streams').focus()
    for (let tabs = 0; tabs < 10 && !(await isFocused(item('walk'))); tabs++) await page.keyboard.press('Tab')
    await hasFocus('walk')
    await page.keyboard.press('ArrowRight')
    await hasFocus('alder')
    await page.keyboard.press('*')
    await item('three').waitFor()
    await page.keyboard.press('t')
    await hasFocus('two')
    await page.keyboard.press('t')
    await hasFocus('three')
    await page.keyboard.press('ArrowLeft')
    await hasFocus('birch')
    await page.keyboard.press('ArrowLeft')
    await item('three').waitFor({ state: 'detached' })
    await hasFocus('birch')
    await page.keyboard.press('ArrowUp')
    await hasFocus('two')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/streams/walk/alder/two')
    await hasFocus('two')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press(' ')
    await page.waitForURL('**/streams/walk/alder/one')
    // The page of the stream takes its place before Tab leads into it.
    await page.getByRole('log').waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.closest('[role=tree]') === null)).toBe(true)
    expect(found).toEqual([])
  })

  test('the focus goes on to the next row when its stream vanishes', async () => {
    await make(['/vanish/a', '/vanish/b', '/vanish/c'])
    await openLive('/vanish', '/vanish')
    await item('b').focus()
    await onStream('/vanish/b', (stream) => stream.delete())
    await item('b').waitFor({ state: 'detached' })
    await hasFocus('c')
    expect(found).toEqual([])
  })
})

describe('the filter', () => {
  test('finds streams by their path on the server, and leads to them by keyboard', async () => {
    await make(['/rivers/elbe/gauge', '/rivers/oder/gauge'])
    await page.goto(streamUrl(''))
    await live()
    await page.locator('body').press('/')
    await page.keyboard.type('GAUGE')
    const results = page.getByRole('list', { name: 'Streams that match' })
    const marks = () => results.locator('mark').allInnerTexts()
    await until('what matches', async () => (await marks()).join(' ') === 'gauge gauge')
    expect(await results.getByRole('link').allInnerTexts()).toEqual(['/rivers/elbe/gauge\n1', '/rivers/oder/gauge\n1'])
    const field = page.getByLabel('Filter the streams by their path')
    const isInField = () => field.evaluate((input) => input === document.activeElement)
    await page.keyboard.press('ArrowDown')
    expect(await isInField()).toBe(false)
    await page.keyboard.press('Escape')
    expect([await isInField(), await field.inputValue()]).toEqual([true, 'GAUGE'])
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/streams/rivers/oder/gauge')
    await field.fill('there is no such stream')
    await page.getByText('No stream has “there is no such stream” in its path').waitFor()
    await page.reload()
    await page.getByText('No stream has “there is no such stream” in its path').waitFor()
    await field.press('Escape')
    await item('gauge').waitFor()
    expect(found).toEqual([])
  })
})

test('the tree is where it was when the filter is taken away', async () => {
  await page.goto(streamUrl('/many'))
  await live()
  const scroller = page.getByRole('tree').locator('xpath=..')
  await scroller.evaluate((node) => node.scrollTo(0, 1000 * 28))
  await item('c1001').waitFor()
  const field = page.getByLabel('Filter the streams by their path')
  await field.fill('c4999')
  await page.getByText('1 stream matches').waitFor()
  await field.press('Escape')
  await item('c1001').waitFor()
  expect(
    await page
      .getByRole('tree')
      .locator('xpath=..')
      .evaluate((node) => node.scrollTop),
  ).toBe(1000 * 28)
})

describe('a new stream', () => {
  test('is made in its place, by keyboard, and what is wrong with its name is said there', async () => {
    await make(['/made/here'])
    await page.goto(streamUrl('/made'))
    await live()
    await item('here').focus()
    await page.keyboard.press('+')
    const name = page.getByLabel('Name of the new stream below /made/here')
    await until('the field', () => isFocused(name))
    await page.keyboard.type('not a name')
    await page.keyboard.press('Enter')
    await page.getByText('may only contain').waitFor()
    expect(await name.getAttribute('aria-invalid')).toBe('true')
    await page.keyboard.press('Escape')
    await name.waitFor({ state: 'detached' })
    await hasFocus('here')
    await page.keyboard.press('+')
    await until('the field', () => isFocused(name))
    await page.keyboard.type('new-one')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/streams/made/here/new-one')
    await page.getByRole('treeitem', { name: 'new-one, 1 event' }).waitFor()
    await hasFocus('new-one')
    await page.getByRole('button', { name: 'New stream' }).click()
    const below = page.getByLabel('Name of the new stream below /made/here/new-one')
    await below.fill('a/b')
    await below.press('Enter')
    await page.waitForURL('**/streams/made/here/new-one/a/b')
    await page.getByRole('treeitem', { name: 'b, 1 event' }).waitFor()
    expect(found).toEqual([])
  })

  test('that is there already is not made again', async () => {
    await make(['/twice/a'])
    await page.goto(streamUrl('/twice'))
    await live()
    await page.getByRole('button', { name: 'New stream' }).click()
    const name = page.getByLabel('Name of the new stream below /twice')
    await name.fill('a')
    await name.press('Enter')
    await page.getByText('/twice/a exists already').waitFor()
    expect(await isFocused(name)).toBe(true)
  })
})

test('a viewer makes none', async () => {
  const viewer = { email: 'viewer@example.test', password: 'correct horse battery 9' }
  const user = ['user', 'create', viewer.email, '--project', 'demo', '--role', 'viewer']
  expect(await tributary.cli(user, { input: viewer.password })).toMatchObject({ code: 0 })
  const theirs = await browser.newContext()
  const other = await theirs.newPage()
  await signIn(other, tributary, viewer)
  await openLive('/viewed', '/viewed', other)
  expect(await other.getByRole('button', { name: 'New stream' }).count()).toBe(0)
  await item('viewed', other).focus()
  await other.keyboard.press('+')
  await other.keyboard.press('ArrowDown')
  await until('the focus on the child', () => isFocused(other.getByRole('treeitem', { name: /^a-probe/ })))
  expect(await other.getByRole('tree').locator('input').count()).toBe(0)
  expect(await item('viewed', other).getAttribute('aria-keyshortcuts')).toBeNull()
  await theirs.close()
})

describe('what fails', () => {
  test('says why where the rows would be, and is there when it is tried again', async () => {
    await make(['/fails/a/x'])
    let isFailing = false
    let failures = 0
    await page.routeWebSocket('**/api/itx', (socket) => {
      const server = socket.connectToServer()
      const refused = new Set<unknown>()
      let calls = 0
      socket.onMessage((message) => {
        const [kind, what] = JSON.parse(String(message)) as [string, unknown]
        if (kind === 'push') {
          calls++
          if (isFailing && JSON.stringify(what).includes('["children"]')) refused.add(calls)
        }
        if (kind !== 'pull' || !refused.has(what)) return server.send(message)
        failures++
        const error = ['error', 'Error', 'the disk is on fire', null, { code: 'FORBIDDEN' }]
        socket.send(JSON.stringify(['reject', what, error]))
      })
    })
    await page.goto(streamUrl('/fails'))
    await live()
    isFailing = true
    await item('a').focus()
    await page.keyboard.press('ArrowRight')
    const failed = page.getByRole('treeitem', { name: /^The disk is on fire\./ })
    await failed.waitFor()
    await page.keyboard.press('ArrowDown')
    // By itself it is asked for again once or twice; here it is for each press, and the focus stays.
    for (let press = 0; press < 4; press++) {
      await until('the focus on the failed row', () => isFocused(failed))
      const before = failures
      await page.keyboard.press('Enter')
      await until('another failure', () => failures > before)
      await failed.waitFor()
    }
    await until('the focus on the failed row', () => isFocused(failed))
    isFailing = false
    await page.keyboard.press('Enter')
    await item('x').waitFor()
    await failed.waitFor({ state: 'detached' })
    expect(await item('a').getAttribute('aria-expanded')).toBe('true')
  })
})

test('names are shown as text, whatever they are', async () => {
  const names = ["'-alert(1)-'", '$&', '__proto__', 'constructor', '&lt;b&gt;', '(*+,;=:@!~)', 'toString']
  await make(names.map((name) => `/hostile/${name}`))
  await openLive('/hostile', '/hostile')
  for (const name of names) {
    const row = page.getByRole('treeitem', { name: `${name}, 1 event`, exact: true })
    expect(await row.locator('.foreign').innerText()).toBe(name)
  }
  await page.getByRole('treeitem', { name: '$&, 1 event', exact: true }).click()
  await page.getByRole('heading', { name: '/hostile/$&' }).waitFor()
  expect(decodeURIComponent(new URL(page.url()).pathname)).toBe('/projects/demo/streams/hostile/$&')
  expect(await page.evaluate(() => ({}) as Record<string, unknown>)).toEqual({})
  expect(found).toEqual([])
})

test('on a narrow screen it is a drawer, which opens with the stream in sight and closes when one is followed', async () => {
  await page.setViewportSize({ width: 320, height: 640 })
  await page.goto(streamUrl('/many/c0150'))
  await live()
  expect(await item('c0150').isVisible()).toBe(false)
  await page.getByRole('button', { name: 'Streams' }).click()
  await item('c0150').waitFor()
  await until('the row in sight', async () => {
    const box = await item('c0150').boundingBox()
    return box !== null && box.y >= 0 && box.y + box.height <= 640
  })
  await item('c0151').click()
  await page.waitForURL('**/streams/many/c0151')
  await item('c0151').waitFor({ state: 'hidden' })
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
  expect(found).toEqual([])
})

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

test.each(['light', 'dark'] as const)(
  'axe finds nothing in any of its states, in the %s theme',
  async (colorScheme) => {
    await make(['/axe/a/b', '/axe/c'])
    await onStream('/axe/c', (stream) => stream.pause('why not'))
    const own = await browser.newContext({ colorScheme, bypassCSP: true, storageState: await context.storageState() })
    const other = await own.newPage()
    const violations = async () => {
      await other.evaluate(AXE)
      const { violations: all } = await other.evaluate(() =>
        (globalThis as unknown as { axe: { run(what: string): Promise<AxeResults> } }).axe.run('#streams-pane'),
      )
      return all.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`))
    }
    await other.goto(streamUrl('/axe/absent/stream'))
    await live(other)
    await item('c', other).waitFor()
    expect(await violations()).toEqual([])
    await item('a', other).focus()
    await other.keyboard.press('+')
    await other.getByRole('textbox', { name: /Name of the new stream/ }).waitFor()
    await other.keyboard.type('not a name')
    await other.keyboard.press('Enter')
    await other.getByText('may only contain').waitFor()
    expect(await violations()).toEqual([])
    await other.keyboard.press('Escape')
    await other.getByLabel('Filter the streams by their path').fill('axe')
    await other.getByRole('list', { name: 'Streams that match' }).getByRole('link').first().waitFor()
    expect(await violations()).toEqual([])
    await own.close()
  },
)
