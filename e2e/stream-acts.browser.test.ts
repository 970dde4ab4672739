import { readFileSync } from 'node:fs'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ItxClient, connectItx } from '../src/itx/client/connect.ts'
import { Tributary, launchBrowser } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// What is done with a whole stream, from the menu beside its name.

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
  await page.goto(`${tributary.url}/projects/demo/streams${path}`)
  await page.getByRole('status').getByText('Live').waitFor()
}

async function choose(act: string): Promise<void> {
  await page.getByRole('button', { name: 'Actions on this stream' }).click()
  await page.getByRole('menuitem', { name: act }).click()
}

describe('deleting a stream', () => {
  test('says what goes, asks for its path, and leads to the stream above', async () => {
    for (const path of ['/gone', '/gone/a', '/gone/b/c']) await append(path, 2)
    await open('/gone')
    await choose('Delete it…')
    const dialog = page.getByRole('dialog', { name: 'Delete /gone?' })
    await dialog.getByText('events of /gone').waitFor()
    await dialog.getByText('3 streams below it').waitFor()
    await dialog.getByText('/gone/a').waitFor()
    await dialog.getByText('and 1 more').waitFor()
    const confirm = dialog.getByRole('button', { name: 'Delete 4 streams' })
    const typed = dialog.getByRole('textbox')
    await typed.fill('/gon')
    expect(await confirm.isDisabled()).toBe(true)
    await typed.fill('/gone')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${tributary.url}/projects/demo/streams`)
    await page.getByRole('region', { name: 'Messages' }).getByText('Deleted /gone and 3 streams below it').waitFor()
    await page.getByRole('treeitem', { name: /^gone/ }).waitFor({ state: 'detached' })
    expect((await client.state('/gone/b/c')).exists).toBe(false)
    expect(found).toEqual([])
  })

  test('that fails says so where it was asked, and can be given up', async () => {
    await append('/kept', 1)
    await open('/kept')
    await choose('Delete it…')
    const dialog = page.getByRole('dialog', { name: 'Delete /kept?' })
    await dialog.getByRole('textbox').fill('/kept')
    // Meanwhile somebody else has done it.
    await client.onStream('/kept', (stream) => stream.delete())
    await page.keyboard.press('Enter')
    await dialog.getByRole('alert').getByText('NOT_FOUND').waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(found).toEqual([])
  })
})

test('a stream is paused for a reason, and resumed, by keys alone', async () => {
  await append('/runaway', 1)
  await open('/runaway')
  await page.getByRole('button', { name: 'Actions on this stream' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('menuitem').first().waitFor()
  await page.keyboard.type('Pause')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'Pause /runaway' })
  await dialog.getByRole('textbox', { name: 'Reason' }).waitFor()
  await page.keyboard.type('it loops')
  await page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'detached' })
  await page.getByText('paused: it loops').first().waitFor()
  await expect(append('/runaway', 1)).rejects.toThrow(/paused/)
  await choose('Resume it')
  await page.getByText('paused: it loops').first().waitFor({ state: 'detached' })
  await append('/runaway', 1)
  expect(found).toEqual([])
})

describe('downloading', () => {
  test('saves every event as a line, as it is stored', async () => {
    await append('/whole', 1000)
    await append('/whole', 1000)
    await append('/whole', 500)
    await open('/whole')
    const download = page.waitForEvent('download')
    await choose('Download its events')
    const file = await download
    expect(file.suggestedFilename()).toBe('whole.ndjson')
    await page.getByText('Downloaded 2,501 events').waitFor()
    const lines = readFileSync(await file.path(), 'utf8').split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => (JSON.parse(line) as { offset: number }).offset)).toEqual(
      Array.from({ length: 2501 }, (_, i) => i + 1),
    )
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByText('Downloaded').waitFor({ state: 'detached' })
    expect(found).toEqual([])
  })

  test('that takes long says how far it is, and is cancelled', async () => {
    await append('/long', 1000)
    await append('/long', 1000)
    let pages = 0
    await page.routeWebSocket('**/api/itx', (socket) => {
      const server = socket.connectToServer()
      server.onMessage((message) => {
        // The first page of a thousand comes, the next is on its way for good.
        if (String(message).length > 50_000 && ++pages > 1) return
        socket.send(message)
      })
    })
    await open('/long')
    pages = 0
    await choose('Download its events')
    const bar = page.getByRole('progressbar', { name: 'Downloading events' })
    await page.getByText('1,000 of 2,001 events').waitFor()
    expect(await bar.getAttribute('aria-valuetext')).toBe('1,000 of 2,001 events')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await bar.waitFor({ state: 'detached' })
    expect(found).toEqual([])
  })

  test('that fails says why, and is tried again', async () => {
    await append('/cut', 10)
    await open('/cut')
    const acts = page.getByRole('button', { name: 'Actions on this stream' })
    // What the menu is made of comes from the server as well, and so does what its acts are made of.
    await acts.click()
    await page.getByRole('menuitem', { name: 'Download its events' }).waitFor()
    await page.waitForLoadState('networkidle')
    await page.keyboard.press('Escape')
    await tributary.end('SIGKILL')
    await page.getByRole('banner').getByText('Reconnecting').waitFor()
    await choose('Download its events')
    await page.getByRole('alert').getByRole('button', { name: 'Try again' }).waitFor()
    await tributary.launch()
    await page.getByRole('status').getByText('Live').waitFor()
    const download = page.waitForEvent('download')
    await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click()
    expect((await download).suggestedFilename()).toBe('cut.ndjson')
    await page.getByText('Downloaded 11 events').waitFor()
  })
})

test('a stream that does not exist has no acts', async () => {
  await open('/none')
  await page.getByText('This stream does not exist yet').waitFor()
  expect(await page.getByRole('button', { name: 'Actions on this stream' }).count()).toBe(0)
})
