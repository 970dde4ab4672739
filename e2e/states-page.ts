import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'
import { BadWire } from './bad-server.ts'
import { ADMIN, type Tributary, until } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// What the tests of states share: a page whose server can be made to behave badly, and axe.

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const NARROW = { width: 320, height: 800 }

export interface StatesPage {
  readonly context: BrowserContext
  readonly page: Page
  readonly wire: BadWire
  /** What the page complains of in the console. */
  readonly found: string[]
}

type Session = Awaited<ReturnType<BrowserContext['storageState']>>
/** By server and account: signing in takes a password's time. */
const sessions = new Map<string, Session>()

async function sessionOf(browser: Browser, tributary: Tributary, account: Account): Promise<Session> {
  const key = `${tributary.url} ${account.email}`
  const known = sessions.get(key)
  if (known) return known
  const context = await browser.newContext()
  await signIn(await context.newPage(), tributary, account)
  const session = await context.storageState()
  await context.close()
  sessions.set(key, session)
  return session
}

interface Account {
  readonly email: string
  readonly password: string
}

/** A page of somebody who is signed in. */
export async function openPage(
  browser: Browser,
  tributary: Tributary,
  { account = ADMIN, path = '/projects' }: { account?: Account; path?: string } = {},
): Promise<StatesPage> {
  const storageState = await sessionOf(browser, tributary, account)
  const context = await browser.newContext({ reducedMotion: 'reduce', storageState })
  const found = complaints(context)
  const page = await context.newPage()
  const wire = await BadWire.on(page)
  await page.goto(`${tributary.url}${path}`, { waitUntil: 'networkidle' })
  return { context, page, wire, found }
}

/** Axe finds nothing in the state that is shown, in either theme, where there is little room; the page is left as it was. */
export async function axeFindsNothing(page: Page): Promise<void> {
  const before = page.viewportSize()
  await page.setViewportSize(NARROW)
  // Given to the page by the browser's own tools, which its policy for scripts does not hold back.
  await page.evaluate(AXE)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    // Colours go over into those of the other theme.
    await page.evaluate(() =>
      Promise.all(document.getAnimations().map((each) => each instanceof CSSTransition && each.finished)),
    )
    const complaintsOfAxe = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: { run(): Promise<AxeResults> } }
      const { violations } = await axe.run()
      return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
    })
    expect({ colorScheme, complaintsOfAxe }).toEqual({ colorScheme, complaintsOfAxe: [] })
    const tooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
    expect({ colorScheme, tooWide }).toEqual({ colorScheme, tooWide: false })
  }
  if (before) await page.setViewportSize(before)
}

/** Reaches a link or button by Tab alone. */
export async function tabTo(page: Page, name: string): Promise<void> {
  await page.locator('body').press('Tab')
  await until(`Tab to reach "${name}"`, async () => {
    const focused = await page.evaluate(() => document.activeElement?.textContent?.trim() ?? '')
    if (focused === name) return true
    await page.keyboard.press('Tab')
    return false
  })
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly target: readonly string[] }[]
  }[]
}
