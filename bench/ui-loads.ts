import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { interleaved, median, ratio } from './figures.ts'
import { type Case, atMost, figure, milliseconds } from './report.ts'
import { scaled } from './scale.ts'
import { type UiBench, live } from './ui-browser.ts'
import { EVENTS, LONG, MIDDLE, SIBLINGS, streamPath } from './ui-server.ts'

/** Budgets: design page `dashboard.md`, "Quality bars". */
const LCP_MS = 1200
const CLS = 0.02
const SCRIPT_BYTES = 180_000

const LOADS = scaled(4, 1)

/** A page as it is loaded for the first time, and how it is known to be there. */
export interface UiPage {
  readonly name: string
  readonly path: string
  readonly signedIn: boolean
  readonly ready: (page: Page) => Promise<void>
  /** The budget of first-load JavaScript is for those with the tree. */
  readonly tree: boolean
}

const behindSignIn = { signedIn: true, ready: live }

export const UI_PAGES: readonly UiPage[] = [
  { name: 'the root stream, among 201 streams', path: streamPath('/'), tree: true, ...behindSignIn },
  {
    name: `a stream of ${EVENTS.toLocaleString('en-GB')} events`,
    path: streamPath(LONG),
    tree: true,
    ...behindSignIn,
  },
  {
    name: `a stream among ${SIBLINGS.toLocaleString('en-GB')} siblings`,
    path: streamPath(MIDDLE),
    tree: true,
    ...behindSignIn,
  },
  { name: 'the home of a project', path: '/projects/demo', tree: false, ...behindSignIn },
  {
    name: 'the list of projects',
    path: '/projects',
    tree: false,
    signedIn: true,
    ready: (page) => page.getByRole('link', { name: 'Demo' }).waitFor(),
  },
  {
    name: 'sign-in',
    path: '/sign-in',
    tree: false,
    signedIn: false,
    ready: (page) => page.getByLabel('Email').waitFor(),
  },
]

interface Load {
  readonly ttfb: number
  readonly lcp: number
  readonly cls: number
}

interface Watched {
  uiLoad?: { lcp: number; shifts: number }
}

/** Notes what the browser says of paints and shifts. Runs in the page, before anything of its own. */
function watchLoad(): void {
  const told = { lcp: 0, shifts: 0 }
  ;(globalThis as Watched).uiLoad = told
  new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) told.lcp = startTime
  }).observe({ type: 'largest-contentful-paint', buffered: true })
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) told.shifts += (entry as PerformanceEntry & { value: number }).value
  }).observe({ type: 'layout-shift', buffered: true })
}

/** Loads a page with nothing cached, and waits until the network is quiet: what shifts late is seen. */
function load(bench: UiBench, url: string, signedIn: boolean, ready: (page: Page) => Promise<void>): Promise<Load> {
  const measure = async (page: Page) => {
    await page.goto(url)
    await ready(page)
    await page.waitForLoadState('networkidle')
    const { lcp, shifts, ttfb } = await page.evaluate(() => {
      const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
      return { lcp: 0, shifts: 0, ...(globalThis as Watched).uiLoad, ttfb: navigation?.responseStart ?? 0 }
    })
    if (lcp === 0) throw new Error(`${url} has painted nothing that the browser told of`)
    return { lcp, cls: shifts, ttfb }
  }
  return bench.inNewPage(measure, { signedIn, watch: watchLoad })
}

interface Scripts {
  /** As gzip makes them: the budget does not ask what a server in front of ours does. */
  readonly gzip: number
  readonly sent: number
}

function scriptsOf(bench: UiBench, { path, signedIn, ready }: UiPage): Promise<Scripts> {
  const measure = async (page: Page) => {
    const bodies: Promise<Buffer>[] = []
    page.on('response', (response) => {
      if (new URL(response.url()).pathname.endsWith('.js')) bodies.push(response.body())
    })
    await page.goto(bench.ours(path))
    await ready(page)
    await page.waitForLoadState('networkidle')
    const sent = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
        .filter(({ name }) => new URL(name).pathname.endsWith('.js'))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    )
    const gzip = (await Promise.all(bodies)).reduce((sum, body) => sum + gzipSync(body, { level: 9 }).length, 0)
    if (gzip === 0) throw new Error(`${path} loaded no script: it is not the page that is meant`)
    return { gzip, sent }
  }
  return bench.inNewPage(measure, { signedIn })
}

export async function loadCases(bench: UiBench): Promise<Case[]> {
  const cases: Case[] = []
  for (const page of UI_PAGES) cases.push(await loadCase(bench, page))
  return cases
}

async function loadCase(bench: UiBench, page: UiPage): Promise<Case> {
  const { name, path, signedIn, ready, tree } = page
  // Also warms what the server compiles.
  const scripts = await scriptsOf(bench, page)
  await bench.copy(path, signedIn)
  const all: Load[] = []
  const ttfbBare: number[] = []
  const lcp = await interleaved(LOADS, {
    ours: async () => {
      const each = await load(bench, bench.ours(path), signedIn, ready)
      all.push(each)
      return each.lcp
    },
    bare: async () => {
      const each = await load(bench, bench.beside(path), false, () => Promise.resolve())
      ttfbBare.push(each.ttfb)
      return each.lcp
    },
  })
  const shifts = Math.max(...all.map(({ cls }) => cls))
  return {
    name: `first load: ${name}`,
    figures: {
      'LCP, median': milliseconds(median(lcp.ours)),
      'LCP, worst': milliseconds(Math.max(...lcp.ours)),
      'the same HTML and CSS, bare: LCP, median': milliseconds(median(lcp.bare)),
      'time to first byte, median': milliseconds(median(all.map(({ ttfb }) => ttfb))),
      'bare: time to first byte, median': milliseconds(median(ttfbBare)),
      'CLS, worst': figure(shifts, ''),
      'JavaScript, gzip': figure(scripts.gzip / 1000, 'kB'),
      'JavaScript, as sent': figure(scripts.sent / 1000, 'kB'),
    },
    ratios: { 'LCP / bare': ratio(lcp.ours, lcp.bare) },
    goals: [
      atMost('LCP at most 1,200 ms, the worst', LCP_MS, Math.max(...lcp.ours)),
      atMost('CLS at most 0.02, the worst', CLS, shifts),
      ...(tree ? [atMost('JavaScript at most 180 kB gzip', SCRIPT_BYTES / 1000, scripts.gzip / 1000)] : []),
    ],
  }
}
