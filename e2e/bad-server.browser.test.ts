import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ITX_ERROR_CODES, type ItxErrorCode } from '../src/streams/errors.ts'
import type { WireError } from './bad-server.ts'
import { Tributary, launchBrowser, until } from './harness.ts'
import { type StatesPage, axeFindsNothing, openPage } from './states-page.ts'

// A server that answers late, never, or with an error: each page says what is the case where the work is, goes on being
// a page, and mends itself.

/** One of each code, and a sentence of what the page makes of it. */
const ERRORS: Readonly<Record<ItxErrorCode | 'none', WireError & { readonly says: string }>> = {
  BAD_REQUEST: { message: 'limit must be at most 200', says: 'BAD_REQUEST Limit must be at most 200.' },
  NOT_FOUND: { message: '/a begins at offset 7', says: 'NOT_FOUND /a begins at offset 7.' },
  FORBIDDEN: {
    message: 'append needs the role editor; this handle has viewer',
    details: { reason: 'role', needed: 'editor' },
    says: 'FORBIDDEN Append needs the role editor; this handle has viewer. An admin of the project can give you the role editor.',
  },
  CONFLICT: {
    message: '/a is paused',
    details: { reason: 'paused' },
    says: 'CONFLICT /a is paused. It takes appends again when an operator of the project resumes it.',
  },
  RATE_LIMITED: {
    message: 'more than 500 calls in a second',
    says: 'RATE_LIMITED More than 500 calls in a second. Wait a moment, then try again.',
  },
  UNAVAILABLE: {
    message: 'nothing was stored: the disk is full',
    details: { reason: 'full' },
    says: 'UNAVAILABLE Nothing was stored: the disk is full.',
  },
  INTERNAL: {
    message: 'something failed inside the server',
    details: { correlationId: 'c0ffee' },
    says: 'INTERNAL Something failed inside the server. The log of the server has the rest, under c0ffee.',
  },
  none: { message: 'odd', says: 'Something failed in this page. odd.' },
}
const CODES = [...ITX_ERROR_CODES, 'none'] as const

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
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

async function open(path: string): Promise<StatesPage> {
  const made = await openPage(browser, tributary, { path })
  opened.push(made)
  return made
}

const errorOf = (code: (typeof CODES)[number]): WireError => {
  const { message, details } = ERRORS[code]
  return { message, ...(code !== 'none' && { code }), ...(details && { details }) }
}
const inMain = (page: Page) => page.locator('#content')
const alertOf = (page: Page) => inMain(page).getByRole('alert')
/** As a person reads it: one line. */
const wordsOf = async (page: Page) => (await alertOf(page).first().innerText()).replaceAll(/\s+/g, ' ')

async function goToApi(page: Page): Promise<void> {
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await page.waitForURL('**/api')
}

describe('a read that is answered with', () => {
  test.each(CODES)('%s: the page says so in words, within its frame', async (code) => {
    const { page, wire } = await open('/projects/demo')
    wire.fail(errorOf(code), 'describe')
    await goToApi(page)
    await alertOf(page).waitFor()
    expect(await wordsOf(page)).toContain(ERRORS[code].says)
    // The frame is whole: the tree, the other pages, and who one is.
    await page.getByRole('treeitem', { name: /orders/ }).waitFor()
    await axeFindsNothing(page)
    if (code !== 'INTERNAL') return
    wire.release()
    await alertOf(page).getByRole('button', { name: 'Try again' }).press('Enter')
    await page.getByRole('heading', { name: 'Begin', exact: true }).waitFor()
    expect(await alertOf(page).count()).toBe(0)
  })

  test('an error: the tree says it in the place of the rows, and its row tries again', async () => {
    const { page, wire } = await open('/projects/demo')
    wire.fail(errorOf('INTERNAL'), 'children')
    await page.getByRole('treeitem', { name: /^orders/ }).press('ArrowRight')
    const row = page.getByRole('treeitem', { name: /Something failed inside the server\. Try again/ })
    await row.waitFor()
    await axeFindsNothing(page)
    // Another size of the window asks again.
    await row.waitFor()
    wire.release()
    await row.press('Enter')
    await page.getByRole('treeitem', { name: /^7/ }).waitFor()
    expect(await row.count()).toBe(0)
  })

  test('an error: the filter and the palette say so', async () => {
    const { page, wire } = await open('/projects/demo/streams/orders/7')
    wire.fail(errorOf('RATE_LIMITED'), 'list')
    await page.getByLabel('Filter the streams by their path').fill('orders')
    const alert = page.getByRole('navigation', { name: 'Streams' }).getByRole('alert')
    await alert.getByText('More than 500 calls in a second. Wait a moment, then try again.').waitFor()
    wire.release()
    await alert.getByRole('button', { name: 'Try again' }).press('Enter')
    await page.getByText('2 streams match').waitFor()
    wire.fail(errorOf('RATE_LIMITED'), 'list')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Find a stream or an action' }).fill('ord')
    const palette = page.getByRole('dialog')
    await palette.getByRole('status').getByText('More than 500 calls in a second').waitFor()
    // What needs no server can be chosen all the same.
    await palette.getByRole('combobox').fill('home')
    expect(await palette.getByRole('option', { name: /home of the project/ }).count()).toBe(1)
  })

  test('an error: the page of a stream says so once, and mends itself', async () => {
    const { page, wire } = await open('/projects/demo')
    wire.fail(errorOf('UNAVAILABLE'), 'state', 'children', 'read', 'subscribe')
    await page.getByRole('treeitem', { name: /^agents/ }).press('Enter')
    await alertOf(page).waitFor()
    expect(await wordsOf(page)).toContain(ERRORS.UNAVAILABLE.says)
    expect(await alertOf(page).count()).toBe(1)
    wire.release()
    await page.getByRole('log').getByText('stream/created').first().waitFor()
    await until('the failure to go', async () => (await alertOf(page).count()) === 0)
  })
})

describe('an act that is answered with', () => {
  test.each(CODES)('%s: what was written stays, and the words stand beside it', async (code) => {
    const { page, wire } = await open('/projects/demo/streams/orders/7')
    wire.fail(errorOf(code), 'append')
    const box = page.getByLabel(/Events to append/)
    await box.fill('{"type":"kept"}')
    await box.press('Control+Enter')
    await alertOf(page).waitFor()
    expect(await wordsOf(page)).toContain(ERRORS[code].says)
    expect(await box.inputValue()).toBe('{"type":"kept"}')
    // A deed is not done again by a button of its failure.
    expect(await alertOf(page).getByRole('button').count()).toBe(0)
    if (code === 'INTERNAL') expect(await wordsOf(page)).toContain('Whether it was done is not known')
  })

  test('an error: a new stream and another name say so where they were typed', async () => {
    const { page, wire } = await open('/projects/demo')
    wire.fail(errorOf('CONFLICT'), 'create', 'rename')
    await page.getByRole('button', { name: 'New stream' }).click()
    const name = page.getByLabel('Name of the new stream below /')
    await name.fill('fresh')
    await name.press('Enter')
    await page.getByRole('tree').getByRole('alert').getByText('CONFLICT: /a is paused.').waitFor()
    expect(await name.inputValue()).toBe('fresh')
    await name.press('Escape')
    await page.getByLabel('Name', { exact: true }).fill('Another')
    await page.getByRole('button', { name: 'Save' }).click()
    await alertOf(page).getByText('/a is paused.').waitFor()
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('Another')
  })
})
