import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openControlDatabase } from '../src/control-plane/database.ts'
import { addProjectMember, findProject } from '../src/control-plane/projects.ts'
import { MIGRATIONS } from '../src/control-plane/testing.ts'
import { findUserByEmail } from '../src/control-plane/users.ts'
import { connectItx } from '../src/itx/client/connect.ts'
import { Tributary, launchBrowser } from './harness.ts'
import { paste } from './paste.ts'
import { type StatesPage, axeFindsNothing, openPage, tabTo } from './states-page.ts'

// Who may create a project is told by what the page offers: nobody presses a button that would be refused.

/** With an apostrophe, as an address may have one: it must not end a word of a command. */
const OWNER = { email: "o'hara@example.test", password: 'another good secret 6' }
const VIEWER = { email: 'viewer@example.test', password: 'another good secret 7' }
const LONE = { email: 'lone@example.test', password: 'another good secret 8' }
const TAKES_AN_OWNER = 'Creating one takes the owner of an organisation; you own none.'

let browser: Browser
let tributary: Tributary
const opened: StatesPage[] = []

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start({
    env: { TRIBUTARY_BOOTSTRAP_EMAIL: OWNER.email, TRIBUTARY_BOOTSTRAP_PASSWORD: OWNER.password },
  })
  for (const [{ email, password }, slug] of [
    [VIEWER, 'demo'],
    [LONE, 'fleeting'],
  ] as const) {
    if (slug !== 'demo') await done(['project', 'create', slug, '--owner', OWNER.email])
    await done(['user', 'create', email, '--project', slug, '--role', 'viewer'], password)
  }
  await deleted('fleeting')
})
afterEach(async () => {
  for (const { context } of opened.splice(0)) await context.close()
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

async function done(args: readonly string[], input = ''): Promise<void> {
  expect(await tributary.cli(args, { input })).toMatchObject({ code: 0 })
}

async function deleted(project: string): Promise<void> {
  const admin = connectItx({ url: tributary.url, token: await tributary.token('admin', project), project })
  await admin.use((handle) => handle.delete())
  admin.close()
}

async function open(account: typeof OWNER, path = '/projects'): Promise<StatesPage> {
  const made = await openPage(browser, tributary, { account, path })
  opened.push(made)
  return made
}

/** Gives somebody a role in a project, as a process beside the server does. */
function added(email: string, slug: string): void {
  const control = openControlDatabase(`${tributary.dataDir}/control.db`, MIGRATIONS)
  const projectId = findProject(control, slug)!.id
  addProjectMember(control, { projectId, userId: findUserByEmail(control, email)!.id, role: 'viewer' })
  control.close()
}

describe('an account that owns no organisation', () => {
  test('is told what creating a project takes, and is offered no form', async () => {
    const { page, context, found } = await open(VIEWER)
    await page.getByRole('link', { name: 'Demo' }).waitFor()
    await page.getByText(TAKES_AN_OWNER).waitFor()
    expect(await page.locator('form:not([action="/projects"]), [href="#new-project"]').count()).toBe(0)
    await axeFindsNothing(page)
    // From the first paint on: the form does not come and go.
    const html = await (await context.request.get(`${tributary.url}/projects`)).text()
    expect([html.includes('you own none'), html.includes('Create project')]).toEqual([true, false])
    expect(found).toEqual([])
  })

  test('and that is in no project is told who can change that, and sees it when they have', async () => {
    const { page, found } = await open(LONE)
    await page.getByRole('heading', { name: 'You are in no project yet' }).waitFor()
    await page.getByText('An admin of one has to add you').waitFor()
    await page.getByText(TAKES_AN_OWNER).waitFor()
    expect(await page.getByRole('main').getByRole('button').count()).toBe(0)
    expect(await page.getByRole('main').getByRole('link').count()).toBe(0)
    expect(await page.getByRole('group', { name: /Create a project/ }).count()).toBe(0)
    await axeFindsNothing(page)
    added(LONE.email, 'demo')
    await page.getByRole('list', { name: 'Your projects' }).getByRole('link', { name: 'Demo' }).waitFor()
    expect(found).toEqual([])
  })
})

describe('an owner of an organisation', () => {
  test('keeps what they have typed for a project while a search finds other projects', async () => {
    const { page, wire, found } = await open(OWNER)
    const name = page.getByRole('textbox', { name: 'Name', exact: true })
    await name.fill('Half a na')
    wire.hold('list')
    await page.getByRole('searchbox').fill('no such project')
    await page.getByText('Loading projects').waitFor({ state: 'attached' })
    expect(await name.inputValue()).toBe('Half a na')
    wire.release()
    await page.getByText('No project of yours has').waitFor()
    expect(await name.inputValue()).toBe('Half a na')
    expect(found).toEqual([])
  })

  test('and in no project is led to the form, or makes one with the command that the page gives to paste', async () => {
    await deleted('demo')
    const { page, found } = await open(OWNER)
    await page.getByRole('heading', { name: 'You are in no project yet' }).waitFor()
    await axeFindsNothing(page)
    // The button leads to the form: its first field is the next stop.
    await tabTo(page, 'Create a project')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    const name = page.getByRole('textbox', { name: 'Name', exact: true })
    expect(await name.evaluate((field) => field === document.activeElement)).toBe(true)

    const box = page.getByRole('group', { name: 'Create a project, beside the server' })
    const kinds = await box.getByRole('radio').evaluateAll((all) => all.map((each) => (each as HTMLInputElement).value))
    expect(kinds).toEqual(['CLI'])
    const printed = await paste(tributary, (await box.locator('pre').textContent()) ?? '', { kind: 'CLI' })
    expect(JSON.parse(printed)).toEqual({
      id: expect.stringMatching(/^prj_/),
      slug: 'my-project',
      name: 'my-project',
    })
    // The page that waited for it shows it.
    await page.getByRole('list', { name: 'Your projects' }).getByRole('link', { name: 'my-project' }).click()
    await page.waitForURL('**/projects/my-project')
    await page.getByRole('heading', { level: 1, name: 'my-project' }).waitFor()
    expect(found).toEqual([])
  })
})
