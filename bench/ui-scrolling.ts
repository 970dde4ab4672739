import { setTimeout as wait } from 'node:timers/promises'
import type { CDPSession, Page } from 'playwright-core'
import { interleaved, median, percentile, ratio } from './figures.ts'
import { type Case, atMost, figure, mebibytes, milliseconds } from './report.ts'
import { scaled } from './scale.ts'
import { type UiBench, live } from './ui-browser.ts'
import { type Task, tracedTasks } from './ui-tasks.ts'
import { SIBLINGS, WIDE, streamPath } from './ui-server.ts'

const ROUNDS = scaled(2, 1)
const SECONDS = scaled(3, 1)
const FRAME_MS = 1000 / 60
/** What a browser calls a long task. */
const LONG_MS = 50
/** Design page `dashboard.md`: the bound of a task while a stream is followed; scrolling is held to it too. */
const TASK_MS = 100

interface Sample {
  readonly frames: readonly number[]
  readonly tasks: readonly Task[]
  /** From the end of the input until no row in sight is missing. */
  readonly settled: number
  readonly heap: number
}

interface Place {
  readonly page: Page
  readonly session: CDPSession
  /** The middle of what scrolls, and its right edge. */
  readonly x: number
  readonly y: number
  readonly right: number
  readonly top: number
  readonly height: number
}

/** Where the scrollbar is held, below its upper edge: its handle is below its arrow, and as small as it may be. */
const GRIP = 22

/** Ways to move through a long list, by real input. */
const WAYS: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  'wheel, slowly (6,000 px a second)': (place) => wheel(place, 100),
  'wheel, fast (180,000 px a second)': (place) => wheel(place, 3000),
  'End and Home': async ({ page }) => {
    await everyFrame(async (frame) => {
      if (frame % 30 === 0) await page.keyboard.press(frame % 60 === 0 ? 'End' : 'Home')
    })
  },
  'the scrollbar, dragged to the end and back': async ({ session, right, top, height }) => {
    const mouse = (type: 'mousePressed' | 'mouseMoved' | 'mouseReleased', y: number) =>
      session.send('Input.dispatchMouseEvent', { type, x: right - 5, y, button: 'left', buttons: 1, clickCount: 1 })
    await mouse('mousePressed', top + GRIP)
    const total = Math.round((SECONDS * 1000) / FRAME_MS)
    await everyFrame((frame) => {
      const share = 1 - Math.abs(1 - (2 * frame) / total)
      return mouse('mouseMoved', top + GRIP + share * (height - 2 * GRIP))
    })
    await mouse('mouseReleased', top + GRIP)
  },
}

/** Does something 60 times a second, whether or not the page keeps up. */
async function everyFrame(act: (frame: number) => Promise<unknown>): Promise<void> {
  const begun = performance.now()
  const pending: Promise<unknown>[] = []
  for (let frame = 0; frame * FRAME_MS < SECONDS * 1000; frame++) {
    while (performance.now() - begun < frame * FRAME_MS) await wait(1)
    pending.push(act(frame))
  }
  await Promise.all(pending)
}

function wheel({ session, x, y }: Place, deltaY: number): Promise<void> {
  return everyFrame(() => session.send('Input.dispatchMouseEvent', { type: 'mouseWheel', x, y, deltaX: 0, deltaY }))
}

interface Watched {
  uiFrames?: number[]
}

/** Notes how long each frame takes. Runs in the page. */
function watchFrames(): void {
  const frames: number[] = []
  ;(globalThis as Watched).uiFrames = frames
  let last = performance.now()
  const next = (now: number) => {
    frames.push(now - last)
    last = now
    requestAnimationFrame(next)
  }
  requestAnimationFrame(next)
}

async function sample(bench: UiBench, side: 'ours' | 'bare', act: (place: Place) => Promise<void>): Promise<Sample> {
  return await bench.inNewPage(async (page, context) => {
    await page.goto(side === 'ours' ? bench.ours(streamPath(WIDE)) : bench.beside(`/list?rows=${SIBLINGS}`))
    if (side === 'ours') await live(page)
    const scroller = side === 'ours' ? page.getByRole('tree').locator('xpath=..') : page.locator('#scroller')
    const box = await scroller.boundingBox()
    if (!box) throw new Error('there is nothing to scroll')
    const session = await context.newCDPSession(page)
    if (side === 'ours') await page.getByRole('treeitem', { name: /^agents,/ }).focus()
    else await scroller.focus()
    await page.waitForLoadState('networkidle')
    const place = {
      page,
      session,
      x: box.x + box.width / 2,
      y: box.y + box.height / 2,
      right: box.x + box.width,
      top: box.y,
      height: box.height,
    }
    await scroller.evaluate((node) => {
      const reached = { most: 0 }
      Object.assign(globalThis, { uiReached: reached })
      node.addEventListener('scroll', () => (reached.most = Math.max(reached.most, node.scrollTop)), { passive: true })
    })
    let frames: readonly number[] = []
    let settled = 0
    const tasks = await tracedTasks(bench.browser, page, async () => {
      await page.evaluate(watchFrames)
      await act(place)
      frames = await page.evaluate(() => (globalThis as Watched).uiFrames?.slice() ?? [])
      const stopped = performance.now()
      await page.waitForFunction(() => document.querySelector('[role=tree] [aria-busy]') === null)
      settled = performance.now() - stopped
    })
    const most = await page.evaluate(() => (globalThis as { uiReached?: { most: number } }).uiReached?.most ?? 0)
    if (most < 1000) throw new Error(`only ${most} px were scrolled: the input did not reach the list`)
    await session.send('HeapProfiler.collectGarbage')
    const { usedSize } = await session.send('Runtime.getHeapUsage')
    return { frames, tasks, settled, heap: usedSize }
  })
}

export async function scrollCases(bench: UiBench): Promise<Case[]> {
  const cases: Case[] = []
  for (const [name, act] of Object.entries(WAYS)) cases.push(await scrollCase(bench, name, act))
  return cases
}

const p99 = (frames: readonly number[]) => percentile(frames, 0.99)
const longestOf = (tasks: readonly Task[], by: keyof Task) => Math.max(0, ...tasks.map((task) => task[by]))
/** Later than half a frame after it was due. */
const dropped = (frames: readonly number[]) => frames.filter((each) => each > 1.5 * FRAME_MS).length / frames.length

async function scrollCase(bench: UiBench, name: string, act: (place: Place) => Promise<void>): Promise<Case> {
  const samples: Record<'ours' | 'bare', Sample[]> = { ours: [], bare: [] }
  const take = (side: 'ours' | 'bare') => async () => {
    const taken = await sample(bench, side, act)
    samples[side].push(taken)
    return p99(taken.frames)
  }
  const slowest = await interleaved(ROUNDS, { ours: take('ours'), bare: take('bare') })
  const middle = (side: 'ours' | 'bare', of: (each: Sample) => number) => median(samples[side].map(of))
  const longest = (side: 'ours' | 'bare', by: keyof Task) =>
    Math.max(...samples[side].map(({ tasks }) => longestOf(tasks, by)))
  const long = (side: 'ours' | 'bare') =>
    samples[side].flatMap(({ tasks }) => tasks).filter(({ took }) => took >= LONG_MS).length
  return {
    name: `${SIBLINGS.toLocaleString('en-GB')} siblings: ${name}`,
    figures: {
      'frame p99': milliseconds(median(slowest.ours)),
      'frame p50': milliseconds(middle('ours', ({ frames }) => median(frames))),
      'bare list: frame p99': milliseconds(median(slowest.bare)),
      'bare list: frame p50': milliseconds(middle('bare', ({ frames }) => median(frames))),
      'dropped frames': figure(100 * middle('ours', ({ frames }) => dropped(frames)), '%'),
      'bare list: dropped frames': figure(100 * middle('bare', ({ frames }) => dropped(frames)), '%'),
      'tasks of 50 ms or more, in all rounds': figure(long('ours'), ''),
      'bare list: tasks of 50 ms or more': figure(long('bare'), ''),
      'longest task': milliseconds(longest('ours', 'took')),
      'longest task, processor time': milliseconds(longest('ours', 'work')),
      'bare list: longest task': milliseconds(longest('bare', 'took')),
      'all rows in sight there, after the input ended': milliseconds(middle('ours', ({ settled }) => settled)),
      'heap afterwards': mebibytes(middle('ours', ({ heap }) => heap)),
      'bare list: heap afterwards': mebibytes(middle('bare', ({ heap }) => heap)),
    },
    ratios: { 'frame p99 / bare list': ratio(slowest.ours, slowest.bare) },
    goals: [atMost('no task over 100 ms', TASK_MS, longest('ours', 'took'))],
  }
}
