import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ItxClient, connectItx } from '../src/itx/client/connect.ts'
import { Tributary, launchBrowser } from './harness.ts'
import { addProjects } from './add-projects.ts'
import { complaints, signIn, signOut } from './pages.ts'

// The frame of every page: breadcrumbs, palette, shortcuts, preferences.

let browser: Browser
let tributary: Tributary
let client: ItxClient
let context: BrowserContext
let page: Page
let found: string[]

const DEEP = '/agents/a1/runs/7'

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  client = connectItx({ url: tributary.url, token: await tributary.token('admin'), project: 'demo' })
  for (const path of [DEEP, '/agents/a2', "/agents/$(rm)&'x"]) await append(path, 3)
})
afterAll(async () => {
  client.close()
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  found = complaints(context)
  page = await context.newPage()
  await signIn(page, tributary)
})
afterEach(() => context.close())

const append = (path: string, count: number) =>
  client.onStream(path, (stream) =>
    stream.append(Array.from({ length: count }, (_, n) => ({ type: 'step', payload: JSON.stringify({ n }) as never }))),
  )

async function open(path: string): Promise<void> {
  await page.goto(`${tributary.url}${path}`)
  await page.getByRole('status').getByText('Live').waitFor()
}

const stream = (path: string) => `/projects/demo/streams${path}`
const at = (path: string) => page.waitForURL(`${tributary.url}${path}`)

describe('breadcrumbs', () => {
  test('lead to each stream above, and have menus of those beside, by keys alone', async () => {
    await open(stream(DEEP))
    const crumbs = page.getByRole('navigation', { name: 'Breadcrumb' })
    expect(await crumbs.getByRole('link').allTextContents()).toEqual(['/', 'agents', 'a1', 'runs', '7'])
    expect(await crumbs.getByRole('link', { name: '7' }).getAttribute('aria-current')).toBe('page')

    const beside = crumbs.getByRole('button', { name: 'Beside a1' })
    await beside.focus()
    await page.keyboard.press('Enter')
    const menu = page.getByRole('menu')
    await menu.getByRole('menuitem', { name: 'a2' }).waitFor()
    expect(await menu.getByRole('menuitem').allTextContents()).toEqual(["$(rm)&'x", 'a1', 'a2'])
    await page.keyboard.press('Escape')
    await menu.waitFor({ state: 'detached' })
    expect(await beside.evaluate((button) => button === document.activeElement)).toBe(true)

    await page.keyboard.press('ArrowDown')
    await menu.getByRole('menuitem', { name: 'a2' }).waitFor()
    await page.keyboard.type('a2')
    await page.keyboard.press('Enter')
    await at(stream('/agents/a2'))
    expect(found).toEqual([])
  })

  test('of a very deep stream keep their ends, and the middle in a menu', async () => {
    const path = `/${Array.from({ length: 20 }, (_, i) => `d${i}`).join('/')}`
    await append(path, 1)
    await open(stream(path))
    const crumbs = page.getByRole('navigation', { name: 'Breadcrumb' })
    expect(await crumbs.getByRole('link').allTextContents()).toEqual(['/', 'd16', 'd17', 'd18', 'd19'])
    await crumbs.getByRole('button', { name: '16 more above' }).click()
    await page.getByRole('menuitem', { name: '/d0/d1/d2', exact: true }).click()
    await at(stream('/d0/d1/d2'))
    expect(found).toEqual([])
  })
})

describe('the palette', () => {
  const box = () => page.getByRole('combobox', { name: 'Find a stream or an action' })

  test('finds streams as letters of their paths, and opens them by Enter', async () => {
    await open('/projects/demo')
    await page.keyboard.press('Control+k')
    await box().fill('agruns7')
    await page.getByRole('option', { name: DEEP }).waitFor()
    await page.keyboard.press('Enter')
    await at(stream(DEEP))
    await page.getByRole('navigation', { name: 'Breadcrumb' }).getByRole('link', { name: '7' }).waitFor()
    // It is remembered.
    await page.keyboard.press('Control+k')
    await page.getByRole('group', { name: 'Recent' }).getByRole('option', { name: DEEP }).waitFor()
    await page.keyboard.press('Escape')
    await box().waitFor({ state: 'detached' })
    expect(found).toEqual([])
  })

  test('goes to an offset and to a time, and says what is wrong with others', async () => {
    await open(stream(DEEP))
    await page.keyboard.press('Control+k')
    await box().fill('#3')
    await page.keyboard.press('Enter')
    await at(`${stream(DEEP)}?at=3`)
    await page.getByRole('dialog', { name: 'The event at offset 3' }).getByText('"n": 1').waitFor()

    await page.keyboard.press('Control+k')
    await box().fill('@2001-01-01')
    await page.keyboard.press('Enter')
    await at(`${stream(DEEP)}?at=1`)
    await page.keyboard.press('Control+k')
    await box().fill('@2999-01-01')
    await page.keyboard.press('Enter')
    await page.getByText('All events of this stream are older').waitFor()
    await box().fill('#many')
    await page.getByText('An offset is a whole number').waitFor()
    expect(found).toEqual([])
  })

  test('does what shortcuts do', async () => {
    await open('/projects/demo')
    await page.getByRole('button', { name: 'Find a stream or an action' }).click()
    await box().fill('its api')
    await page.getByRole('option', { name: 'Go to its API' }).click()
    await at('/projects/demo/api')
    expect(found).toEqual([])
  })
})

describe('shortcuts', () => {
  test('go where they say, are listed, and can be turned off', async () => {
    await open('/projects/demo')
    await page.keyboard.press('g')
    await page.keyboard.press('s')
    await at(stream(''))
    await page.keyboard.press('?')
    const help = page.getByRole('dialog', { name: 'Help' })
    await help.getByText('Go to its streams').waitFor()
    await help.getByRole('checkbox', { name: 'Single-key shortcuts' }).click()
    await page.keyboard.press('Escape')
    await help.waitFor({ state: 'detached' })
    await page.keyboard.press('?')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Find a stream or an action' }).waitFor()
    expect(await help.count()).toBe(0)
    expect(found).toEqual([])
  })

  test('pause the log, step through its events, and copy a link', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await append('/keys', 3)
    await open(stream('/keys'))
    await page.keyboard.press('Space')
    await page.getByRole('button', { name: 'Resume' }).waitFor()
    const event = (offset: number) => page.getByRole('dialog', { name: `The event at offset ${offset}` })
    await page.keyboard.press('k')
    await event(4).getByText('"n": 2').waitFor()
    await page.keyboard.press('k')
    await event(3).getByText('"n": 1').waitFor()
    await page.keyboard.press('j')
    await event(4).getByText('"n": 2').waitFor()
    await page.keyboard.press('y')
    await page.getByText('Copied a link to offset 4').first().waitFor()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${tributary.url}${stream('/keys')}?at=4`)
    expect(found).toEqual([])
  })

  test('leave what is typed alone', async () => {
    await open(stream(DEEP))
    const composer = page.getByRole('textbox').last()
    await composer.fill('')
    await composer.pressSequentially('gs?')
    expect(await composer.inputValue()).toBe('gs?')
    expect(page.url()).toBe(`${tributary.url}${stream(DEEP)}`)
    expect(found).toEqual([])
  })
})

describe('preferences', () => {
  test('hold at once, and the server renders the next page by them', async () => {
    await open('/projects/demo')
    await page.getByRole('button', { name: /preferences, help/ }).click()
    await page.getByRole('menuitem', { name: 'Preferences…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Preferences' })
    await dialog.getByText('Dark', { exact: true }).click()
    await dialog.getByText('Comfortable', { exact: true }).click()
    await dialog.getByLabel('Time zone').selectOption('Asia/Tokyo')
    expect(await page.evaluate(() => ({ ...document.documentElement.dataset }))).toEqual({
      theme: 'dark',
      density: 'comfortable',
    })
    const html = await (await context.request.get(`${tributary.url}${stream(DEEP)}`)).text()
    expect(html).toMatch(/<html[^>]*data-theme="dark"[^>]*data-density="comfortable"/)
    expect(html).toContain('Asia/Tokyo')
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark')
    expect(found).toEqual([])
  })
})

describe('the address', () => {
  test('opens one event, however many came after', async () => {
    await open(`${stream(DEEP)}?at=2`)
    const event = page.getByRole('dialog', { name: 'The event at offset 2' })
    await event.getByText('"n": 0').waitFor()
    await event.getByRole('link', { name: 'Close' }).click()
    await at(stream(DEEP))
    expect(found).toEqual([])
  })

  test('that asks for what cannot be shown falls back, and says so', async () => {
    await open(`${stream(DEEP)}?at=later&zoom=2`)
    await page.getByText('was left out: at=later').waitFor()
    await page.getByRole('log').getByText('step').first().waitFor()
    await open(`${stream(DEEP)}?at=999`)
    await page.getByText('This stream has no event at that offset.').waitFor()
    expect(found).toEqual([])
  })
})

describe('what is shown in several places', () => {
  test('is asked for once: the tree, the breadcrumbs, their menus and the page share it', async () => {
    const asked = statesAskedFor(page)
    await open(stream(DEEP))
    const crumbs = page.getByRole('navigation', { name: 'Breadcrumb' })
    const once = ['/', '/agents', '/agents/a1', '/agents/a1/runs', DEEP]
    // The server rendered them all; once the tree is watched they are read, so that nothing is missed in between.
    await expect.poll(() => asked().toSorted(), { timeout: 20_000 }).toEqual(once)
    for (const name of ['agents', 'a1', 'runs', '7']) {
      await crumbs.getByRole('button', { name: `Beside ${name}` }).click()
      await page.getByRole('menu').getByRole('menuitem', { name, exact: true }).waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('menu').waitFor({ state: 'detached' })
    }
    expect(asked().toSorted()).toEqual(once)
    await page.getByRole('treeitem', { name: /^a2/ }).click()
    await at(stream('/agents/a2'))
    await page.getByRole('log').getByText('step').first().waitFor()
    await expect.poll(() => asked().filter((path) => path === '/agents/a2')).toEqual(['/agents/a2'])
    expect(found).toEqual([])
  })
})

describe('a narrow screen', () => {
  test('at 320 px nothing sticks out, on any page of the project', async () => {
    await page.setViewportSize({ width: 320, height: 700 })
    for (const path of ['/projects', '/projects/demo', stream(DEEP), '/projects/demo/api']) {
      await page.goto(`${tributary.url}${path}`)
      await page.getByRole('main').waitFor()
      const wide = await page.evaluate(() => document.documentElement.scrollWidth)
      expect([path, wide]).toEqual([path, 320])
    }
    expect(found).toEqual([])
  })

  test('has one line for the top bar, whatever the project is called, signed in and out', async () => {
    addProjects(tributary, [{ slug: 'long', name: 'A project with a name that is longer than the screen is wide' }])
    await page.setViewportSize({ width: 320, height: 700 })
    await open('/projects/long')
    const bar = page.getByRole('banner')
    const height = async () => (await bar.boundingBox())?.height
    expect(await height()).toBeLessThanOrEqual(45)
    const other = await context.newPage()
    await other.goto(`${tributary.url}/projects`)
    await signOut(other)
    await bar.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(await bar.getByRole('status').innerText()).toContain('Signed out')
    expect(await height()).toBeLessThanOrEqual(45)
  })

  test('has no target in the frame that is smaller than 24 px', async () => {
    await page.setViewportSize({ width: 320, height: 700 })
    await open(stream(DEEP))
    const targets = page.getByRole('banner').locator('a:not([href="#content"]):visible, button:visible')
    const boxes = await Promise.all((await targets.all()).map((target) => target.boundingBox()))
    expect(boxes.length).toBeGreaterThan(10)
    expect(boxes.filter((box) => !box || box.width < 24 || box.height < 24)).toEqual([])
  })

  test('icons are as large as the text beside them', async () => {
    await open(stream(DEEP))
    await page.evaluate(() => document.documentElement.style.setProperty('font-size', '200%'))
    const icon = page.getByRole('button', { name: 'Find a stream or an action' }).locator('svg')
    expect((await icon.boundingBox())?.width).toBe(32)
  })
})

/** The paths of which a page asks the state over its socket: what it pushes is numbered, and refers to what came before. */
function statesAskedFor(of: Page): () => readonly string[] {
  const paths: string[] = []
  of.on('websocket', (socket) => {
    if (!socket.url().includes('/api/itx')) return
    const streams = new Map<number, string>()
    let pushed = 0
    socket.on('framesent', ({ payload }) => {
      const [kind, expression] = JSON.parse(String(payload)) as [string, [string, number, string[], unknown[]]]
      if (kind !== 'push') return
      pushed++
      const [, target, method, args] = expression
      if (method.join('.') === 'streams.get') streams.set(pushed, String(args[0]))
      const path = streams.get(target)
      if (method.join('.') === 'state' && path !== undefined) paths.push(path)
    })
  })
  return () => paths
}
