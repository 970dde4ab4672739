/**
 * From the click to what is live: the time from the beginning of a navigation to the page of a project's streams until an event
 * that was appended after that beginning stands on it, in a real browser with an empty cache. Beside it, in the same run: a
 * page of a few lines that opens a bare `ws` socket and writes down what comes.
 *
 * Needs the pages (`npm run build`) and Chromium.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { WebSocketServer } from 'ws'
import { launchBrowser } from '../e2e/harness.ts'
import { signIn } from '../e2e/pages.ts'
import { connectItx } from '../src/itx/client/connect.ts'
import { TYPE } from './event.ts'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { address, startProduction, streamsPage } from './production.ts'
import { milliseconds, report } from './report.ts'
import { scaled } from './scale.ts'

const NAVIGATIONS = scaled(20, 5)
/** How often an event is appended: the figures are that coarse. */
const EVERY_MS = 10

/** Wall-clock times at which offsets were appended. */
type Appended = Map<number, number>

/** Notes when each offset is first seen on the page. Runs in the page, before anything of its own. */
function watchOffsets(): void {
  const seen: Record<string, number> = {}
  ;(globalThis as { seenOffsets?: Record<string, number> }).seenOffsets = seen
  new MutationObserver(() => {
    for (const row of document.querySelectorAll('[data-offset]')) {
      const offset = row.getAttribute('data-offset') ?? ''
      seen[offset] ??= performance.timeOrigin + performance.now()
    }
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-offset'] })
}

/** Appends at a fixed pace until it is told to stop. */
function appending(append: () => Promise<number>): { readonly appended: Appended; stop(): Promise<void> } {
  const appended: Appended = new Map()
  const over = new AbortController()
  const running = (async () => {
    while (!over.signal.aborted) {
      const at = Date.now()
      appended.set(await append(), at)
      await wait(EVERY_MS)
    }
  })()
  return {
    appended,
    async stop() {
      over.abort()
      await running
    },
  }
}

/** Milliseconds from the beginning of the navigation to the first event on the page that is younger. */
async function firstLive(page: Page, url: string, append: () => Promise<number>): Promise<number> {
  const { appended, stop } = appending(append)
  await wait(100)
  await page.goto(url, { waitUntil: 'commit' })
  const begun = await page.evaluate(() => performance.timeOrigin)
  for (let tries = 0; tries < 3000; tries++) {
    const seen = await page.evaluate(() => (globalThis as { seenOffsets?: Record<string, number> }).seenOffsets ?? {})
    const live = Object.entries(seen).filter(([offset]) => (appended.get(Number(offset)) ?? 0) >= begun)
    if (live.length > 0) {
      await stop()
      return Math.min(...live.map(([, at]) => at)) - begun
    }
    await wait(20)
  }
  throw new Error(`no live event came to ${url}`)
}

await using tributary = await startProduction()
const client = connectItx({ url: address(tributary), token: await tributary.token(), project: 'demo' })
const browser: Browser = await launchBrowser()

const signedInContext = await browser.newContext()
await signIn(await signedInContext.newPage(), tributary)
const cookies = await signedInContext.cookies()

/** A page of a context of its own: nothing is cached. */
async function inNewContext(measure: (page: Page) => Promise<number>): Promise<number> {
  const context = await browser.newContext()
  await context.addCookies(cookies)
  await context.addInitScript(watchOffsets)
  try {
    return await measure(await context.newPage())
  } finally {
    await context.close()
  }
}

const ours = () =>
  inNewContext((page) =>
    firstLive(page, streamsPage(tributary).replace('127.0.0.1', 'localhost'), async () => {
      const [receipt] = await client.append('/', [{ type: TYPE, payload: { live: true } }])
      return receipt?.offset ?? 0
    }),
  )

const BARE_PAGE = `<!doctype html><title>bare</title><script type="module">
new WebSocket('ws://' + location.host).onmessage = ({ data }) => {
  const row = document.createElement('div')
  row.dataset.offset = data
  row.textContent = data
  document.body.append(row)
}
</script>`
const bareServer = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/html' }).end(BARE_PAGE)
})
const bareSockets = new WebSocketServer({ server: bareServer })
await new Promise<void>((resolve) => bareServer.listen(0, '127.0.0.1', resolve))
const barePort = (bareServer.address() as AddressInfo).port
let bareOffset = 0
const bare = () =>
  inNewContext((page) =>
    firstLive(page, `http://127.0.0.1:${barePort}/`, async () => {
      const offset = ++bareOffset
      for (const socket of bareSockets.clients) socket.send(String(offset))
      return offset
    }),
  )

await ours()
await bare()
const took = await interleaved(NAVIGATIONS, { ours, bare })
client.close()
await browser.close()
bareSockets.close()
bareServer.close()

report('first-event', {
  what: 'from the beginning of a navigation to the first live event on the page, in Chromium',
  cases: [
    {
      name: `the streams page, ${NAVIGATIONS} navigations, nothing cached`,
      figures: {
        median: milliseconds(median(took.ours)),
        p95: milliseconds(percentile(took.ours, 0.95)),
        'bare page and ws: median': milliseconds(median(took.bare)),
        'bare page and ws: p95': milliseconds(percentile(took.bare, 0.95)),
      },
      ratios: { 'median / bare page': ratio(took.ours, took.bare) },
    },
  ],
  notes: [
    `an event is appended every ${EVERY_MS} ms, and only one that is younger than the navigation counts`,
    'browser, server and appender share the machine',
  ],
})
