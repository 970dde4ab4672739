import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectItx } from '../src/itx/client/connect.ts'
import { openControlDatabase } from '../src/control-plane/database.ts'
import { MIGRATIONS } from '../src/control-plane/testing.ts'
import { addProjects } from './add-projects.ts'
import { Tributary, launchBrowser } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// The list of projects and the switcher with far more projects than fit on a page, and what is done with one.

const MANY = 10_000
const HOSTILE = [
  '\u202egnp.exe',
  'مشروع الدفع '.repeat(9).slice(0, 100).trim(),
  '<script>alert(1)</script>',
  '🚀 👩\u200d💻',
  '100% _sure_',
] as const

let browser: Browser
let tributary: Tributary
let context: BrowserContext
let page: Page
let found: string[]

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  addProjects(tributary, [
    ...HOSTILE.map((name, i) => ({ slug: `hostile-${i}`, name })),
    ...Array.from({ length: MANY }, (_, i) => ({ slug: `p-${String(i).padStart(5, '0')}`, name: `Project ${i}` })),
  ])
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})
beforeEach(async () => {
  context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  found = complaints(context)
  page = await context.newPage()
  await signIn(page, tributary)
})
afterEach(() => context.close())

const at = (path: string) => page.waitForURL(`${tributary.url}${path}`)
const open = async (path: string) => {
  // Before the scripts have taken over, a press does nothing.
  await page.goto(`${tributary.url}${path}`, { waitUntil: 'networkidle' })
}
const list = () => page.getByRole('list', { name: 'Your projects' })
const field = () => page.getByRole('searchbox', { name: 'Find a project by its name or slug' })
const names = () => list().getByRole('link').allTextContents()
/** Takes an item of the open menu by its first letters. */
async function choose(name: string): Promise<void> {
  await isFocused(page.getByRole('menuitem').first())
  await page.keyboard.type(name.slice(0, 3))
  await isFocused(page.getByRole('menuitem', { name }))
  await page.keyboard.press('Enter')
}
async function isFocused(locator: ReturnType<Page['locator']>): Promise<void> {
  await expect.poll(() => locator.evaluate((element) => element === document.activeElement)).toBe(true)
}

describe('the list', () => {
  test('finds one of ten thousand as it is typed, and the address keeps the search', async () => {
    await open('/projects')
    expect(await list().getByRole('link').count()).toBe(100)
    await field().pressSequentially('PROJECT 987')
    await at('/projects?match=PROJECT+987')
    await expect.poll(names).toEqual(['Project 987', ...Array.from({ length: 10 }, (_, i) => `Project 987${i}`)])
    // Nothing that was typed is lost, and the focus stays.
    expect(await field().inputValue()).toBe('PROJECT 987')
    await isFocused(field())
    await page.reload()
    expect(await field().inputValue()).toBe('PROJECT 987')
    expect((await names()).length).toBe(11)
    expect(found).toEqual([])
  })

  test('is in what the server renders, so that it is there without a script', async () => {
    const html = await (await context.request.get(`${tributary.url}/projects?match=Project%209876`)).text()
    expect(html).toContain('>Project 9876<')
    expect(html).not.toContain('>Project 9875<')
    const plain = await browser.newContext({
      javaScriptEnabled: false,
      storageState: await context.storageState(),
    })
    const still = await plain.newPage()
    await still.goto(`${tributary.url}/projects`)
    await still.getByRole('searchbox').fill('p-00042')
    await still.keyboard.press('Enter')
    await still.waitForURL('**/projects?match=p-00042')
    expect(await still.getByRole('list', { name: 'Your projects' }).getByRole('link').allTextContents()).toEqual([
      'Project 42',
    ])
    await plain.close()
  })

  test('shows more by the cursor, each once and none left out, with the focus where the new ones begin', async () => {
    await open('/projects')
    const more = page.getByRole('button', { name: 'Show more' })
    for (const count of [200, 300]) {
      await more.focus()
      await page.keyboard.press('Enter')
      await expect.poll(() => list().getByRole('link').count()).toBe(count)
      await isFocused(
        list()
          .getByRole('link')
          .nth(count - 100),
      )
    }
    const hrefs = await list()
      .getByRole('link')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')!))
    expect(new Set(hrefs).size).toBe(300)
    expect(hrefs).toEqual(hrefs.toSorted())
    expect(found).toEqual([])
  })

  test('says that nothing matches, and one button leads back', async () => {
    await open('/projects')
    await field().fill('%')
    await expect.poll(names).toEqual(['100% _sure_'])
    await field().fill('no such "name"')
    await page.getByText('No project of yours has').waitFor()
    await page.getByRole('button', { name: 'Clear the search' }).click()
    await at('/projects')
    await expect.poll(() => list().getByRole('link').count()).toBe(100)
    expect(await field().inputValue()).toBe('')
    await isFocused(field())
    expect(found).toEqual([])
  })

  test('an address that cannot be searched for shows all of them', async () => {
    for (const search of ['?match=', '?match=%7B%7D', '?match=%20%20', '?match[]=a']) {
      await open(`/projects${search}`)
      expect([search, await list().getByRole('link').count()]).toEqual([search, 100])
    }
    expect(found).toEqual([])
  })
})

describe('hostile names', () => {
  test('are text, in the list, the switcher, the home and the dialogs', async () => {
    await open('/projects?match=hostile-')
    expect(await names()).toEqual(['\\u202egnp.exe', ...HOSTILE.slice(1)])
    await list().getByRole('link', { name: '<script>alert(1)</script>' }).click()
    await at('/projects/hostile-2')
    await page.getByRole('heading', { level: 1, name: '<script>alert(1)</script>' }).waitFor()
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('dialog', { name: 'Delete <script>alert(1)</script>?' }).waitFor()
    await page.keyboard.press('Escape')
    for (const [slug, shown] of [
      ['hostile-0', '\\u202egnp.exe'],
      ['hostile-1', HOSTILE[1]],
      ['hostile-3', HOSTILE[3]],
    ]) {
      await page.goto(`${tributary.url}/projects/${slug}`)
      await page.getByRole('heading', { level: 1, name: shown! }).waitFor()
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(1280)
      await page.getByRole('button', { name: `Project ${shown}: switch` }).waitFor()
    }
    expect(found).toEqual([])
  })
})

describe('the switcher', () => {
  test('finds a project far beyond its first page, by keys alone', async () => {
    await page.goto(`${tributary.url}/projects/demo`)
    await page.getByRole('status').getByText('Live').waitFor()
    await page.getByRole('button', { name: 'Project Demo: switch' }).focus()
    await page.keyboard.press('Enter')
    const box = page.getByRole('searchbox', { name: 'Find a project' })
    await box.waitFor()
    await isFocused(box)
    await page.getByRole('menuitem', { name: /type a name to find them/ }).waitFor()
    await page.keyboard.type('p-09999')
    await page.getByRole('menuitem', { name: /^Project 9999/ }).waitFor()
    expect(await page.getByRole('menuitem', { name: /^Home/ }).count()).toBe(0)
    await page.keyboard.press('ArrowDown')
    expect(await page.locator('[role=menuitem][data-focused]').allTextContents()).toEqual(['Project 9999admin'])
    await page.keyboard.press('Enter')
    await at('/projects/p-09999')
    expect(found).toEqual([])
  })

  test('says when no project has the name, and Escape leads back to its button', async () => {
    await page.goto(`${tributary.url}/projects/demo`)
    await page.getByRole('status').getByText('Live').waitFor()
    const button = page.getByRole('button', { name: 'Project Demo: switch' })
    await button.click()
    await page.getByRole('searchbox', { name: 'Find a project' }).fill('nothing like it')
    await page.getByRole('menuitem', { name: 'No project has that name' }).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.getByRole('menu').waitFor({ state: 'detached' })
    await isFocused(button)
    expect(found).toEqual([])
  })
})

describe('a project', () => {
  test('is made, renamed and deleted by keys alone; what goes is said before, and after', async () => {
    await open('/projects')
    await page.getByLabel('Name', { exact: true }).focus()
    await page.keyboard.type('Änderungen')
    expect(await page.getByRole('textbox', { name: 'Slug' }).inputValue()).toBe('anderungen')
    await page.keyboard.press('Enter')
    await at('/projects/anderungen')
    await page.getByText('This project has no streams yet').waitFor()
    const client = connectItx({
      url: tributary.url,
      token: await tributary.token('editor', 'anderungen'),
      project: 'anderungen',
    })
    await client.onStream('/a/b', (stream) => stream.append([{ type: 'x' }, { type: 'x' }]))
    client.close()

    await open('/projects?match=anderungen')
    const menu = () => page.getByRole('button', { name: /^More for/ })
    await menu().focus()
    await page.keyboard.press('Enter')
    await choose('Rename…')
    const rename = page.getByRole('dialog', { name: 'Rename Änderungen' })
    await rename.getByLabel('Slug').fill('demo')
    await page.keyboard.press('Enter')
    await rename.getByRole('alert').getByText('CONFLICT').waitFor()
    await rename.getByLabel('Slug').fill('changes')
    await rename.getByLabel('Name').fill('Changes')
    await page.keyboard.press('Enter')
    await rename.waitFor({ state: 'detached' })
    await expect.poll(names).toEqual(['Changes'])
    await isFocused(menu())

    await page.keyboard.press('Enter')
    await choose('Delete…')
    const dialog = page.getByRole('dialog', { name: 'Delete Changes?' })
    await dialog.getByText('3 streams with').waitFor()
    await dialog.getByText('the roles of 1 member').waitFor()
    await dialog.getByText('1 token;').waitFor()
    await dialog.getByText(/[\d.]+ kB on the disk/).waitFor()
    expect(await dialog.getByRole('button', { name: 'Delete the project' }).isDisabled()).toBe(true)
    await dialog.getByRole('textbox').focus()
    await page.keyboard.type('changes')
    await page.keyboard.press('Enter')
    await page
      .getByRole('region', { name: 'Messages' })
      .getByText(/^Deleted Changes: 3 streams, \d+ events\.$/)
      .waitFor()
    await dialog.waitFor({ state: 'detached' })
    expect(await page.getByRole('link', { name: 'Changes' }).count()).toBe(0)
    await isFocused(field())
    const answer = await context.request.get(`${tributary.url}/projects/changes`)
    expect(answer.status()).toBe(404)
    expect(found).toEqual([])
  })

  test('whose deletion fails says so in the dialog, and stays', async () => {
    await open('/projects?match=p-00007')
    await page.getByRole('button', { name: 'More for Project 7' }).click()
    await page.getByRole('menuitem', { name: 'Delete…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delete Project 7?' })
    await dialog.getByText('0 streams with 0 events').waitFor()
    // Somebody else was faster.
    const control = openControlDatabase(`${tributary.dataDir}/control.db`, MIGRATIONS)
    control.sqlite.prepare(`delete from projects where slug = 'p-00007'`).run()
    control.close()
    await dialog.getByRole('textbox').fill('p-00007')
    await dialog.getByRole('button', { name: 'Delete the project' }).click()
    await dialog.getByRole('alert').waitFor()
    expect(await page.getByRole('region', { name: 'Messages' }).count()).toBe(0)
    expect(found).toEqual([])
  })

  test('of which one is no admin has no menu', async () => {
    const email = 'viewer@example.test'
    const password = 'correct horse battery 9'
    const made = await tributary.cli(['user', 'create', email, '--project', 'demo', '--role', 'viewer'], {
      input: `${password}\n`,
    })
    expect([made.code, made.stderr]).toEqual([0, expect.any(String)])
    const theirs = await browser.newContext()
    const their = await theirs.newPage()
    await signIn(their, tributary, { email, password })
    await their.getByRole('link', { name: 'Demo' }).waitFor()
    expect(await their.getByRole('button', { name: /^More for/ }).count()).toBe(0)
    await theirs.close()
  })
})

test('at 320 px the list, its menus and its dialogs fit', async () => {
  await page.setViewportSize({ width: 320, height: 700 })
  await open('/projects?match=hostile-')
  const width = () => page.evaluate(() => document.documentElement.scrollWidth)
  expect(await width()).toBe(320)
  await page.getByRole('button', { name: 'More for 100% _sure_' }).click()
  await page.getByRole('menuitem', { name: 'Delete…' }).click()
  const dialog = page.getByRole('dialog', { name: 'Delete 100% _sure_?' })
  await dialog.getByText('0 streams with 0 events').waitFor()
  expect(await width()).toBe(320)
  expect((await dialog.boundingBox())!.width).toBeLessThanOrEqual(320)
  expect(found).toEqual([])
})
