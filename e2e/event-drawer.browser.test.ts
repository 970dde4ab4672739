import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ItxClient, connectItx } from '../src/itx/client/connect.ts'
import { Tributary, launchBrowser } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// One event, opened at the right of the log; and the ways that lead to it.

let browser: Browser
let tributary: Tributary
let client: ItxClient
let context: BrowserContext
let page: Page
let found: string[]

const PATH = '/runs/7'
/** More than the page brings: a link to the first leads to what the log does not show. */
const EVENTS = 300

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  client = connectItx({ url: tributary.url, token: await tributary.token('admin'), project: 'demo' })
  await append(PATH, EVENTS)
})
afterAll(async () => {
  client.close()
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})
beforeEach(() => begin())
afterEach(() => context.close())

async function begin(options: Parameters<Browser['newContext']>[0] = {}): Promise<void> {
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options })
  found = complaints(context)
  page = await context.newPage()
  await signIn(page, tributary)
}

/** Appends `{"n": 1}`, `{"n": 2}`, …, one offset further each: the first event says that the stream was created. */
const append = (path: string, count: number) =>
  client.onStream(path, (stream) =>
    stream.append(
      Array.from({ length: count }, (_, i) => ({ type: 'step', payload: JSON.stringify({ n: i + 1 }) as never })),
    ),
  )

const address = (at?: number) => `${tributary.url}/projects/demo/streams${PATH}${at === undefined ? '' : `?at=${at}`}`

async function open(at?: number): Promise<void> {
  await page.goto(address(at))
  await page.getByRole('status').getByText('Live').waitFor()
}

const event = (at: number) => page.getByRole('dialog', { name: `The event at offset ${at}`, exact: true })
const row = (at: number) => page.getByRole('log').locator(`[data-offset="${at}"]`)
const isFocused = (locator: Locator) => locator.evaluate((node) => node === document.activeElement)

describe('an event', () => {
  test('opens beside the log, stands in the address, and Back closes it', async () => {
    await open()
    await row(299).click()
    await event(299).getByText('"n": 298').waitFor()
    await page.waitForURL(address(299))
    expect(await row(299).getAttribute('aria-current')).toBe('true')
    // Beside it: the log can be read and pressed as before.
    const [log, drawer] = [await page.getByRole('log').boundingBox(), await event(299).boundingBox()]
    expect((log?.x ?? 0) + (log?.width ?? 0)).toBeLessThanOrEqual((drawer?.x ?? 0) + 1)
    await row(300).click()
    await event(300).getByText('"n": 299').waitFor()
    await page.goBack()
    await event(300).waitFor({ state: 'detached' })
    expect(page.url()).toBe(address())
    // A press on the row of an open event closes it.
    await row(299).click()
    await event(299).waitFor()
    await row(299).click()
    await event(299).waitFor({ state: 'detached' })
    expect(found).toEqual([])
  })

  test('opens by its link: in its place where the log shows it, alone where it does not', async () => {
    await open(240)
    await event(240).getByText('"n": 239').waitFor()
    await expect.poll(() => isInSight(row(240))).toBe(true)
    await page.getByText('Held where you read').waitFor()
    await open(2)
    await event(2).getByText('"n": 1').waitFor()
    expect(await row(2).count()).toBe(0)
    expect(found).toEqual([])
  })

  test('that is not there is said to be so, and those that are can be reached from it', async () => {
    await open(9999)
    await event(9999).getByText('This stream has no event at that offset.').waitFor()
    await event(9999).getByRole('link', { name: 'The previous event' }).click()
    await event(EVENTS + 1)
      .getByText(`"n": ${EVENTS}`)
      .waitFor()
    await event(EVENTS + 1)
      .getByRole('link', { name: 'The previous event' })
      .click()
    await event(EVENTS).waitFor()
    expect(found).toEqual([])
  })

  test('is there without JavaScript, and so are those beside it', async () => {
    const { cookies } = await context.storageState()
    await context.close()
    await beginWithoutScript()
    await context.addCookies(cookies)
    await page.goto(address(200))
    await event(200).getByRole('heading', { name: '200 step' }).waitFor()
    await event(200).getByText('"n": 199').waitFor()
    await event(200).getByRole('link', { name: 'The next event' }).click()
    await page.waitForURL(address(201))
    await event(201).getByRole('link', { name: 'Close' }).click()
    await page.getByRole('log').getByRole('link').first().waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
  })
})

async function beginWithoutScript(): Promise<void> {
  context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1440, height: 900 } })
  found = complaints(context)
  page = await context.newPage()
}

function isInSight(locator: Locator): Promise<boolean> {
  return locator.evaluate((node) => {
    const log = node.closest('[role=log]')?.getBoundingClientRect()
    const { top, bottom } = node.getBoundingClientRect()
    return log !== undefined && top >= log.top && bottom <= log.bottom
  })
}

describe('by keyboard', () => {
  test('Enter opens it, Enter again leads into it, Escape closes it and leads back to its row', async () => {
    await open()
    await row(301).focus()
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('Enter')
    await event(300).getByText('"n": 299').waitFor()
    expect(await isFocused(row(300))).toBe(true)
    await page.keyboard.press('Enter')
    await expect.poll(() => isFocused(event(300))).toBe(true)
    await page.keyboard.press('j')
    await event(301).getByText('"n": 300').waitFor()
    await page.keyboard.press('j')
    expect(page.url()).toBe(address(301))
    await page.keyboard.press('Escape')
    await event(301).waitFor({ state: 'detached' })
    await expect.poll(() => isFocused(row(301))).toBe(true)
    expect(page.url()).toBe(address())
    expect(found).toEqual([])
  })

  test('its edge is moved by keys, and stays where it was put', async () => {
    await open(300)
    const edge = event(300).getByRole('separator', { name: 'Event drawer' })
    const width = async () => (await event(300).boundingBox())?.width ?? 0
    const before = await width()
    await edge.focus()
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('Shift+ArrowLeft')
    await expect.poll(width).toBe(before + 16 + 64)
    await page.reload()
    await expect.poll(width).toBe(before + 80)
    await edge.focus()
    await page.keyboard.press('Home')
    await expect.poll(width).toBe(288)
    // However wide it is wanted, the log beside it stays one.
    await page.keyboard.press('End')
    await expect.poll(async () => (await page.getByRole('log').boundingBox())?.width ?? 0).toBeGreaterThanOrEqual(320)
    expect(found).toEqual([])
  })
})

test('its edge is dragged, and moved by buttons', async () => {
  await open(300)
  const width = async () => (await event(300).boundingBox())?.width ?? 0
  const before = await width()
  const { x = 0, y = 0 } = (await event(300).boundingBox()) ?? {}
  await page.mouse.move(x, y + 300)
  await page.mouse.down()
  await page.mouse.move(x - 100, y + 310, { steps: 4 })
  await page.mouse.up()
  await expect.poll(width).toBe(before + 100)
  await page.mouse.move(x - 100, y + 300)
  await event(300).getByRole('button', { name: 'Narrow Event drawer' }).click()
  await expect.poll(width).toBe(before + 36)
  expect(found).toEqual([])
})

test('on a narrow screen it covers the page, and what is behind is out of reach', async () => {
  await page.setViewportSize({ width: 320, height: 640 })
  await open()
  await row(301).click()
  await event(301).getByText('"n": 300').waitFor()
  expect(await event(301).boundingBox()).toEqual({ x: 0, y: 0, width: 320, height: 640 })
  const close = event(301).getByRole('link', { name: 'Close' })
  await expect.poll(() => isFocused(close)).toBe(true)
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab')
    // The browser's own bars come between the last and the first: then the focus is nowhere in the page.
    expect(
      await event(301).evaluate(
        (node) => node.contains(document.activeElement) || document.activeElement === document.body,
      ),
    ).toBe(true)
  }
  await page.keyboard.press('Escape')
  await event(301).waitFor({ state: 'detached' })
  await expect.poll(() => isFocused(row(301))).toBe(true)
  // Where there is room again it stands beside the log.
  await row(301).click()
  await event(301).waitFor()
  await page.setViewportSize({ width: 1440, height: 900 })
  await expect.poll(async () => (await event(301).boundingBox())?.x ?? 0).toBeGreaterThan(700)
  await row(300).click()
  await event(300).waitFor()
  expect(found).toEqual([])
})

test('a view that is paused is not called live', async () => {
  await open()
  const status = page.getByRole('banner').getByRole('status')
  await page.getByRole('button', { name: 'Pause' }).click()
  await status.getByText('Paused').waitFor()
  await page.getByRole('button', { name: 'Resume' }).click()
  await status.getByText('Live').waitFor()
  await page.keyboard.press('Space')
  await status.getByText('Paused').waitFor()
  await page.getByRole('link', { name: 'Home', exact: true }).click()
  await status.getByText('Live').waitFor()
  expect(found).toEqual([])
})

describe('the way to an event', () => {
  test('is a time in the zone that times are shown in, or an offset', async () => {
    const { createdAt } = (await client.getEvent(PATH, { offset: 2 })) ?? { createdAt: '' }
    await context.addCookies([{ name: 'tributary-view', value: 'zone=Asia/Tokyo', url: tributary.url }])
    await open()
    await page.getByRole('button', { name: 'Go to an event' }).click()
    const time = page.getByLabel('The first event at or after, in Asia/Tokyo')
    const inTokyo = new Date(Date.parse(createdAt) + 9 * 3_600_000).toISOString().slice(0, 23)
    await time.fill(inTokyo)
    await page.keyboard.press('Enter')
    // All of them were appended in one go, at one time, and with them the stream.
    await page.waitForURL(address(1))
    await event(1).getByText('stream/created').first().waitFor()

    await page.getByRole('button', { name: 'Go to an event' }).click()
    await time.fill('2999-01-01T00:00')
    await page.keyboard.press('Enter')
    await page.getByText('All events of this stream are older.').waitFor()
    await page.getByLabel('The event at the offset').fill('none')
    await page.keyboard.press('Enter')
    await page.getByText('An offset is a whole number from 1.').waitFor()
    await page.getByLabel('The event at the offset').fill('120')
    await page.keyboard.press('Enter')
    await event(120).getByText('"n": 119').waitFor()
    expect(found).toEqual([])
  })
})
