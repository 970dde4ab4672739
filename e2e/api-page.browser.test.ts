import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Tributary, launchBrowser } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// The page that tells programs what they can do: from the server, for whoever reads it, with this instance's own address.

const READER = { email: 'reader@example.test', password: 'a good secret 42' }
let browser: Browser
let tributary: Tributary

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  const made = await tributary.cli(['user', 'create', READER.email, '--project', 'demo', '--role', 'viewer'], {
    input: READER.password,
  })
  if (made.code !== 0) throw new Error(made.stderr)
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

async function open(options: Parameters<Browser['newContext']>[0] = {}, account?: typeof READER) {
  const context = await browser.newContext(options)
  const found = complaints(context)
  const page = await context.newPage()
  await signIn(page, tributary, account)
  await page.goto(`${tributary.url}/projects/demo/api`)
  await page.getByRole('heading', { level: 1, name: 'API' }).waitFor()
  return { context, page, found }
}

test('it comes whole from the server, without a script', async () => {
  const { context } = await open()
  const html = await (await context.request.get(`${tributary.url}/projects/demo/api`)).text()
  expect(html).toContain('id="stream.append"')
  expect(html).toContain(`${tributary.url}/api/streams/demo/notes`)
  expect(html).toContain('connectItx')
  expect(html.match(/<h1\b/g)).toHaveLength(1)
  await context.close()
})

test('its headings are an outline: objects, and their methods below them', async () => {
  const { context, page, found } = await open()
  const levels = await page
    .locator('main :is(h1, h2, h3, h4)')
    .evaluateAll((all) => all.map((each) => Number(each.tagName.slice(1))))
  expect(levels[0]).toBe(1)
  for (let i = 1; i < levels.length; i++) expect(levels[i]! - levels[i - 1]!).toBeLessThanOrEqual(1)
  for (const name of ['project', 'streams', 'stream', 'subscription', 'scan', 'activity']) {
    expect(await page.getByRole('heading', { level: 2, name, exact: true }).count()).toBe(1)
  }
  expect(await page.getByRole('heading', { level: 3, name: 'append(events)' }).count()).toBe(1)
  // Names that links lead to are there once.
  const ids = await page.locator('[id]').evaluateAll((all) => all.map((each) => each.id))
  expect(new Set(ids).size).toBe(ids.length)
  const targets = await page
    .locator('main a[href^="#"]')
    .evaluateAll((all) => all.map((each) => each.getAttribute('href')))
  for (const target of targets) expect(ids).toContain(decodeURIComponent(target!.slice(1)))
  expect(found).toEqual([])
  await context.close()
})

test('who reads sees what their role may, in words', async () => {
  const { context, page, found } = await open({}, READER)
  const method = (id: string) => page.locator(`[id="${id}"]`)
  await method('stream.read').getByText('viewer, you may').waitFor()
  await method('stream.append').getByText('needs editor, not for you as viewer').waitFor()
  await page.getByText('what takes a greater one is marked').waitFor()
  expect(found).toEqual([])
  await context.close()
})

test('everything is reached by keyboard, and shows where the focus is', async () => {
  const { context, page, found } = await open()
  await page.keyboard.press('Tab')
  await page.getByRole('link', { name: 'Skip to content' }).waitFor()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('itx')
  // On to a method by its link, and to its examples: they open without a mouse.
  await page.getByRole('link', { name: 'append', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.waitForURL('**#stream.append')
  const summary = page.locator('[id="stream.append"] summary')
  const example = page.locator('[id="stream.append"]').getByText('itx.append(')
  expect(await example.isVisible()).toBe(false)
  await summary.focus()
  const outline = await summary.evaluate((each) => getComputedStyle(each).outlineStyle)
  expect(outline).not.toBe('none')
  await page.keyboard.press('Enter')
  await example.waitFor({ state: 'visible' })
  await page.keyboard.press('Tab')
  expect(await focused(page)).toBe('Copy TypeScript')
  expect(found).toEqual([])
  await context.close()
})

test.each([
  ['light', 320],
  ['dark', 320],
  ['light', 1280],
] as const)('nothing makes the page scroll sideways: %s, %i px', async (colorScheme, width) => {
  const { context, page, found } = await open({ colorScheme, viewport: { width, height: 640 } })
  await page.locator('details').evaluateAll((all) => all.forEach((each) => ((each as HTMLDetailsElement).open = true)))
  const widest = await page.evaluate(() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth))
  expect(widest).toBe(width)
  expect(await page.locator('main').evaluate((main) => main.scrollWidth - main.clientWidth)).toBe(0)
  expect(found).toEqual([])
  await context.close()
})

test('the frame leads there and back, without loading the page anew', async () => {
  const { context, page, found } = await open()
  await page.evaluate(() => ((globalThis as { kept?: boolean }).kept = true))
  await page.getByRole('navigation', { name: 'Project' }).getByRole('link', { name: 'Streams' }).click()
  await page.waitForURL('**/projects/demo/streams')
  await page.getByRole('link', { name: 'API', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'API' }).waitFor()
  expect(await page.getByRole('link', { name: 'API', exact: true }).getAttribute('aria-current')).toBe('page')
  expect(await page.evaluate(() => (globalThis as { kept?: boolean }).kept)).toBe(true)
  expect(found).toEqual([])
  await context.close()
})

function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.activeElement?.textContent?.trim())
}
