import { setTimeout as wait } from 'node:timers/promises'
import { type Browser, type BrowserContext, type Cookie, type Page, chromium } from 'playwright-core'
import type { Tributary } from '../e2e/harness.ts'
import { signIn } from '../e2e/pages.ts'
import { Child } from './child.ts'
import type { Operations } from './ui-bare-process.ts'
import { startUiServer } from './ui-server.ts'

export type Bare = Child<Operations, { readonly port: number }>

/** As the browser tests start it, but with scrollbars: they can be dragged. */
export const CHROMIUM = {
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  ignoreDefaultArgs: ['--hide-scrollbars'],
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
}

/** What every measurement of the pages needs. Dispose it. */
export class UiBench {
  readonly tributary: Tributary
  readonly browser: Browser
  readonly bare: Bare
  /** Of somebody who is signed in. */
  readonly cookies: readonly Cookie[]

  private constructor(tributary: Tributary, browser: Browser, bare: Bare, cookies: readonly Cookie[]) {
    this.tributary = tributary
    this.browser = browser
    this.bare = bare
    this.cookies = cookies
  }

  static async start(): Promise<UiBench> {
    const tributary = await startUiServer()
    const browser = await chromium.launch(CHROMIUM)
    const context = await browser.newContext()
    await signIn(await context.newPage(), tributary)
    const cookies = await context.cookies()
    await context.close()
    return new UiBench(tributary, browser, await Child.start('ui-bare-process.ts', []), cookies)
  }

  /** The same as a header. */
  get cookie(): string {
    return this.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  ours(path: string): string {
    return `${this.tributary.url}${path}`
  }

  beside(path: string): string {
    return `http://localhost:${this.bare.started.port}${path}`
  }

  /** Has the bare server show a page as ours comes from the server. */
  async copy(path: string, signedIn: boolean): Promise<void> {
    const response = await fetch(this.ours(path), { headers: signedIn ? { cookie: this.cookie } : {} })
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
    await this.bare.ask('show', { path, html: await response.text() })
  }

  /** A page of a context of its own: nothing is cached. */
  async inNewPage<T>(
    measure: (page: Page, context: BrowserContext) => Promise<T>,
    { signedIn = true, watch }: { readonly signedIn?: boolean; readonly watch?: () => void } = {},
  ): Promise<T> {
    const context = await this.browser.newContext({ viewport: { width: 1440, height: 900 } })
    try {
      if (signedIn) await context.addCookies([...this.cookies])
      if (watch) await context.addInitScript(watch)
      return await measure(await context.newPage(), context)
    } finally {
      await context.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close()
    await this.bare.stop()
    await this.tributary[Symbol.asyncDispose]()
  }
}

/** The page talks to the server: what comes later comes from there. */
export async function live(page: Page): Promise<void> {
  await page.getByRole('status').getByText('Live').waitFor()
}

/** What has been painted is told to observers a little later. */
export async function told(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
  await wait(150)
}
