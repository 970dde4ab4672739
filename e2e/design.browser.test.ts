import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults, RunOptions } from 'axe-core'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DevServer, startDevServer } from './design-dev-server.ts'
import { Tributary, launchBrowser } from './harness.ts'
import { complaints } from './pages.ts'

// Every part of the dashboard in every state, on the page that development has for them: nothing that axe reports, no
// target too small, no focus that is not seen, and what floats does what its keys promise.

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const THEMES = ['light', 'dark'] as const
const WIDTHS = [320, 1440] as const
/** Pixels (WCAG 2.5.8). */
const LEAST_TARGET = 24

let browser: Browser
let server: DevServer
beforeAll(async () => {
  ;[browser, server] = await Promise.all([launchBrowser(), startDevServer()])
  // The first visit of all makes Vite bundle what it finds, and load the page anew: not in the middle of a test.
  const page = await browser.newPage()
  await page.goto(`${server.url}/design`)
  await ready(page)
  await page.getByRole('button', { name: 'summariser' }).click()
  await page.getByRole('menu').waitFor()
  await page.close()
})
afterAll(async () => {
  await browser.close()
  await server[Symbol.asyncDispose]()
})

/** What the page shows is as it will stay: hydrated, its charts drawn. */
async function ready(page: Page): Promise<void> {
  await page.locator('.sparkline canvas').first().waitFor()
}

async function open(options: Parameters<Browser['newContext']>[0] = {}, view = ''): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  await context.addCookies([{ name: 'tributary-view', value: encodeURIComponent(view), url: server.url }])
  const found = complaints(context)
  const page = await context.newPage()
  await page.goto(`${server.url}/design`)
  if (options.javaScriptEnabled !== false) await ready(page)
  return { context, page, found, [Symbol.asyncDispose]: () => context.close() }
}

interface Opened extends AsyncDisposable {
  readonly context: BrowserContext
  readonly page: Page
  /** What the page complained of. */
  readonly found: readonly string[]
}

/** What axe finds wrong, one line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  const options: RunOptions = { resultTypes: ['violations'] }
  const results = (await page.evaluate(
    (given) => (globalThis as unknown as { axe: { run: (options: unknown) => unknown } }).axe.run(given),
    options,
  )) as AxeResults
  return results.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`))
}

describe.each(THEMES)('in the %s theme', (colorScheme) => {
  test.each(WIDTHS)('axe finds nothing at %d pixels, and nothing scrolls sideways', async (width) => {
    await using opened = await open({ colorScheme, viewport: { width, height: 900 } })
    const { page, found } = opened
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    expect(await violations(page)).toEqual([])
    expect(found).toEqual([])
  })

  test('axe finds nothing in what floats', async () => {
    // Where nothing fades in, colours are at once what they will be.
    await using opened = await open({ colorScheme, reducedMotion: 'reduce' })
    const { page } = opened
    for (const name of ['summariser', 'Actions', 'View', 'Slow', 'Broken', 'Empty']) {
      await page.getByRole('button', { name, exact: true }).click()
      await page.getByRole('menu').waitFor()
      expect({ name, wrong: await violations(page) }).toEqual({ name, wrong: [] })
      await page.keyboard.press('Escape')
      await page.getByRole('menu').waitFor({ state: 'detached' })
    }
    for (const [of, name] of [
      ['Dialog', 'Open'],
      ['Dialog', 'Open a wide one'],
      ['Dialog', 'Delete'],
      ['Popover', 'Filter by time'],
    ] as const) {
      await part(page, of).getByRole('button', { name, exact: true }).click()
      await page.getByRole('dialog').waitFor()
      expect({ name, wrong: await violations(page) }).toEqual({ name, wrong: [] })
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    await page.getByRole('button', { name: 'Pause it' }).click()
    await page.getByRole('button', { name: 'Undo' }).waitFor()
    expect(await violations(page)).toEqual([])
  })
})

test('the theme a person chose is there whatever the system says, and a change takes effect at once', async () => {
  await using opened = await open({ colorScheme: 'light' }, 'theme=dark')
  const { page } = opened
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  const dark = await ground()
  await page.getByText('Light', { exact: true }).first().click()
  expect(await ground()).not.toBe(dark)
  await page.getByText('Dark', { exact: true }).first().click()
  expect(await ground()).toBe(dark)
})

test.each([
  ['compact', 28],
  ['comfortable', 36],
])('%s rows are %d pixels high', async (density, height) => {
  await using opened = await open({}, `density=${density}`)
  const { page } = opened
  const rows = page.getByRole('group', { name: 'Busiest streams' }).locator('tbody td')
  const heights = await rows.evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().height))
  // A line of one pixel lies between them.
  for (const each of heights) expect([height, height + 1]).toContain(Math.round(each))
})

test.each(['density=compact', 'density=comfortable'])(
  'all that can be pressed is 24 pixels or more: %s',
  async (view) => {
    await using opened = await open({ viewport: { width: 320, height: 900 } }, view)
    const small = await opened.page.evaluate((least) => {
      const controls = 'a[href], button, input, select, textarea, summary'
      return [...document.querySelectorAll<HTMLElement>(controls)].flatMap((element) => {
        // A press on its words is a press on the control; a link in a sentence is exempt, and one of a row is as the row.
        const target = element.closest('label') ?? element
        const { width, height } = target.getBoundingClientRect()
        const exempt = element.matches('.link, .row-link') || width === 0
        // Half a pixel is lost where lines of text are not whole.
        return exempt || (width >= least - 0.5 && height >= least - 0.5)
          ? []
          : [`${width}x${height} ${element.outerHTML.slice(0, 120)}`]
      })
    }, LEAST_TARGET)
    expect(small).toEqual([])
  },
)

test('the focus is seen on everything that Tab reaches', async () => {
  await using opened = await open()
  const { page } = opened
  const unseen: string[] = []
  const seen = new Set<number>()
  for (;;) {
    await page.keyboard.press('Tab')
    const now = await page.evaluate(() => {
      const active = document.activeElement
      if (!active || active === document.body) return null
      const all = [...document.querySelectorAll('*')]
      // A radio button that nobody sees has its ring around its words.
      const shown = active.getBoundingClientRect().width > 1 ? active : (active.closest('label') ?? active)
      const { outlineStyle, outlineWidth } = getComputedStyle(shown)
      const ringed = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2
      return { at: all.indexOf(active), ringed, html: active.outerHTML.slice(0, 120) }
    })
    if (now === null || seen.has(now.at)) break
    seen.add(now.at)
    if (!now.ringed) unseen.push(now.html)
  }
  expect(seen.size).toBeGreaterThan(60)
  expect(unseen).toEqual([])
})

test('who wants no motion gets none', async () => {
  await using opened = await open({ reducedMotion: 'reduce' })
  const { page } = opened
  await page.getByRole('button', { name: 'summariser' }).click()
  await page.getByRole('menu').waitFor()
  const moving = () =>
    page.evaluate(() =>
      document
        .getAnimations()
        .map((each) =>
          each instanceof CSSAnimation
            ? each.animationName
            : each instanceof CSSTransition
              ? each.transitionProperty
              : String(each),
        )
        // No motion: what is there, or gone, after a while, and colours under a pointer.
        .filter((name) => name !== 'appear' && name !== 'vanish' && !name.endsWith('color')),
    )
  expect(await moving()).toEqual([])
})

describe('a menu', () => {
  test('opens by the first press, even when its code comes late, and gives the focus back', async () => {
    await using opened = await open()
    const { page, found } = opened
    let letGo = () => {}
    const held = new Promise<void>((resolve) => {
      letGo = resolve
    })
    await page.route('**/menu-popup.tsx*', async (route) => {
      await held
      await route.continue()
    })
    const button = page.getByRole('button', { name: 'summariser' })
    await button.focus()
    await page.keyboard.press('Enter')
    await page.locator('button[aria-busy=true]').waitFor()
    expect(await button.evaluate((node) => node === document.activeElement)).toBe(true)
    letGo()
    await page.getByRole('menuitem', { name: 'critic' }).waitFor()
    expect(await focused(page)).toContain('critic')
    await page.keyboard.press('Escape')
    await page.getByRole('menu').waitFor({ state: 'detached' })
    expect(await button.evaluate((node) => node === document.activeElement)).toBe(true)
    expect(found).toEqual([])
  })

  test('that could not be loaded says so, and opens when it is pressed again', async () => {
    await using opened = await open()
    const { page, found } = opened
    let refuse = true
    await page.route('**/menu-popup.tsx*', (route) => (refuse ? route.abort() : route.continue()))
    const button = page.getByRole('button', { name: 'summariser' })
    await button.click()
    await page.getByRole('alert').filter({ hasText: 'could not be loaded' }).waitFor()
    refuse = false
    await button.click()
    await page.getByRole('menu').waitFor()
    expect(found).toEqual([])
  })

  test('goes by arrows, Home, End and first letters', async () => {
    await using opened = await open()
    const { page } = opened
    await page.getByRole('button', { name: 'summariser' }).focus()
    await page.keyboard.press('ArrowUp')
    await page.getByRole('menu').waitFor()
    expect(await focused(page)).toContain('a-stream-with')
    await page.keyboard.press('Home')
    expect(await focused(page)).toContain('critic')
    await page.keyboard.press('ArrowDown')
    expect(await focused(page)).toContain('planner')
    await page.keyboard.press('End')
    await page.keyboard.type('su')
    expect(await focused(page)).toContain('summariser')
    expect(await page.locator('[role=menu] [aria-current=page]').textContent()).toContain('summariser')
  })

  test('has real links: a plain press goes through the router, a middle one to a new tab', async () => {
    await using opened = await open()
    const { context, page } = opened
    await page.evaluate(() => Object.assign(globalThis, { sameDocument: true }))
    const button = page.getByRole('button', { name: 'summariser' })
    await button.click()
    const item = page.getByRole('menuitem', { name: 'planner' })
    expect(await item.getAttribute('href')).toBe('/design?stream=1')
    const [tab] = await Promise.all([context.waitForEvent('page'), item.click({ button: 'middle' })])
    expect(tab.url()).toBe(`${server.url}/design?stream=1`)
    await tab.close()
    await item.click()
    await page.waitForURL('**/design?stream=1')
    expect(await page.evaluate(() => 'sameDocument' in globalThis)).toBe(true)
    await page.getByRole('menu').waitFor({ state: 'detached' })
  })

  test('closes by a second press on its button', async () => {
    await using opened = await open()
    const { page, found } = opened
    const button = page.getByRole('button', { name: 'summariser' })
    await button.click()
    await page.getByRole('menu').waitFor()
    const box = (await button.boundingBox())!
    await page.mouse.click(box.x + 4, box.y + 4)
    await page.getByRole('menu').waitFor({ state: 'detached' })
    expect(found).toEqual([])
  })

  test('of choices stays open, and says which one holds', async () => {
    await using opened = await open()
    const { page, found } = opened
    await page.getByRole('button', { name: 'View' }).click()
    await page.getByRole('menuitemradio', { name: 'By creation' }).click()
    await page.getByRole('menuitemradio', { name: 'By creation', checked: true }).waitFor()
    expect(found).toEqual([])
  })
})

describe('a dialog', () => {
  test('takes the focus, keeps it, and gives it back', async () => {
    await using opened = await open()
    const { page, found } = opened
    const button = part(page, 'Dialog').getByRole('button', { name: 'Open', exact: true })
    await button.click()
    const dialog = page.getByRole('dialog', { name: 'New token' })
    await dialog.waitFor()
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT')
    for (let press = 0; press < 5; press++) {
      await page.keyboard.press('Tab')
      expect(await dialog.evaluate((node) => node.contains(document.activeElement))).toBe(true)
    }
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await button.evaluate((node) => node === document.activeElement)).toBe(true)
    expect(found).toEqual([])
  })

  test('that destroys wants the path typed, and shows why it failed', async () => {
    await using opened = await open()
    const { page } = opened
    await page.getByRole('button', { name: 'Delete what cannot be' }).click()
    const dialog = page.getByRole('dialog')
    const deed = dialog.getByRole('button', { name: 'Delete stream' })
    await deed.waitFor()
    await page.keyboard.type('/agents/summarise')
    await page.keyboard.press('Enter')
    expect(await deed.isDisabled()).toBe(true)
    await page.keyboard.type('r')
    await page.keyboard.press('Enter')
    await dialog.getByRole('alert').filter({ hasText: 'written by 2 others' }).waitFor()
    expect(await dialog.count()).toBe(1)
  })
})

test('a tooltip comes by keyboard and by pointer, stays while it is pointed at, and goes by Escape', async () => {
  await using opened = await open()
  const { page } = opened
  const button = part(page, 'Tooltip').getByRole('button').first()
  const tip = page.getByRole('tooltip')
  await button.hover()
  await tip.waitFor()
  const described = (await button.getAttribute('aria-describedby'))!
  expect(await page.locator(`[id="${described}"]`).textContent()).toContain('Nothing is lost')
  await tip.hover()
  await page.mouse.move(0, 0)
  await tip.waitFor({ state: 'detached' })
  await button.focus()
  await page.keyboard.press('Tab')
  await tip.waitFor()
  await page.keyboard.press('Escape')
  await tip.waitFor({ state: 'detached' })
})

test('a toast offers a way back, and gives the focus back when it is closed', async () => {
  await using opened = await open()
  const { page } = opened
  const button = page.getByRole('button', { name: 'Say something' })
  await button.focus()
  await page.keyboard.press('Enter')
  const toast = page.getByRole('region', { name: 'Messages' }).getByRole('status')
  await toast.getByText('Link copied').waitFor()
  await toast.getByRole('button', { name: 'Close' }).focus()
  await page.keyboard.press('Enter')
  await toast.getByText('Link copied').waitFor({ state: 'detached' })
  expect(await button.evaluate((node) => node === document.activeElement)).toBe(true)
  await page.getByRole('button', { name: 'Pause it' }).click()
  await toast.getByRole('button', { name: 'Undo' }).click()
  await toast.getByText('Resumed').waitFor()
})

test('a resize handle goes by keys and by buttons as well as by dragging, and keeps its bounds', async () => {
  await using opened = await open()
  const { page } = opened
  const handle = page.getByRole('separator', { name: 'Pane' })
  const size = async () => Number(await handle.getAttribute('aria-valuenow'))
  await handle.focus()
  await page.keyboard.press('ArrowRight')
  expect(await size()).toBe(196)
  await page.keyboard.press('End')
  expect(await size()).toBe(240)
  await page.getByRole('button', { name: 'Narrow Pane' }).click()
  expect(await size()).toBe(176)
  const box = (await handle.boundingBox())!
  await page.mouse.move(box.x + box.width / 2, box.y + 8)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width / 2 - 500, box.y + 8)
  await page.mouse.up()
  expect(await size()).toBe(80)
})

test('snippets change without a script, and the choice is remembered with one', async () => {
  await using plain = await open({ javaScriptEnabled: false })
  const group = (page: Page) => page.getByRole('group', { name: 'Append', exact: true })
  await group(plain.page).getByText('CLI', { exact: true }).click()
  await group(plain.page).getByText('tributary -- append').waitFor()
  expect(await group(plain.page).getByText('curl https://').isVisible()).toBe(false)

  await using opened = await open()
  const { page } = opened
  await group(page).getByText('TypeScript', { exact: true }).click()
  await page.reload()
  await ready(page)
  await group(page).getByText("await stream('/notes')").waitFor()
  // The same choice holds for all of them.
  await page.getByRole('group', { name: 'Append an event' }).getByText("await stream('/notes')").waitFor()
})

test.each([
  ['zone=local', '2026-11-21 09:23:29.123 +05:30'],
  ['zone=Europe/Berlin', '2026-11-21 04:53:29.123 +01:00'],
  ['', '2026-11-21 03:53:29.123 UTC'],
  ['times=relative', 'ago'],
])('times are as the reader wants them, and server and browser agree: %s', async (view, text) => {
  await using opened = await open({ timezoneId: 'Asia/Kolkata' }, view)
  const { page, found } = opened
  await part(page, 'Moment').locator('time').first().filter({ hasText: text }).waitFor()
  expect(found).toEqual([])
})

test('in production there is no such page', async () => {
  await using tributary = await Tributary.start()
  const answer = await fetch(`${tributary.url}/design`)
  expect(answer.status).toBe(404)
  expect(await answer.text()).toContain('There is no page at this address')
})

/** A part of the design system, by its name. */
function part(page: Page, name: string): Locator {
  return page.getByRole('region', { name, exact: true })
}

/** The text of what has the focus. */
function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent ?? '')
}
