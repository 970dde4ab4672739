import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Tributary, launchBrowser } from './harness.ts'
import { complaints } from './pages.ts'

// The first thing a person gets: from the printed link to live events, in a real browser.

let browser: Browser
beforeAll(async () => void (browser = await launchBrowser()))
afterAll(() => browser.close())

test('the setup link leads to an account, the demo project, its tree, and events that come live', async () => {
  await using tributary = await Tributary.start({ admin: false })
  const context = await browser.newContext()
  const found = complaints(context)
  const page = await context.newPage()

  await page.goto(tributary.setupLink)
  await page.getByLabel('Your name').fill('Ada')
  await page.getByLabel('Email').fill('ada@example.test')
  await page.getByLabel('Password').fill('correct horse battery 9')
  await page.getByRole('button', { name: 'Create admin' }).click()
  await page.waitForURL('**/projects/demo/streams')

  const token = await tributary.token()
  await tributary.append(token, '/agents/a1', [{ type: 'run/started', payload: { n: 1 } }])
  await page.getByRole('treeitem', { name: /^agents,/ }).waitFor()
  await page.goto(`${tributary.url}/projects/demo/streams/agents/a1`)
  await page.getByRole('log').getByText('run/started').waitFor()

  await tributary.append(token, '/agents/a1', [{ type: 'run/finished', payload: { n: 2 } }])
  // The command line has its receipt: from here on the event must show within a second.
  await page.getByRole('log').getByText('run/finished').waitFor({ timeout: 1000 })
  expect(found).toEqual([])

  const again = await context.newPage()
  await again.goto(tributary.setupLink)
  expect(await again.getByLabel('Password').count()).toBe(0)
})

test('while nobody is admin, the front page says where to find the link', async () => {
  await using tributary = await Tributary.start({ admin: false })
  const page = await browser.newPage()
  await page.goto(tributary.url)
  expect(await page.textContent('body')).toContain('link')
  expect(await page.getByLabel('Password').count()).toBe(0)
})
