import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Tributary, launchBrowser, until } from './harness.ts'
import { complaints, shownOffsets, signIn } from './pages.ts'

// The page of a stream against a real server: live, by hand, across a crash, in two tabs, and without a script.

let browser: Browser
let tributary: Tributary
let token: string
let context: BrowserContext
let page: Page
let found: string[]

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  token = await tributary.token()
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})
beforeEach(async () => {
  context = await browser.newContext()
  found = complaints(context)
  page = await context.newPage()
  await signIn(page, tributary)
})
afterEach(() => context.close())

const streamUrl = (path: string) => `${tributary.url}/projects/demo/streams${path}`
const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    type: 'tick',
    payload: { n: from + i },
    idempotencyKey: `tick-${from + i}`,
  }))

test('without JavaScript the HTML names the children of the root and its newest events', async () => {
  await tributary.append(token, '/zebra/one', [{ type: 'x' }])
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await context.storageState() })
  const still = await plain.newPage()
  await still.goto(streamUrl(''))
  expect(await still.getByRole('treeitem', { name: /^zebra,/ }).count()).toBe(1)
  expect(await still.getByRole('log').textContent()).toContain('stream/child-created')
  await still.getByRole('treeitem', { name: /^zebra,/ }).click()
  await still.waitForURL('**/streams/zebra')
  expect(await still.getByRole('treeitem', { name: /^one,/ }).count()).toBe(1)
  await plain.close()
})

test('the composer appends, and says why it cannot', async () => {
  await page.goto(streamUrl('/by/hand'))
  const box = page.getByRole('textbox', { name: /Events to append/ })
  await box.fill('{"type": "note", "payload": {"text": "by hand"}}')
  await page.getByRole('button', { name: 'Append', exact: true }).click()
  await page.getByRole('log').getByText('by hand').waitFor()
  await page.getByText('Appended 1 event').waitFor()
  await box.fill('{"type": "note", "nope": 1}')
  await page.getByText('unknown field "nope"').waitFor()
  expect(await page.getByRole('button', { name: 'Append', exact: true }).isDisabled()).toBe(true)
  await box.fill('{"type": "stream/closed"}')
  await box.press('Control+Enter')
  await page.getByText('FORBIDDEN').waitFor()
  expect(found).toEqual([])
})

test('a hostile event is shown as text', async () => {
  const script = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
  await tributary.append(token, '/hostile', [
    { type: script.slice(0, 200), payload: { html: script, bidi: 'a\u202Eb' } },
  ])
  await page.goto(streamUrl('/hostile'))
  await page.locator('[data-offset="2"]').click()
  await page.getByText('onerror').first().waitFor()
  expect(await page.title()).not.toMatch(/^[12]$/)
  expect(await page.locator('[role=log] img, [role=log] script').count()).toBe(0)
})

test('a killed server is reconnected to, and no event is missed or doubled, in two tabs at once', async () => {
  await tributary.append(token, '/crash', numbered(1, 20))
  const other = await context.newPage()
  await Promise.all([page.goto(streamUrl('/crash')), other.goto(streamUrl('/crash'))])
  const tabs = [page, other]
  const all = (count: number) => Array.from({ length: count + 1 }, (_, i) => i + 1)
  const shows = (tab: Page, count: number) =>
    until(`${count} events`, async () => (await shownOffsets(tab)).length === count + 1)
  for (const tab of tabs) {
    await shows(tab, 20)
    await tab.getByRole('status').getByText('Live').waitFor()
  }

  await tributary.end('SIGKILL')
  for (const tab of tabs) await tab.getByText(/Reconnecting/).waitFor()
  await tributary.launch()
  await tributary.append(token, '/crash', numbered(15, 30))
  for (const tab of tabs) {
    await shows(tab, 44)
    expect(await shownOffsets(tab)).toEqual(all(44))
  }
})

describe('the tail', () => {
  test('follows the end, holds while it is read or paused, and counts what came', async () => {
    await tributary.append(token, '/tail', numbered(1, 200))
    await page.goto(streamUrl('/tail'))
    const log = page.getByRole('log')
    await log.getByText('"n":200').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await tributary.append(token, '/tail', numbered(201, 5))
    await page.getByText('Paused, 5 new').waitFor()
    expect(await log.getByText('"n":205').count()).toBe(0)
    await page.getByRole('button', { name: 'Resume' }).click()
    await log.getByText('"n":205').waitFor()

    await log.hover()
    await page.mouse.wheel(0, -600)
    await page.getByText('Held where you read').waitFor()
    await tributary.append(token, '/tail', numbered(206, 3))
    await page.getByRole('button', { name: '3 new events' }).click()
    await log.getByText('"n":208').waitFor()
    expect(found).toEqual([])
  })

  test('older events are loaded on demand, without a gap', async () => {
    await tributary.append(token, '/older', numbered(1, 350))
    await page.goto(streamUrl('/older'))
    await page.getByRole('log').getByText('"n":350').waitFor()
    // The server's page has the button as well, before there is anybody to hear it.
    await page.getByRole('status').getByText('Live').waitFor()
    for (let shown = 100; shown < 351; shown = (await shownOffsets(page)).length) {
      await page.getByRole('button', { name: 'Load older' }).click()
      await until('older events', async () => (await shownOffsets(page)).length > shown)
    }
    expect(await shownOffsets(page)).toEqual(Array.from({ length: 351 }, (_, i) => i + 1))
  })
})

test('the tree works by keyboard', async () => {
  await tributary.append(token, '/keys/a/deep', [{ type: 'x' }])
  await tributary.append(token, '/keys/b', [{ type: 'x' }])
  await page.goto(streamUrl('/keys'))
  const item = (name: string) => page.getByRole('treeitem', { name: new RegExp(`^${name},`) })
  await item('keys').focus()
  // The open stream is expanded already: to the right is its first child.
  await page.keyboard.press('ArrowRight')
  await until('the focus on a', () => item('a').evaluate((node) => node === document.activeElement))
  await page.keyboard.press('ArrowRight')
  await item('deep').waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/streams/keys/a/deep')
  expect(found).toEqual([])
})

test('at 320 pixels nothing scrolls sideways', async () => {
  await tributary.append(token, '/narrow', [
    { type: 'a/rather/long/type/of/event', payload: { text: 'x'.repeat(500) } },
  ])
  await page.setViewportSize({ width: 320, height: 640 })
  for (const address of [streamUrl(''), streamUrl('/narrow'), `${tributary.url}/projects`]) {
    await page.goto(address)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
  }
})
