import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Tributary, launchBrowser, until } from './harness.ts'
import { type StatesPage, axeFindsNothing, openPage } from './states-page.ts'

// A server that answers late or not at all, that is gone, or that has ended the session: whichever page one is on.

const LATE_MS = 5000

let browser: Browser
let tributary: Tributary
const opened: StatesPage[] = []

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  const token = await tributary.token()
  await tributary.append(token, '/orders/7', [{ type: 'order', payload: { total: 120 } }])
  await tributary.append(token, '/agents/a1', [{ type: 'step' }])
})
afterEach(async () => {
  for (const { context } of opened.splice(0)) await context.close()
  await begin()
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

let isGone = false
async function end(): Promise<void> {
  isGone = true
  await tributary.end('SIGTERM')
}
async function begin(): Promise<void> {
  if (isGone) await tributary.launch()
  isGone = false
}

async function open(path: string): Promise<StatesPage> {
  const made = await openPage(browser, tributary, { path })
  opened.push(made)
  return made
}

const content = (page: Page) => page.locator('#content')

/** Goes to another page of the project by its keys. */
async function go(page: Page, key: string, url: string): Promise<void> {
  await page.keyboard.press('g')
  await page.keyboard.press(key)
  await page.waitForURL(url)
}

describe('a server that answers late', () => {
  test('a followed link shows at once that it was heard, and the page comes', async () => {
    const { page, wire, found } = await open('/projects')
    wire.slow(2000)
    await content(page).getByRole('link', { name: 'Demo' }).click()
    await page.getByRole('progressbar', { name: 'Loading the page' }).waitFor({ timeout: 1000 })
    await page.waitForURL(/\/projects\/demo/, { timeout: 6 * LATE_MS })
    await page.getByRole('treeitem', { name: /orders/ }).waitFor({ timeout: 6 * LATE_MS })
    await until('the line to go', async () => (await page.getByRole('progressbar').count()) === 0)
    expect(found).toEqual([])
  }, 90_000)

  test('its place is kept, it is said after five seconds, and nothing jumps but what has come', async () => {
    const { page, wire } = await open('/projects/demo')
    wire.hold('describe')
    await go(page, 'a', '**/api')
    const waiting = content(page).getByRole('status')
    await waiting.getByText('Loading what programs can do').waitFor({ state: 'attached' })
    const before = await waiting.boundingBox()
    const late = waiting.getByText('The server has not answered yet')
    expect(await late.isVisible()).toBe(false)
    await late.waitFor({ timeout: 2 * LATE_MS })
    expect(await waiting.boundingBox()).toEqual(before)
    await axeFindsNothing(page)
    // Other pages can be gone to meanwhile.
    await page.getByRole('treeitem', { name: /orders/ }).press('Enter')
    await page.getByRole('log').getByText('stream/created').first().waitFor()
    wire.release()
    await go(page, 'a', '**/api')
    await page.getByRole('heading', { name: 'Begin', exact: true }).waitFor()
  })
})

test('a server that is there and never answers: after half a minute the page says so, and its button asks again', async () => {
  const { page, wire } = await open('/projects/demo')
  wire.hold('describe')
  await go(page, 'a', '**/api')
  const alert = content(page).getByRole('alert')
  await alert.getByText('The server is there, but has not answered.').waitFor({ timeout: 45_000 })
  await axeFindsNothing(page)
  wire.release()
  await alert.getByRole('button', { name: 'Try again' }).press('Enter')
  await page.getByRole('heading', { name: 'Begin', exact: true }).waitFor()
  expect(await alert.count()).toBe(0)
}, 90_000)

describe('a server that is gone', () => {
  test('a page whose code is not loaded yet says so within the frame, and comes when the server is back', async () => {
    const { page } = await open('/projects/demo/streams/orders/7')
    await page.getByRole('status').getByText('Live').waitFor()
    await end()
    await go(page, 'a', '**/api')
    await content(page).getByRole('heading', { name: 'This page could not be shown' }).waitFor()
    await content(page).getByRole('alert').getByText('A part of this page could not be loaded.').waitFor()
    await page.getByRole('treeitem', { name: /orders/ }).waitFor()
    await axeFindsNothing(page)
    // Asking again while it is gone loses nothing.
    await page.getByRole('button', { name: 'Try again' }).press('Enter')
    await content(page).getByRole('heading', { name: 'This page could not be shown' }).waitFor()
    await begin()
    await page.getByRole('heading', { name: 'Begin', exact: true }).waitFor({ timeout: 30_000 })
    expect(await content(page).getByRole('alert').count()).toBe(0)
  }, 90_000)

  test('another stream says that the server cannot be reached, and is live when it is back', async () => {
    const { page } = await open('/projects/demo/streams/orders/7')
    await page.getByRole('status').getByText('Live').waitFor()
    await end()
    await page.getByRole('treeitem', { name: /^agents/ }).press('Enter')
    const alert = content(page).getByRole('alert')
    await alert
      .getByText('The server cannot be reached. This page goes on by itself when it can be.')
      .waitFor({ timeout: 20_000 })
    expect(await alert.count()).toBe(1)
    await page.getByRole('status').getByText('Reconnecting').waitFor()
    await axeFindsNothing(page)
    await begin()
    await page.getByRole('log').getByText('stream/created').first().waitFor({ timeout: 30_000 })
    await until('the failure to go', async () => (await alert.count()) === 0)
    await page.getByRole('status').getByText('Live').waitFor()
  }, 90_000)

  test('a branch of the tree that could not be read comes by itself when the server is back', async () => {
    const { page } = await open('/projects/demo/streams/orders/7')
    await page.getByRole('status').getByText('Live').waitFor()
    await end()
    await page.getByRole('treeitem', { name: /^agents/ }).press('ArrowRight')
    const failed = page.getByRole('treeitem', { name: /The server cannot be reached\. Try again/ })
    await failed.waitFor({ timeout: 20_000 })
    await begin()
    await page.getByRole('treeitem', { name: /^a1/ }).waitFor({ timeout: 30_000 })
    expect(await failed.count()).toBe(0)
  }, 90_000)

  test('what the filter could not find comes by itself when the server is back', async () => {
    const { page } = await open('/projects/demo/streams/orders/7')
    await page.getByRole('status').getByText('Live').waitFor()
    const filter = page.getByLabel('Filter the streams by their path')
    await filter.fill('agents')
    await page.getByText('2 streams match').waitFor()
    await end()
    await filter.fill('orders')
    const alert = page.getByRole('navigation', { name: 'Streams' }).getByRole('alert')
    await alert.getByText('The server cannot be reached.').waitFor({ timeout: 20_000 })
    await begin()
    await page.getByText('2 streams match').waitFor({ timeout: 30_000 })
    expect(await alert.count()).toBe(0)
  }, 90_000)

  test('an append says that nothing was sent, and keeps what was written', async () => {
    const { page } = await open('/projects/demo/streams/orders/7')
    await page.getByRole('status').getByText('Live').waitFor()
    const box = page.getByLabel(/Events to append/)
    await box.fill('{"type":"later"}')
    await page.getByText('1 event, all or none.').waitFor()
    await end()
    await box.press('Control+Enter')
    await content(page).getByRole('alert').getByText('Nothing was sent.').waitFor({ timeout: 20_000 })
    await begin()
    await page.getByRole('status').getByText('Live').waitFor({ timeout: 30_000 })
    await box.press('Control+Enter')
    await page.getByRole('log').getByText('later').waitFor()
    expect(await box.inputValue()).toBe('')
  }, 90_000)
})

test('a browser that calls itself offline shows what it has, says so, and goes on by itself', async () => {
  const { page, context, wire } = await open('/projects/demo/streams/orders/7')
  await page.getByRole('status').getByText('Live').waitFor()
  await context.setOffline(true)
  await wire.end(1006, '')
  await page.getByRole('status').getByText('Offline').waitFor()
  await page.getByRole('log').getByText('order').first().waitFor()
  await axeFindsNothing(page)
  await context.setOffline(false)
  await page.getByRole('status').getByText('Live').waitFor({ timeout: 20_000 })
  expect(await content(page).getByRole('alert').count()).toBe(0)
})

test('a browser that calls itself offline beside a server on the same machine is a page like any other', async () => {
  const { page } = await open('/projects/demo')
  await page.getByRole('status').getByText('Live').waitFor()
  await page.evaluate(() => {
    Object.defineProperty(navigator, 'onLine', { get: () => false })
    dispatchEvent(new Event('offline'))
  })
  await go(page, 'a', '**/api')
  await page.getByRole('heading', { name: 'Begin', exact: true }).waitFor()
  expect(await page.getByRole('status').getByText('Offline').count()).toBe(0)
})

describe('a session that has ended', () => {
  test.each(['/projects/demo', '/projects/demo/api', '/projects/demo/streams/orders/7'])(
    '%s says so, and its button leads to signing in and back',
    async (path) => {
      const { page, wire } = await open(path)
      await page.getByRole('status').getByText('Live').waitFor()
      await wire.end(4401, 'signed out')
      const alert = content(page).getByRole('alert')
      await alert.getByText('You are signed out. This page is not live any more.').waitFor({ timeout: 2500 })
      expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0)
      await axeFindsNothing(page)
      const way = alert.getByRole('link', { name: 'Sign in' })
      expect(await way.getAttribute('href')).toBe(`/sign-in?redirect=${encodeURIComponent(path)}`)
    },
  )
})
