import type { BrowserContext, Page } from 'playwright-core'
import { until } from './harness.ts'
import { complaints } from './pages.ts'

/** Somebody who shares the list of docs/examples/todo-list, with a browser of their own. */
export class Person {
  readonly context: BrowserContext
  readonly page: Page
  readonly complained: string[]

  constructor(context: BrowserContext, page: Page) {
    this.context = context
    this.page = page
    this.complained = complaints(context)
  }

  async says(status: string): Promise<void> {
    await this.page.getByRole('status').getByText(status, { exact: true }).waitFor()
  }

  async add(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.page.getByLabel('What is to be done?').fill(text)
      await this.page.getByRole('button', { name: 'Add' }).click()
    }
  }

  tick(text: string): Promise<void> {
    return this.page.getByRole('checkbox', { name: text }).click()
  }

  async edit(text: string, to: string): Promise<void> {
    await this.page.getByRole('button', { name: `Edit ${text}` }).click()
    await this.page.getByLabel(`New text of ${text}`).fill(to)
    await this.page.keyboard.press('Enter')
  }

  delete(text: string): Promise<void> {
    return this.page.getByRole('button', { name: `Delete ${text}` }).click()
  }

  /** The list as it is on the screen, `x` before what is done and `…` behind what is on its way. */
  list(): Promise<string[]> {
    return this.page.locator('li').evaluateAll((items) =>
      items.map((item) => {
        const done = item.querySelector<HTMLInputElement>('[type=checkbox]')?.checked === true
        const waits = item.querySelector('small') !== null
        return `${done ? 'x ' : ''}${item.querySelector('label')?.textContent}${waits ? ' …' : ''}`
      }),
    )
  }

  /** Watches the screen from now on: all lists of texts that it showed, each once, in the order of their first. */
  async watch(): Promise<() => Promise<string[][]>> {
    await this.page.evaluate(() => {
      const seen = new Set<string>()
      const look = () =>
        seen.add(JSON.stringify(Array.from(document.querySelectorAll('label'), ({ textContent }) => textContent)))
      new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true })
      Object.assign(window, { seen })
    })
    return async () =>
      (await this.page.evaluate(() => [...(window as unknown as { seen: Set<string> }).seen])).map(
        (list) => JSON.parse(list) as string[],
      )
  }

  async sees(...list: string[]): Promise<void> {
    const expected = JSON.stringify(list)
    let last: string[] = []
    const isThere = async () => JSON.stringify((last = await this.list())) === expected
    await until(expected, isThere).catch((error: Error) => {
      throw new Error(`${error.message}; there is ${JSON.stringify(last)}`, { cause: error })
    })
  }
}

/** Holds back what the page sends until it is let go, and answers the first of it in the server's place. */
export async function holdAppends(
  page: Page,
  first?: { status: number; body: string },
): Promise<{ letGo: () => void }> {
  const gate = Promise.withResolvers<void>()
  let answer = first
  await page.route('**/api/todos', async (route) => {
    if (route.request().method() !== 'POST') return route.continue()
    await gate.promise
    if (answer === undefined) return route.continue()
    const given = answer
    answer = undefined
    await route.fulfill(given)
  })
  return { letGo: gate.resolve }
}
