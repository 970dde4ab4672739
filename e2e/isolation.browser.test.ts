import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Tributary, launchBrowser } from './harness.ts'
import { complaints, signIn, signOut } from './pages.ts'

// Two projects, two users: neither sees the other's, and nobody can tell a forbidden project from a missing one.

const EVE = { email: 'eve@example.test', password: 'another good secret 7' }
let browser: Browser
let tributary: Tributary

beforeAll(async () => {
  browser = await launchBrowser()
  tributary = await Tributary.start()
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

test('neither user sees the project of the other, and missing looks like forbidden to the byte', async () => {
  const admins = await browser.newContext()
  const admin = await admins.newPage()
  await signIn(admin, tributary)
  await admin.getByLabel('Slug', { exact: true }).fill('secret')
  await admin.getByLabel('Name', { exact: true }).fill('Secret')
  await admin.getByRole('button', { name: /Create/ }).click()
  await admin
    .getByRole('link', { name: /secret/i })
    .first()
    .waitFor()
  await tributary.append(await tributary.token('editor', 'secret'), '/undisclosed', [{ type: 'x' }], 'secret')

  const made = await tributary.cli(['user', 'create', EVE.email, '--project', 'demo', '--role', 'viewer'], {
    input: EVE.password,
  })
  expect(made).toMatchObject({ code: 0 })
  const eves = await browser.newContext()
  const found = complaints(eves)
  const eve = await eves.newPage()
  await signIn(eve, tributary, EVE)
  expect(await eve.getByText('secret', { exact: false }).count()).toBe(0)

  const page = async (project: string) => {
    const response = await eves.request.get(`${tributary.url}/projects/${project}/streams`)
    return { status: response.status(), html: (await response.text()).replaceAll(project, 'NAME') }
  }
  const forbidden = await page('secret')
  const missing = await page('nosuch')
  expect(forbidden.status).toBe(404)
  expect(comparable(forbidden.html)).toBe(comparable(missing.html))
  expect(forbidden.html).not.toContain('undisclosed')

  await eve.goto(`${tributary.url}/projects/secret/streams`)
  await eve.getByRole('heading', { name: /not found|does not exist|no such/i }).waitFor()
  await eve.goto(`${tributary.url}/projects/demo/streams`)
  await eve.getByText('as a viewer').waitFor()
  expect(found).toEqual([])
})

test('who is not signed in is sent to the sign-in page, the same for every name', async () => {
  const stranger = await browser.newContext()
  const answers = await Promise.all(
    ['demo', 'nosuch'].map(async (project) => {
      const response = await stranger.request.get(`${tributary.url}/projects/${project}/streams`, { maxRedirects: 0 })
      return { status: response.status(), location: response.headers()['location']?.replaceAll(project, 'NAME') }
    }),
  )
  expect(answers[0]).toEqual(answers[1])
  expect(answers[0]?.location).toContain('/sign-in')
})

test('signing out ends the session', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await signIn(page, tributary)
  await signOut(page)
  await page.waitForURL('**/sign-in*')
  await page.goto(`${tributary.url}/projects`)
  await page.waitForURL('**/sign-in*')
  expect(await context.cookies()).toEqual([])
})

/** Without what differs between any two renders of the same page: times. */
function comparable(html: string): string {
  return html
    .replaceAll(/\b\d{13}\b/g, 'TIME')
    .replaceAll(/(nonce=|property="csp-nonce" content=)"[^"]+"/g, '$1"NONCE"')
}
