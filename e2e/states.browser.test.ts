import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ADMIN, Tributary, launchBrowser } from './harness.ts'
import { paste } from './paste.ts'
import { type StatesPage, axeFindsNothing, openPage, tabTo } from './states-page.ts'

// Where there is nothing to show: each page says so in a sentence, with one thing to do, and what a program can do it with.

const VIEWER = { email: 'viewer@example.test', password: 'another good secret 7' }

let browser: Browser
let tributary: Tributary
const opened: StatesPage[] = []

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
  await account(VIEWER, 'demo')
  await tributary.append(await tributary.token(), '/orders/7', [{ type: 'order', payload: { total: 120 } }])
})
afterEach(async () => {
  for (const { context } of opened.splice(0)) await context.close()
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

async function account({ email, password }: typeof VIEWER, project: string): Promise<void> {
  const args = ['user', 'create', email, '--project', project, '--role', 'viewer']
  expect(await tributary.cli(args, { input: password })).toMatchObject({ code: 0 })
}

async function open(path: string, who?: typeof VIEWER): Promise<StatesPage> {
  const made = await openPage(browser, tributary, { path, ...(who && { account: who }) })
  opened.push(made)
  return made
}

/** A project without a stream. */
async function newProject(slug: string): Promise<void> {
  expect(await tributary.cli(['project', 'create', slug, '--owner', ADMIN.email])).toMatchObject({ code: 0 })
}

/** Everything that a page gives to paste, by what it is written for. */
async function snippetsOf(page: Page): Promise<ReadonlyMap<string, string>> {
  const box = page.getByRole('group', { name: 'Append an event' })
  const kinds = await box.getByRole('radio').evaluateAll((all) => all.map((each) => (each as HTMLInputElement).value))
  const codes = await box.locator('pre').allTextContents()
  return new Map(kinds.map((kind, at) => [kind, codes[at] ?? '']))
}

async function eventsOf(path: string, token: string, project = 'demo'): Promise<number> {
  const response = await fetch(`${tributary.url}/api/streams/${project}${path}`, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/vnd.tributary.event+json' },
  })
  return ((await response.json()) as { type: string }[]).filter(({ type }) => type === 'note').length
}

describe('nothing yet:', () => {
  test('a project without a stream says so, and its button leads to where the first event is written', async () => {
    await newProject('bare')
    const { page, found } = await open('/projects/bare')
    await page.getByRole('heading', { name: 'This project has no streams yet' }).waitFor()
    await axeFindsNothing(page)
    await tabTo(page, 'Append an event')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/projects/bare/streams')
    await page.getByRole('heading', { name: 'This project has no streams yet' }).waitFor()
    await axeFindsNothing(page)
    await page.getByLabel(/Events to append/).fill('{"type":"first"}')
    await page.keyboard.press('Control+Enter')
    await page.getByRole('log').getByText('first').waitFor()
    expect(found).toEqual([])
  })

  test.each(['/projects/demo/streams/pasted/here', "/projects/demo/streams/it's-$HOME&(x)"])(
    'what %s gives to paste runs as it stands, in curl, TypeScript and on the command line',
    async (address) => {
      const { page } = await open(address)
      await page.getByRole('heading', { name: 'This stream does not exist yet' }).waitFor()
      await axeFindsNothing(page)
      const snippets = await snippetsOf(page)
      expect([...snippets.keys()]).toEqual(['curl', 'TypeScript', 'CLI'])
      const token = await tributary.token()
      const path = decodeURIComponent(address.replace('/projects/demo/streams', ''))
      let stored = 0
      for (const [kind, code] of snippets) {
        expect(code).toContain(tributary.url)
        await paste(tributary, code, { kind, token })
        stored++
        expect(await eventsOf(path.split('/').map(encodeURIComponent).join('/'), token)).toBe(stored)
      }
      // The page that waited for them shows them.
      await page.getByRole('log').getByText('note').nth(2).waitFor()
    },
    60_000,
  )

  test('the token that they take is made by the command above them', async () => {
    const { page } = await open('/projects/demo/streams/pasted/token')
    const command = await page.getByText('export TRIBUTARY_TOKEN=').textContent()
    const token = await paste(tributary, `${command}\necho $TRIBUTARY_TOKEN`, { kind: 'CLI' })
    expect(await eventsOf('/orders/7', token.trim())).toBe(0)
  })
})

describe('no match:', () => {
  test('the filter of the tree says so, and is cleared by its button', async () => {
    const { page, found } = await open('/projects/demo/streams/orders/7')
    const filter = page.getByLabel('Filter the streams by their path')
    await filter.fill('no-such-stream')
    await page.getByText('No stream has “no-such-stream” in its path.').waitFor()
    await filter.focus()
    await tabTo(page, 'Clear the filter')
    await page.keyboard.press('Enter')
    await page.getByRole('treeitem', { name: /orders/ }).waitFor()
    expect(await filter.inputValue()).toBe('')
    expect(await filter.evaluate((field) => field === document.activeElement)).toBe(true)
    expect(found).toEqual([])
  })

  test('the palette says so', async () => {
    const { page } = await open('/projects/demo/streams/orders/7')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: 'Find a stream or an action' }).fill('zzzz')
    await page.getByRole('status').getByText('Nothing that is called “zzzz” is here.').waitFor()
    expect(await page.getByRole('dialog').getByRole('option').count()).toBe(0)
    await axeFindsNothing(page)
  })
})

describe('no rights:', () => {
  test('a viewer is told what takes which role, and is offered nothing that would be refused', async () => {
    const { page, found } = await open('/projects/demo/streams/orders/7', VIEWER)
    await page.getByText('Appending takes the role editor; an admin of the project can give it to you.').waitFor()
    expect(await page.getByRole('button', { name: /^Append|New stream/ }).count()).toBe(0)
    await axeFindsNothing(page)
    await page.goto(`${tributary.url}/projects/demo/streams/not/yet`)
    await page.getByText('This page shows its events as soon as somebody has appended the first.').waitFor()
    expect(await page.getByRole('group', { name: 'Append an event' }).count()).toBe(0)
    await page.goto(`${tributary.url}/projects/demo`)
    await page.getByRole('heading', { level: 1, name: 'Demo' }).waitFor()
    expect(await page.getByRole('heading', { name: 'Project settings' }).count()).toBe(0)
    expect(found).toEqual([])
  })

  test.each(['no-such-project', 'not-mine'])(
    '%s is a page, the same for one that is missing and one of others',
    async (slug) => {
      if (slug === 'not-mine') await newProject(slug)
      const { page } = await open(`/projects/${slug}/streams/a`, VIEWER)
      await page.getByRole('heading', { name: 'Project not found' }).waitFor()
      await axeFindsNothing(page)
      await tabTo(page, 'Your projects')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/projects')
      expect(await page.getByRole('link', { name: 'Demo' }).count()).toBe(1)
    },
  )
})

describe('an address', () => {
  test.each([
    ['/nowhere', 'There is no page at this address', 'Projects'],
    ['/projects/demo/nowhere', 'There is no page at this address', 'Projects'],
    [`/projects/demo/streams${'/x'.repeat(33)}`, 'This is not a path of a stream', 'Root stream'],
    ['/projects/demo/streams/a%00b', 'This is not a path of a stream', 'Root stream'],
  ])('%s says what is wrong with it, and its button leads on', async (path, title, way) => {
    const { page, found } = await open(path)
    await page.getByRole('heading', { name: title }).waitFor()
    await axeFindsNothing(page)
    await tabTo(page, way)
    await page.keyboard.press('Enter')
    await page.waitForURL(way === 'Projects' ? '**/projects' : '**/projects/demo/streams')
    expect(found).toEqual([])
  })

  test.each([
    ['/projects/demo/streams/orders/7?at=x', 'at=x (an offset is a whole number from 1)'],
    ['/projects/demo/streams/orders/7?at=-1', 'at=-1 (an offset is a whole number from 1)'],
    ['/projects/demo/streams?show=%3Cb%3E', 'show=<b> (this page knows no show)'],
  ])('%s is followed as far as it can be, and says what was left out', async (path, words) => {
    const { page, found } = await open(path)
    await page.getByText(`so it was left out: ${words}`).waitFor()
    // Left out, and not asked for all the same.
    expect(await page.getByRole('alert').count()).toBe(0)
    expect(await page.getByRole('dialog').count()).toBe(0)
    await page.getByRole('log').waitFor()
    await axeFindsNothing(page)
    expect(found).toEqual([])
  })

  test.each(['//evil.example/x', 'https://evil.example/x', '7'])(
    'of signing in that would lead on to %s says that it does not, and does not',
    async (target) => {
      const context = await browser.newContext()
      const page = await context.newPage()
      await page.goto(`${tributary.url}/sign-in?redirect=${encodeURIComponent(target)}`, { waitUntil: 'networkidle' })
      await page.getByText('asked to go on to a place that is not on this site').waitFor()
      await axeFindsNothing(page)
      await page.getByLabel('Email').fill(ADMIN.email)
      await page.getByLabel('Password').fill(ADMIN.password)
      await page.keyboard.press('Enter')
      await page.waitForURL(`${tributary.url}/projects`)
      expect(await page.getByRole('heading', { level: 1, name: 'Projects' }).count()).toBe(1)
      await context.close()
    },
  )

  test('of an event that is not there says so beside the others', async () => {
    const { page } = await open('/projects/demo/streams/orders/7?at=99')
    await page.getByText('This stream has no event at that offset').waitFor()
    expect(await page.getByRole('alert').count()).toBe(0)
    await axeFindsNothing(page)
  })
})
