import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectItx } from '../src/itx/client/connect.ts'
import { addProjects } from './add-projects.ts'
import { Tributary, launchBrowser } from './harness.ts'
import { signIn } from './pages.ts'

// Every page, in both themes, wide and narrow, as axe sees it.

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const DEEP = '/projects/demo/streams/agents/a1/runs/7'

let browser: Browser
let tributary: Tributary

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  const token = await tributary.token()
  await tributary.append(token, '/agents/a1/runs/7', [{ type: 'step', payload: { text: 'hello' } }, { type: 'end' }])
  await tributary.append(token, '/agents/a2', [{ type: 'step' }])
  await tributary.append(token, '/still', [{ type: 'step' }])
  const client = connectItx({ url: tributary.url, token: await tributary.token('admin'), project: 'demo' })
  await client.onStream('/still', (stream) => stream.pause())
  await client.onStream('/still', (stream) => stream.append([{ type: 'refused' }])).catch(() => {})
  client.close()
  // As many as the switcher has a search for.
  addProjects(
    tributary,
    Array.from({ length: 9 }, (_, i) => ({ slug: `more-${i}`, name: `More ${i}` })),
  )
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

/** What axe complains of: the rule, and where. */
async function complaintsOf(page: Page): Promise<readonly string[]> {
  // Given to the page by the browser's own tools, which its policy for scripts does not hold back.
  await page.evaluate(AXE)
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  )
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly nodes: readonly { readonly target: readonly string[] }[]
  }[]
}

/** What is opened, and how, before it is looked at. */
const PLACES: Readonly<Record<string, { readonly path: string; readonly open?: (page: Page) => Promise<unknown> }>> = {
  'the list of projects': { path: '/projects' },
  'a search for projects that finds none': { path: '/projects?match=none' },
  'what is done with a project': {
    path: '/projects',
    open: async (page) => {
      await page.getByRole('button', { name: 'More for Demo' }).click()
      await page.getByRole('menuitem', { name: 'Rename…' }).waitFor()
    },
  },
  'the deletion of a project': {
    path: '/projects',
    open: async (page) => {
      await page.getByRole('button', { name: 'More for Demo' }).click()
      await page.getByRole('menuitem', { name: 'Delete…' }).click()
      await page.getByRole('dialog', { name: 'Delete Demo?' }).getByText('on the disk').waitFor()
    },
  },
  'the switcher of projects': {
    path: '/projects/demo',
    open: async (page) => {
      await page.getByRole('button', { name: 'Project Demo: switch' }).click()
      await page.getByRole('searchbox', { name: 'Find a project' }).waitFor()
    },
  },
  'the home of a project': {
    path: '/projects/demo',
    open: (page) => page.getByRole('button', { name: 'Resume /still' }).waitFor(),
  },
  'a stream': { path: DEEP },
  'a stream with an event open': {
    path: `${DEEP}?at=2`,
    open: (page) => page.getByRole('dialog', { name: 'The event at offset 2' }).getByText('hello').waitFor(),
  },
  'a stream that does not exist': { path: '/projects/demo/streams/none' },
  'an address with what cannot be shown': { path: `${DEEP}?at=x` },
  'a project that does not exist': { path: '/projects/none' },
  'the API': { path: '/projects/demo/api' },
  'the palette': {
    path: DEEP,
    open: async (page) => {
      await page.keyboard.press('Control+k')
      await page.getByRole('listbox', { name: 'Found' }).getByRole('option').first().waitFor()
    },
  },
  'a menu of siblings': {
    path: DEEP,
    open: async (page) => {
      await page.getByRole('button', { name: 'Beside a1' }).click()
      await page.getByRole('menuitem', { name: 'a2' }).waitFor()
    },
  },
  'the help': {
    path: DEEP,
    open: async (page) => {
      await page.keyboard.press('?')
      await page.getByRole('dialog', { name: 'Help' }).waitFor()
    },
  },
  'the preferences': {
    path: '/projects',
    open: async (page) => {
      await page.getByRole('button', { name: /preferences, help/ }).click()
      await page.getByRole('menuitem', { name: 'Preferences…' }).click()
      await page.getByRole('dialog', { name: 'Preferences' }).getByLabel('Time zone').waitFor()
    },
  },
}

const LOOKS = [
  { colorScheme: 'light', width: 1440 },
  { colorScheme: 'dark', width: 1440 },
  { colorScheme: 'dark', width: 320 },
] as const

test.each(LOOKS)('axe finds nothing on any page: $colorScheme, $width px', { timeout: 180_000 }, async (look) => {
  const { colorScheme, width } = look
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' })
  const page = await context.newPage()
  await page.goto(`${tributary.url}/sign-in`)
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  const found: Record<string, readonly string[]> = { 'sign in': await complaintsOf(page) }
  await signIn(page, tributary)
  for (const [name, { path, open }] of Object.entries(PLACES)) {
    await page.goto(`${tributary.url}${path}`, { waitUntil: 'networkidle' })
    await open?.(page)
    found[name] = await complaintsOf(page)
  }
  const expected = Object.fromEntries(Object.keys(found).map((name) => [name, []]))
  expect(found).toEqual(expected)
  await context.close()
})
