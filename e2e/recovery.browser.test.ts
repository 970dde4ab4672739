import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connectItx } from '../src/itx/client/connect.ts'
import { Tributary, launchBrowser, until } from './harness.ts'
import { Network } from './network.ts'
import { complaints, shownOffsets, signIn, signOut } from './pages.ts'

// What a page does when the ground under it goes away: it recovers, or says why it cannot.

let browser: Browser
let network: Network
let tributary: Tributary
let token: string
const contexts: BrowserContext[] = []

beforeAll(async () => {
  browser = await launchBrowser()
  network = await Network.open()
  tributary = await Tributary.start({ env: { TRIBUTARY_BASE_URL: network.url } })
  network.leadTo(tributary.port)
  token = await tributary.token('editor')
})
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close()
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
  await network[Symbol.asyncDispose]()
})

const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => ({ type: 'n', idempotencyKey: `${from + i}`, payload: { n: from + i } }))

async function newPage(): Promise<{ page: Page; context: BrowserContext; found: string[] }> {
  const context = await browser.newContext()
  contexts.push(context)
  return { context, page: await context.newPage(), found: complaints(context) }
}

/** A page that shows a stream live, for somebody who has just signed in through the network. */
async function livePage(path: string, project = 'demo', account?: { email: string; password: string }) {
  const opened = await newPage()
  await signIn(opened.page, { url: network.url } as Tributary, account)
  await opened.page.goto(`${network.url}/projects/${project}/streams${path}`)
  await opened.page.getByRole('status').getByText('Live').waitFor()
  return opened
}

async function user(name: string, role: string, project = 'demo') {
  const account = { email: `${name}@example.test`, password: 'another good secret 7' }
  const args = ['user', 'create', account.email, '--project', project, '--role', role]
  expect(await tributary.cli(args, { input: account.password })).toMatchObject({ code: 0 })
  return account
}

const shows = (page: Page, count: number) =>
  until(`${count} events to be shown`, async () => (await shownOffsets(page)).length === count)

describe('a page', () => {
  test('whose session ends in another tab says "Signed out", offers to sign in, and goes on where it was', async () => {
    await tributary.append(token, '/signed-out', numbered(1, 3))
    const { context, page } = await livePage('/signed-out')
    const other = await context.newPage()
    await other.goto(`${network.url}/projects`)
    await signOut(other)
    await other.waitForURL('**/sign-in*')
    const status = page.getByRole('status').filter({ hasText: 'Signed out' })
    await status.waitFor()
    expect(await page.getByText('Reconnecting').count()).toBe(0)
    // What was there can still be read.
    expect(await shownOffsets(page)).toEqual([1, 2, 3, 4])
    await page.getByRole('alert').getByText('You are signed out').waitFor()
    await status.getByRole('link', { name: 'Sign in' }).click()
    await page.waitForURL('**/sign-in?redirect=*')
    await page.getByLabel('Email').fill('admin@example.test')
    await page.getByLabel('Password').fill('correct horse battery 9')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL('**/streams/signed-out')
    await page.getByRole('status').getByText('Live').waitFor()
  })

  test('whose role changes says "Access changed", and a reload shows what is left of it', async () => {
    const account = await user('demoted', 'editor')
    const { page } = await livePage('/roles', 'demo', account)
    await tributary.append(token, '/roles', numbered(1, 3))
    await shows(page, 4)
    // By another process, as the command line would: there is no page for members yet.
    const control = new Database(join(tributary.dataDir, 'control.db'))
    control
      .prepare("UPDATE project_members SET role = 'viewer' WHERE user_id = (SELECT id FROM user WHERE email = ?)")
      .run(account.email)
    control.close()
    await page.getByRole('status').getByText('Access changed').waitFor()
    await page.getByRole('alert').getByRole('link', { name: 'Reload' }).click()
    await page.getByRole('status').getByText('Live').waitFor()
    await page.getByText('as a viewer').waitFor()
    expect(await page.getByRole('button', { name: 'Append' }).count()).toBe(0)
  })

  test('whose project is deleted says so, and leads back to the projects', async () => {
    const { page, found } = await newPage()
    await signIn(page, { url: network.url } as Tributary)
    await page.getByLabel('Slug', { exact: true }).fill('doomed')
    await page.getByLabel('Name', { exact: true }).fill('Doomed')
    await page.getByRole('button', { name: /Create/ }).click()
    await page.getByRole('button', { name: 'Project Doomed: switch' }).waitFor()
    const admin = await tributary.token('admin', 'doomed')
    await tributary.append(admin, '/last/words', numbered(1, 3), 'doomed')
    await page.goto(`${network.url}/projects/doomed/streams/last/words`)
    await page.getByRole('status').getByText('Live').waitFor()
    await shows(page, 4)
    const client = connectItx({ url: tributary.url, token: admin, project: 'doomed' })
    await client.use((project) => project.delete())
    client.close()
    await page.getByRole('alert').getByText('This project is not there any more').waitFor()
    await page.getByRole('alert').getByRole('link', { name: 'Your projects' }).click()
    await page.waitForURL('**/projects')
    await page
      .getByRole('heading', { name: /projects/i })
      .first()
      .waitFor()
    await page.goto(`${network.url}/projects/doomed/streams/last/words`)
    await page.getByRole('heading', { name: /not found|does not exist|no such/i }).waitFor()
    expect(found).toEqual([])
  })

  test('whose server restarts is live again by itself, without a gap and without a double', async () => {
    await tributary.append(token, '/restart', numbered(1, 20))
    const { page } = await livePage('/restart')
    await shows(page, 21)
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await tributary.end(signal)
      await page.getByRole('status').getByText('Reconnecting').waitFor()
      await tributary.launch()
      await page.getByRole('status').getByText('Live').waitFor()
    }
    await tributary.append(token, '/restart', numbered(15, 30))
    await shows(page, 45)
    expect(await shownOffsets(page)).toEqual(Array.from({ length: 45 }, (_, i) => i + 1))
  })

  test('whose network swallows everything says after a while that it reconnects, and has it all when it is back', async () => {
    await tributary.append(token, '/swallowed', numbered(1, 5))
    const { page } = await livePage('/swallowed')
    await shows(page, 6)
    network.swallow()
    await tributary.append(token, '/swallowed', numbered(6, 5))
    // Nobody tells it: it finds out by itself.
    await page.getByRole('status').getByText('Reconnecting').waitFor({ timeout: 60_000 })
    network.restore()
    await page.getByRole('status').getByText('Live').waitFor({ timeout: 30_000 })
    await shows(page, 11)
    expect(await shownOffsets(page)).toEqual(Array.from({ length: 11 }, (_, i) => i + 1))
  }, 180_000)
})

describe('a page of another site, in the browser of somebody who is signed in', () => {
  /** Opens the socket as whoever is signed in, and tells what became of it. */
  const ATTACK = `<!doctype html><title>evil</title><script>
    const ws = new WebSocket(new URLSearchParams(location.search).get('target'))
    const told = []
    ws.onopen = () => { told.push('open'); ws.send('["push",["pipeline",0,["whoami"],[]]]'); ws.send('["pull",1]') }
    ws.onmessage = ({ data }) => { told.push('message ' + data); document.title = told.join('; ') }
    ws.onclose = ({ code }) => { told.push('closed ' + code); document.title = told.join('; ') }
  </script>`
  let evil: Server
  const cookies: string[] = []
  beforeAll(async () => {
    evil = createServer((request, response) => {
      cookies.push(request.headers.cookie ?? '')
      response.setHeader('content-type', 'text/html').end(ATTACK)
    })
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => evil.close())

  test.each(['localhost', '127.0.0.1'])('of %s cannot open the socket with their cookie', async (host) => {
    const { context, page } = await livePage('/')
    const evilPage = await context.newPage()
    const { port } = evil.address() as AddressInfo
    const target = encodeURIComponent(`ws://localhost:${network.port}/api/itx`)
    await evilPage.goto(`http://${host}:${port}/?target=${target}`)
    await until('the attack to end', async () => (await evilPage.title()) !== 'evil')
    expect(await evilPage.title()).toBe('closed 1006')
    // Another port of the same host is the same site: the cookie does come along, and Origin alone keeps it out.
    if (host === 'localhost') expect(cookies.at(-1)).toContain('session_token')
    // The same script from our own page gets in: it is the origin that makes the difference.
    const answer = await page.evaluate(async (url) => {
      const socket = new WebSocket(url)
      return await new Promise<string>((resolve) => {
        socket.onopen = () => {
          socket.send('["push",["pipeline",0,["whoami"],[]]]')
          socket.send('["pull",1]')
        }
        socket.onmessage = ({ data }) => resolve(String(data))
        socket.onclose = ({ code }) => resolve(`closed ${code}`)
      })
    }, `ws://localhost:${network.port}/api/itx`)
    expect(answer).toContain('admin@example.test')
  })
})
