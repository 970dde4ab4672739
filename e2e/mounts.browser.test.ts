import type { Browser, CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Tributary, launchBrowser, until } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// Threat: a page that is open all day shows two hundred streams one after the other, and each leaves something behind: a
// handle or a subscription in the tables of both ends, a timer, a listener, the whole page.

const VISITS = 200
let browser: Browser
let tributary: Tributary
beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

/** What is alive in a tab, after its garbage was collected. */
interface Alive {
  /** Entries of the session's tables: what this end holds of the server, and the server of this end. */
  readonly imports: number
  readonly exports: number
  readonly timers: number
  readonly listeners: number
  readonly documents: number
}

/** A tail stays for 5 s after its last reader: a tab in which nothing has changed for longer is at rest. */
const REST_MS = 7000

/** Counts the timers that are set; evaluated before anything of the page. */
function countTimers(): void {
  const alive = new Set<unknown>()
  const tab = window as unknown as Record<string, unknown> & { liveTimers: () => number }
  const set = (name: 'setTimeout' | 'setInterval') => {
    const real = window[name] as (run: () => void, ms?: number) => number
    tab[name] = (run: () => void, ms?: number) => {
      const id = real(() => {
        if (name === 'setTimeout') alive.delete(id)
        run()
      }, ms)
      alive.add(id)
      return id
    }
  }
  const clear = (name: 'clearTimeout' | 'clearInterval') => {
    const real = window[name] as (id?: number) => void
    tab[name] = (id?: number) => {
      alive.delete(id)
      real(id)
    }
  }
  set('setTimeout')
  set('setInterval')
  clear('clearTimeout')
  clear('clearInterval')
  tab.liveTimers = () => alive.size
}

async function lookAt(page: Page, session: CDPSession): Promise<Alive> {
  await session.send('HeapProfiler.collectGarbage')
  const { metrics } = await session.send('Performance.getMetrics')
  const metric = (name: string) => metrics.find((each) => each.name === name)?.value ?? Number.NaN
  const inPage = await page.evaluate(() => {
    const holder = globalThis as unknown as Record<symbol, { stats: { imports: number; exports: number } | null }>
    const tab = window as unknown as { liveTimers: () => number }
    return { ...holder[Symbol.for('tributary.browser-client')]?.stats, timers: tab.liveTimers() }
  })
  return {
    imports: inPage.imports ?? Number.NaN,
    exports: inPage.exports ?? Number.NaN,
    timers: inPage.timers,
    listeners: metric('JSEventListeners'),
    documents: metric('Documents'),
  }
}

test(
  `${VISITS} visits of streams leave no stub, no subscription, no timer and no listener behind`,
  { timeout: 240_000 },
  async () => {
    const token = await tributary.token()
    for (const path of ['/mounts/a', '/mounts/b']) await tributary.append(token, path, [{ type: 'a' }])
    const context = await browser.newContext()
    await context.addInitScript(countTimers)
    const found = complaints(context)
    const page = await context.newPage()
    const session = await context.newCDPSession(page)
    await session.send('Performance.enable')
    await signIn(page, tributary)
    await page.goto(`${tributary.url}/projects/demo/streams/mounts/a`)
    await page.getByRole('status').getByText('Live').waitFor()
    // What is listed there is asked anew every ten seconds: a tab that shows it never comes to rest.
    await page.getByRole('button', { name: 'Recently active' }).click()

    const visit = async (name: string) => {
      await page.getByRole('treeitem', { name: new RegExp(`^${name},`) }).click()
      await page.waitForURL(`**/streams/mounts/${name}`)
      await page.getByRole('heading', { name: new RegExp(`${name}$`) }).waitFor()
    }
    /** Tails stay for a while after their last reader: what is left once nothing becomes less is what is kept. */
    const settled = async () => {
      let last = await lookAt(page, session)
      let since = Date.now()
      await until(
        'the tab to come to rest',
        async () => {
          const now = await lookAt(page, session)
          if (JSON.stringify(now) !== JSON.stringify(last)) since = Date.now()
          last = now
          return Date.now() - since >= REST_MS
        },
        60_000,
      )
      return last
    }

    for (const name of ['b', 'a', 'b', 'a']) await visit(name)
    const before = await settled()
    for (let visits = 0; visits < VISITS; visits += 2) {
      await visit('b')
      await visit('a')
    }
    const after = await settled()
    expect([after.imports, after.exports, after.documents]).toEqual([before.imports, before.exports, before.documents])
    // The cache forgets an entry after a while: its timers come and go by themselves, two or three of them.
    expect(after.timers).toBeLessThanOrEqual(before.timers + 3)
    expect(after.listeners).toBeLessThanOrEqual(before.listeners + 3)
    expect(found).toEqual([])
    await context.close()
  },
)
