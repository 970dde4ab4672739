import type { Browser, Page } from 'playwright-core'

/** A task of the page's main thread, in milliseconds. */
export interface Task {
  /** From its beginning to its end, whatever else the machine did meanwhile. */
  readonly took: number
  /** What it had of the processor. Where that is much less, the thread was made to wait: the machine was busy. */
  readonly work: number
}

interface TraceEvent {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly dur?: number
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

/** The tasks of the main thread while something is done, as the browser's own trace has them. */
export async function tracedTasks(browser: Browser, page: Page, act: () => Promise<void>): Promise<Task[]> {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] })
  await act()
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
  const tasks = mainTasks(trace.traceEvents)
  if (tasks.length === 0) throw new Error('the browser’s trace has no task of a page')
  return tasks
}

/** Of the page that did most: the one that was acted on. Others of the browser's are idle. */
function mainTasks(events: readonly TraceEvent[]): Task[] {
  const threads = events
    .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
    .map(({ pid, tid }) =>
      events
        .filter((each) => each.pid === pid && each.tid === tid && each.name.endsWith('RunTask') && each.ph === 'X')
        .map(({ dur = 0, tdur = dur }) => ({ took: dur / 1000, work: tdur / 1000 })),
    )
  const workOf = (tasks: readonly Task[]) => tasks.reduce((sum, { work }) => sum + work, 0)
  return threads.toSorted((a, b) => workOf(b) - workOf(a))[0] ?? []
}
