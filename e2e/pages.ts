import type { BrowserContext, Page } from 'playwright-core'
import { ADMIN, type Tributary } from './harness.ts'

/** What people do, for the tests of pages. */

/** Signs in through the page, as a person would. */
export async function signIn(
  page: Page,
  { url }: Tributary,
  account: { email: string; password: string } = ADMIN,
): Promise<void> {
  await page.goto(`${url}/sign-in`)
  await page.getByLabel('Email').fill(account.email)
  await page.getByLabel('Password').fill(account.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('**/projects')
}

/** Ends the session through the page, as a person would. */
export async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: /sign out/ }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
}

/** The offsets that the log shows, from top to bottom. */
export function shownOffsets(page: Page): Promise<number[]> {
  return page
    .locator('[role=log] [data-offset]')
    .evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('data-offset'))))
}

/** Collects what a page complains of: an error in the console, an exception, a hydration that did not match. */
export function complaints(context: BrowserContext): string[] {
  const found: string[] = []
  context.on('weberror', (error) => found.push(error.error().message))
  context.on('console', (message) => {
    // A refused address is logged by the browser itself; what the page makes of it is what counts.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) found.push(message.text())
  })
  return found
}
