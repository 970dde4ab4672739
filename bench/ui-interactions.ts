import type { BrowserContext, Page } from 'playwright-core'
import { interleaved, median, ratio } from './figures.ts'
import { type Case, atMost, milliseconds } from './report.ts'
import { scaled } from './scale.ts'
import { type UiBench, live, told } from './ui-browser.ts'
import { LONG, WIDE, siblingName, streamPath } from './ui-server.ts'

/** Design page `dashboard.md`, "Quality bars". */
const INP_MS = 100

const ROUNDS = scaled(3, 1)
/** How many times slower the processor is made. */
const SLOWER = [1, 4] as const

/** Something that a person does on a page, and how it is known to be done. */
interface Interaction {
  readonly name: string
  readonly path: string
  /** Done before, and not measured. */
  readonly first?: (page: Page) => Promise<unknown>
  readonly act: (page: Page) => Promise<unknown>
}

const item = (page: Page, name: string) => page.getByRole('treeitem', { name: new RegExp(`^${name},`) })
const readerMenu = (page: Page) => page.getByRole('button', { name: /sign out/ })

const INTERACTIONS: readonly Interaction[] = [
  {
    name: 'open the branch of the siblings',
    path: streamPath('/'),
    act: async (page) => {
      await item(page, 'agents').locator('span[aria-hidden]:has(svg)').first().click()
      await item(page, siblingName(0)).waitFor()
    },
  },
  {
    name: 'End and Home in the tree of the siblings',
    path: streamPath(WIDE),
    first: (page) => item(page, siblingName(0)).focus(),
    act: async (page) => {
      await page.keyboard.press('End')
      await item(page, 'runs-99').waitFor()
      await page.keyboard.press('Home')
      await item(page, siblingName(0)).waitFor()
    },
  },
  {
    name: 'follow a link of the tree',
    path: streamPath('/'),
    act: async (page) => {
      await item(page, 'runs-1').click()
      await page.getByRole('heading', { name: '/runs-1' }).waitFor()
      await page.locator('[role=log] [data-offset="20"]').waitFor()
    },
  },
  {
    name: 'filter the tree, 4 letters',
    path: streamPath('/'),
    act: async (page) => {
      await page.keyboard.press('/')
      await page.keyboard.type('ns-7', { delay: 50 })
      const found = page.getByRole('list', { name: 'Streams that match' })
      await found.getByRole('link').filter({ hasText: '/runs-7' }).first().waitFor()
    },
  },
  {
    name: 'open an event',
    path: streamPath(LONG),
    act: async (page) => {
      const event = page.locator('[role=log] [data-offset]').last()
      const offset = await event.getAttribute('data-offset')
      await event.click()
      await page.locator(`[aria-label="The event at offset ${offset}"]`).waitFor()
    },
  },
  {
    name: 'open the palette, type 6 letters',
    path: streamPath(LONG),
    act: async (page) => {
      await page.keyboard.press('Control+k')
      await page.getByRole('combobox', { name: 'Find a stream or an action' }).waitFor()
      await page.keyboard.type('runs12', { delay: 50 })
      await page.getByRole('option', { name: '/runs-12', exact: true }).waitFor()
    },
  },
  {
    name: 'open the menu of a crumb, 200 siblings',
    path: streamPath(LONG),
    act: async (page) => {
      await page.getByRole('button', { name: 'Beside runs-7' }).click()
      await page.getByRole('menuitem', { name: 'runs-12', exact: true }).waitFor()
    },
  },
  {
    name: 'switch to the dark theme',
    path: streamPath(LONG),
    act: async (page) => {
      await readerMenu(page).click()
      await page.getByRole('menuitemradio', { name: 'Dark' }).click()
      await page.getByRole('menuitemradio', { name: 'Dark', checked: true }).waitFor()
    },
  },
]

interface Watched {
  /** Milliseconds of the longest interaction: of as few as there are here, that is INP. */
  uiLongest?: number
}

/** Runs in the page. What takes less than 16 ms is told of by no browser. */
function watchInteractions(): void {
  ;(globalThis as Watched).uiLongest = 0
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEventTiming & { interactionId: number })[]) {
      if (entry.interactionId === 0) continue
      ;(globalThis as Watched).uiLongest = Math.max((globalThis as Watched).uiLongest ?? 0, entry.duration)
    }
  }).observe({ type: 'event', durationThreshold: 16, buffered: true } as PerformanceObserverInit)
}

async function slowed(page: Page, context: BrowserContext, rate: number): Promise<void> {
  const session = await context.newCDPSession(page)
  await session.send('Emulation.setCPUThrottlingRate', { rate })
}

/** What the browser tells of the interactions since the page was opened. */
async function longest(page: Page): Promise<number> {
  await told(page)
  const [longestMs, count] = await page.evaluate(() => [
    (globalThis as Watched).uiLongest ?? 0,
    (performance as Performance & { interactionCount: number }).interactionCount,
  ])
  if (!count) throw new Error('there was no interaction: nothing was measured')
  return Math.max(longestMs ?? 0, 16)
}

function ours(bench: UiBench, { path, first, act }: Interaction, rate: number): Promise<number> {
  return bench.inNewPage(async (page, context) => {
    await page.goto(bench.ours(path))
    await live(page)
    await page.waitForLoadState('networkidle')
    await first?.(page)
    await slowed(page, context, rate)
    await page.evaluate(watchInteractions)
    await act(page)
    return await longest(page)
  })
}

function bare(bench: UiBench, rate: number): Promise<number> {
  return bench.inNewPage(async (page, context) => {
    await page.goto(bench.beside('/button'))
    await slowed(page, context, rate)
    await page.evaluate(watchInteractions)
    await page.getByRole('button').click()
    return await longest(page)
  })
}

export async function interactionCases(bench: UiBench): Promise<Case[]> {
  const cases: Case[] = []
  for (const rate of SLOWER) cases.push(await interactionCase(bench, rate))
  return cases
}

async function interactionCase(bench: UiBench, rate: number): Promise<Case> {
  const measured = await interleaved(ROUNDS, {
    bare: () => bare(bench, rate),
    ...Object.fromEntries(INTERACTIONS.map((each) => [each.name, () => ours(bench, each, rate)])),
  })
  const { bare: floor, ...rest } = measured as Record<string, number[]>
  const worst = Object.entries(rest).toSorted(([, a], [, b]) => median(b) - median(a))
  const [slowest, times = []] = worst[0] ?? []
  return {
    name: `interactions until the next paint${rate === 1 ? '' : `, the processor ${rate} times slower`}`,
    figures: {
      [`INP, the slowest: ${slowest}`]: milliseconds(median(times)),
      'worst of all rounds': milliseconds(Math.max(...Object.values(rest).flat())),
      ...Object.fromEntries(worst.map(([name, values]) => [name, milliseconds(median(values))])),
      'bare: a button that counts': milliseconds(median(floor ?? [])),
    },
    ratios: { 'INP / bare': ratio(times, floor ?? []) },
    goals: [atMost('INP at most 100 ms', INP_MS, median(times))],
  }
}
