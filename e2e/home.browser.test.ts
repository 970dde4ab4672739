import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ItxClient, connectItx } from '../src/itx/client/connect.ts'
import type { StreamApi } from '../src/itx/handle.ts'
import { ADMIN, Tributary, launchBrowser, until } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// The home of a project: what comes in, where and what stands still, told as it happens and never asked in vain.

/** A processor that cannot reduce a negative amount. */
const PROCESSORS = `
const schema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }
const billing = {
  slug: 'billing', version: '1', state: schema, initialState: { sum: 0 }, consumes: ['charge'],
  reduce: ({ sum }, event) => {
    if (event.payload.amount < 0) throw new Error('a negative amount')
    return { sum: sum + event.payload.amount }
  },
}
export default [billing]
`
const DEEP = '/agents/a1/runs/7'

let browser: Browser
let tributary: Tributary
let folder: string
let client: ItxClient
let context: BrowserContext
let page: Page
let found: string[]

beforeAll(async () => {
  browser = await launchBrowser()
  folder = mkdtempSync(join(tmpdir(), 'tributary-processors-'))
  const file = join(folder, 'processors.mjs')
  writeFileSync(file, PROCESSORS)
  tributary = await Tributary.start({ env: { TRIBUTARY_PROCESSORS: file } })
  client = connectItx({ url: tributary.url, token: await tributary.token('admin'), project: 'demo' })
  for (const path of [DEEP, '/agents/a2']) await append(path, 3)
})
afterAll(async () => {
  client.close()
  await browser.close()
  await tributary[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  found = complaints(context)
  page = await context.newPage()
  await signIn(page, tributary)
})
afterEach(() => context.close())

const on = <T>(path: string, act: (stream: StreamApi) => Promise<T>) => client.onStream(path, act)
const append = (path: string, count: number) =>
  on(path, (stream) =>
    stream.append(Array.from({ length: count }, (_, n) => ({ type: 'step', payload: JSON.stringify({ n }) as never }))),
  )
/** A stream with a processor that stands before its newest event. */
async function park(path: string): Promise<void> {
  await append(path, 1)
  await on(path, (stream) => stream.attach('billing'))
  await on(path, (stream) => stream.append([{ type: 'charge', payload: '{"amount":-3}' as never }]))
  await until(`the processor of ${path} to be parked`, async () => (await statusOf(path)) === 'parked')
}
const statusOf = (path: string) =>
  on(path, async (stream) => (await stream.processors()).attached.find(({ slug }) => slug === 'billing')?.status)

async function open(path = '/projects/demo'): Promise<void> {
  await page.goto(`${tributary.url}${path}`)
  await page.getByRole('status').getByText('Live').waitFor()
}
const at = (path: string) => page.waitForURL(`${tributary.url}${path}`)
const panel = (name: string) => page.getByRole('region', { name, exact: true }).last()
const fact = (name: string) => page.locator('dl > div', { hasText: name }).locator('dd')

describe('what happens', () => {
  test('shows at once, however deep it is, and moves on by itself', async () => {
    const asked = overviewsAskedFor(page)
    await open()
    const events = async () => Number((await fact('Events in 5 minutes').textContent())!.replace(',', ''))
    const before = await events()
    await append(DEEP, 40)
    await expect.poll(events, { timeout: 4000 }).toBeGreaterThanOrEqual(before + 40)
    await append('/fresh/one', 5)
    await panel('Latest activity').getByRole('link', { name: '/fresh/one' }).waitFor({ timeout: 4000 })
    // As a table, by the server's seconds; while nothing happens the seconds go on.
    await panel('Appended').getByText('As a table').click()
    const last = () => panel('Appended').getByRole('row').last().textContent()
    await quiet(asked)
    const [first, count] = [await last(), asked().overviews]
    await expect.poll(last, { timeout: 4000 }).not.toBe(first)
    expect(asked().overviews).toBe(count)
    expect(found).toEqual([])
  })

  test('who subscribes, and what is refused and why, have their course and their table', async () => {
    await open()
    await on('/agents/a2', async (stream) => {
      using subscription = await stream.subscribe({}, () => {})
      await panel('Live subscriptions').getByText('1 now').waitFor({ timeout: 5000 })
      await subscription.unsubscribe()
    })
    await on('/agents/a2', (stream) => stream.pause())
    for (let i = 0; i < 3; i++) await expect(append('/agents/a2', 1)).rejects.toMatchObject({ code: 'CONFLICT' })
    const causes = page.getByRole('region', { name: 'Why appends were refused' })
    await causes.getByRole('row', { name: /The stream is paused.*CONFLICT paused.*3$/ }).waitFor({ timeout: 5000 })
    await panel('Refused appends').getByText('3 in 5 minutes').waitFor()
    for (const name of ['Live subscriptions', 'Refused appends']) {
      await panel(name).getByText('As a table').click()
      await expect.poll(() => panel(name).getByRole('row').count()).toBe(301)
    }
    await on('/agents/a2', (stream) => stream.resume())
    expect(found).toEqual([])
  })
})

describe('what is asked of the server', () => {
  test('is nothing while nothing happens but a slow heartbeat, and once a second while something does', async () => {
    const asked = overviewsAskedFor(page)
    await open()
    await expect.poll(() => asked().overviews).toBeGreaterThan(0)
    await quiet(asked, 6000)
    // One watching for the tree and the home together.
    expect(asked().watchings).toBe(1)

    const busy = asked()
    const until6 = Date.now() + 6000
    while (Date.now() < until6) await append(DEEP, 1)
    const inBusy = asked().overviews - busy.overviews
    expect(inBusy).toBeGreaterThanOrEqual(3)
    expect(inBusy).toBeLessThanOrEqual(7)
    expect(found).toEqual([])
  })

  test('is nothing in the background, and what was missed shows when the tab is seen again', async () => {
    const asked = overviewsAskedFor(page)
    await open()
    await quiet(asked)
    await hide(page, true)
    const before = asked().overviews
    const until3 = Date.now() + 3000
    while (Date.now() < until3) await append('/agents/hidden', 1)
    expect(asked().overviews).toBe(before)
    await hide(page, false)
    await panel('Latest activity').getByRole('link', { name: '/agents/hidden' }).waitFor({ timeout: 4000 })
    expect(asked().overviews).toBeGreaterThan(before)
    expect(found).toEqual([])
  })
})

describe('what stands still', () => {
  test('is a paused stream, resumed by keys alone; a parked processor, set going past its event', async () => {
    await append('/paused', 1)
    await on('/paused', (stream) => stream.pause('too much'))
    await park('/bills')
    await open()
    const still = panel('Standing still')
    await still.getByText('stands before offset').waitFor()
    await still.getByText('a negative amount').waitFor()
    await still.getByText('1 processor parked, 1 stream paused').waitFor()

    await still.getByRole('button', { name: 'Resume /paused' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'Messages' }).getByText('Resumed /paused').waitFor()
    await still.getByRole('link', { name: '/paused' }).waitFor({ state: 'detached' })
    await append('/paused', 1)

    // The same event fails again: it goes, and stands again.
    await still.getByRole('button', { name: 'Restart billing of /bills', exact: true }).focus()
    await page.keyboard.press('Enter')
    await until('it to be parked again', async () => (await statusOf('/bills')) === 'parked')
    await page.reload()
    await still.getByRole('button', { name: /^Restart billing of \/bills after offset/ }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('Nothing stands still').waitFor({ timeout: 20_000 })
    expect(await statusOf('/bills')).toBe('caught-up')
    expect(found).toEqual([])
  })

  test('leads to its stream, and says where the work is why it could not be set going', async () => {
    await append('/stuck/here', 1)
    await on('/stuck/here', (stream) => stream.pause())
    await open()
    const still = panel('Standing still')
    await still.getByRole('link', { name: '/stuck/here' }).click()
    await at('/projects/demo/streams/stuck/here')
    await page.goBack()
    await still.getByRole('button', { name: 'Resume /stuck/here' }).waitFor()
    // It goes between the look and the press, and the tab has not heard of it.
    await hide(page, true)
    await on('/stuck/here', (stream) => stream.delete())
    await still.getByRole('button', { name: 'Resume /stuck/here' }).click()
    await still.getByRole('alert').getByText('NOT_FOUND').waitFor()
    await hide(page, false)
    await page.getByText('Nothing stands still').waitFor({ timeout: 20_000 })
    expect(found).toEqual([])
  })

  test('is seen by whoever may not change it, without a button', async () => {
    await append('/held', 1)
    await on('/held', (stream) => stream.pause())
    const email = 'editor@example.test'
    const made = await tributary.cli(['user', 'create', email, '--project', 'demo', '--role', 'editor'], {
      input: `${ADMIN.password}\n`,
    })
    expect(made.code).toBe(0)
    const theirs = await browser.newContext()
    const their = await theirs.newPage()
    await signIn(their, tributary, { email, password: ADMIN.password })
    await their.goto(`${tributary.url}/projects/demo`)
    const still = their.getByRole('region', { name: 'Standing still' })
    await still.getByRole('link', { name: '/held' }).waitFor()
    expect(await still.getByRole('button').count()).toBe(0)
    expect(await their.getByRole('region', { name: 'Project settings' }).count()).toBe(0)
    await theirs.close()
    await on('/held', (stream) => stream.resume())
  })
})

describe('the settings', () => {
  test('rename the project where it stands, and delete it once its slug was typed', async () => {
    await page.goto(`${tributary.url}/projects`, { waitUntil: 'networkidle' })
    await page.getByLabel('Name', { exact: true }).fill('Short lived')
    await page.getByRole('button', { name: 'Create project' }).click()
    await at('/projects/short-lived')
    await page.getByText('This project has no streams yet').waitFor()
    await page.getByLabel('Slug').fill('renamed')
    await page.getByRole('button', { name: 'Save' }).click()
    await at('/projects/renamed')
    await page.getByRole('main').getByText('renamed', { exact: true }).waitFor()
    await page.getByLabel('Slug').fill('demo')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').getByText('CONFLICT').waitFor()
    await page.getByRole('button', { name: 'Delete…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('0 streams with 0 events').waitFor()
    expect(await dialog.getByRole('button', { name: 'Delete the project' }).isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('renamed')
    await dialog.getByRole('button', { name: 'Delete the project' }).click()
    await at('/projects')
    await page.getByRole('region', { name: 'Messages' }).getByText('Deleted Short lived').waitFor()
    await page.getByRole('link', { name: 'Demo' }).waitFor()
    expect(await page.getByRole('link', { name: 'Short lived' }).count()).toBe(0)
    expect(found).toEqual([])
  })
})

test('at 320 px nothing sticks out, whatever stands there', async () => {
  await park('/narrow/with-a-name-that-is-a-good-deal-longer-than-the-screen-is-wide/and-more')
  await append('/narrow/paused', 1)
  await on('/narrow/paused', (stream) => stream.pause())
  await expect(append('/narrow/paused', 1)).rejects.toMatchObject({ code: 'CONFLICT' })
  await page.setViewportSize({ width: 320, height: 700 })
  await open()
  await panel('Standing still').getByRole('button', { name: 'Resume /narrow/paused' }).waitFor()
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320)
  // It is live there too, where the tree is not in sight.
  await append('/narrow/new', 1)
  await panel('Latest activity').getByRole('link', { name: '/narrow/new' }).waitFor({ timeout: 4000 })
  expect(found).toEqual([])
})

/** Waits until nothing was asked for so long. */
async function quiet(asked: () => Asked, ms = 2000): Promise<void> {
  let [last, since] = [asked().overviews, Date.now()]
  await until('the page to be quiet', () => {
    const now = asked().overviews
    if (now !== last) [last, since] = [now, Date.now()]
    return Date.now() - since > ms
  })
}

/** Puts a tab in the background, or in front again, as far as its scripts can tell. */
function hide(of: Page, hidden: boolean): Promise<void> {
  return of.evaluate((isHidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
    Object.defineProperty(document, 'visibilityState', {
      configurable: true,
      get: () => (isHidden ? 'hidden' : 'visible'),
    })
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
  }, hidden)
}

interface Asked {
  readonly overviews: number
  readonly watchings: number
}

/** What a page has asked for over its socket. */
function overviewsAskedFor(of: Page): () => Asked {
  const asked = { overviews: 0, watchings: 0 }
  of.on('websocket', (socket) => {
    if (!socket.url().includes('/api/itx')) return
    socket.on('framesent', ({ payload }) => {
      const [kind, expression] = JSON.parse(String(payload)) as [string, [string, number, string[], unknown[]]]
      if (kind !== 'push') return
      const method = expression[2].join('.')
      if (method === 'overview') asked.overviews++
      if (method === 'streams.activity') asked.watchings++
    })
  })
  return () => ({ ...asked })
}
