import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page, WebSocket } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { connectItx } from '../src/itx/client/connect.ts'
import { Tributary, launchBrowser, until } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// The client of a tab as the network sees it: what is dialled, what is asked, how often, and when.

let browser: Browser
let site: Server
let tributary: Tributary
let token: string
let context: BrowserContext
let page: Page
/** The sockets of the page, the latest last. */
let sockets: WebSocket[]
/** What the page has sent over them. */
let sent: string[]

beforeAll(async () => {
  browser = await launchBrowser()
  // A page of somebody else's, at an address that the operator has named.
  site = createServer((_request, response) =>
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>their app</title>'),
  )
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  tributary = await Tributary.start({ env: { TRIBUTARY_CORS_ORIGINS: siteUrl('localhost') } })
  token = await tributary.token('editor')
  await tributary.append(token, '/rivers/elbe', [{ type: 'level', payload: { cm: 212 } }])
  await tributary.append(token, '/rivers/oder', [{ type: 'level', payload: { cm: 97 } }])
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
  ;[sockets, sent] = [[], []]
  page.on('websocket', (socket) => {
    sockets.push(socket)
    socket.on('framesent', ({ payload }) => sent.push(String(payload)))
  })
})
afterEach(() => context.close())
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
  site.close()
})

const siteUrl = (host: string) => `http://${host}:${(site.address() as AddressInfo).port}`
const streams = (path: string) => `${tributary.url}/projects/demo/streams${path}`
const live = () => page.getByRole('status').getByText('Live').waitFor()
/** Calls of a method that the page has made. */
const asked = (method: string) =>
  sent.filter((frame) => frame.startsWith('["push"') && frame.includes(`["${method}"]`)).length

describe('a tab', () => {
  test('dials one socket, when there is something to ask, and keeps it from page to page', async () => {
    const found = complaints(context)
    await signIn(page, tributary)
    expect(sockets).toEqual([])
    await page.getByRole('link', { name: /demo/i }).first().click()
    await page.waitForURL('**/projects/demo')
    await live()
    await page.getByRole('treeitem', { name: /^rivers,/ }).click()
    await page.waitForURL('**/streams/rivers')
    await page.getByRole('treeitem', { name: /^elbe,/ }).click()
    await page.getByRole('log').getByText('212').waitFor()
    await page.goBack()
    await page.waitForURL('**/streams/rivers')
    await live()
    expect(sockets).toHaveLength(1)
    expect(found).toEqual([])
  })

  test('does not ask for what came with the page: tree, breadcrumbs and page share one answer', async () => {
    await signIn(page, tributary)
    await page.goto(streams('/rivers/elbe'))
    await live()
    await page.getByRole('treeitem', { name: /^oder,/ }).waitFor()
    // The tail alone is new: it goes on where the page ends.
    await until('the tail to be followed', () => asked('subscribe') === 1)
    expect([asked('state'), asked('children'), asked('read'), asked('list')]).toEqual([0, 0, 0, 0])
  })

  test.each([
    ['it is shown again', () => document.dispatchEvent(new Event('visibilitychange'))],
    ['the network is back', () => void dispatchEvent(new Event('online'))],
  ])('asks whether somebody is there when %s', async (_when, comeBack) => {
    await signIn(page, tributary)
    await page.goto(streams('/rivers'))
    await live()
    const before = asked('ping')
    await page.evaluate(comeBack)
    await until('a ping', () => asked('ping') === before + 1, 2000)
    expect(sockets).toHaveLength(1)
  })

  test('that waits to dial again does so at once when the network is back', async () => {
    await signIn(page, tributary)
    await page.goto(streams('/rivers'))
    await live()
    await tributary.end('SIGKILL')
    // The waits double: this one leaves a few seconds in which nothing happens by itself.
    await page.getByText(/Reconnecting in [5-9] s/).waitFor()
    await tributary.launch()
    await page.getByText(/Reconnecting in [3-9] s/).waitFor({ timeout: 30_000 })
    const dialled = sockets.length
    await page.evaluate(() => void dispatchEvent(new Event('online')))
    await until('another dial', () => sockets.length > dialled, 2000)
    await live()
    expect(sockets).toHaveLength(dialled + 1)
  })
})

describe('what fails', () => {
  /** How calls of a method are answered from now on, in place of the server. */
  let failing: { method: string; code: string | null } | null
  beforeEach(async () => {
    failing = null
    // Counted here, where they are answered.
    page.removeAllListeners('websocket')
    await page.routeWebSocket('**/api/itx', (socket) => {
      const server = socket.connectToServer()
      const refused = new Map<unknown, string | null>()
      let calls = 0
      socket.onMessage((message) => {
        const [kind, what] = JSON.parse(String(message)) as [string, unknown]
        if (kind === 'push') {
          calls++
          sent.push(String(message))
          if (failing && JSON.stringify(what).includes(`["${failing.method}"]`)) refused.set(calls, failing.code)
        }
        const code = kind === 'pull' ? refused.get(what) : undefined
        if (code === undefined) return server.send(message)
        const own = code === null ? [] : [null, { code }]
        socket.send(JSON.stringify(['reject', what, ['error', 'Error', `failed with ${code}`, ...own]]))
      })
    })
    await signIn(page, tributary)
  })

  test('is asked for once more without a code, with INTERNAL and with UNAVAILABLE, and else not', async () => {
    await page.goto(streams('/rivers'))
    await live()
    const again = page.getByRole('button', { name: 'Try again' })
    /** To the page that asks and is answered with what is worth another try, and to where nothing is under way. */
    const begin = async () => {
      await page.getByRole('link', { name: 'Home', exact: true }).click()
      await page.getByRole('heading', { name: 'Demo' }).waitFor()
      failing = { method: 'describe', code: 'CONFLICT' }
      await page.getByRole('link', { name: 'API' }).click()
      await again.click()
      await expect.poll(() => again.getAttribute('aria-disabled')).toBe('false')
    }
    const codes = ['BAD_REQUEST', 'NOT_FOUND', 'FORBIDDEN', 'RATE_LIMITED', 'UNAVAILABLE', 'INTERNAL', null]
    const times: Record<string, number> = {}
    for (const code of codes) {
      await begin()
      const before = asked('describe')
      failing = { method: 'describe', code }
      await again.click()
      await page.getByText(`failed with ${code}`).waitFor()
      times[String(code)] = asked('describe') - before
    }
    expect(times).toEqual({
      BAD_REQUEST: 1,
      NOT_FOUND: 1,
      FORBIDDEN: 1,
      RATE_LIMITED: 1,
      UNAVAILABLE: 2,
      INTERNAL: 2,
      null: 2,
    })
    await begin()
    failing = null
    await again.click()
    await page.getByRole('heading', { level: 2, name: 'stream', exact: true }).waitFor()
  })

  test('is done once where it is no question, whatever the code', async () => {
    await page.goto(streams('/rivers/weser'))
    await live()
    const box = page.getByRole('textbox', { name: /Events to append/ })
    for (const code of ['UNAVAILABLE', 'INTERNAL', 'CONFLICT', null]) {
      const before = asked('append')
      failing = { method: 'append', code }
      await box.fill(`{"type": "note", "payload": "${code}"}`)
      await page.getByRole('button', { name: 'Append', exact: true }).click()
      await page.getByText(`failed with ${code}`).waitFor()
      expect([code, asked('append') - before]).toEqual([code, 1])
    }
  })
})

describe('the address of the root stream', () => {
  test('ends with /streams: one with a slash leads there, and no link has an empty path', async () => {
    await signIn(page, tributary)
    await page.goto(streams('/'))
    await live()
    /** Opens a stream by its path, existing or not. */
    const openPath = async (path: string) => {
      await page.keyboard.press('Control+k')
      await page.getByRole('combobox', { name: 'Find a stream or an action' }).fill(path)
      await page.getByRole('option', { name: path, exact: true }).click()
    }
    expect(new URL(page.url()).pathname).toBe('/projects/demo/streams')
    await page.getByRole('treeitem', { name: /^rivers,/ }).waitFor()
    expect(await page.getByRole('log').textContent()).toContain('stream/child-created')
    await openPath('/rivers/oder')
    await page.waitForURL('**/streams/rivers/oder')
    const links = () => page.locator('a[href]').evaluateAll((all) => all.map((each) => each.getAttribute('href') ?? ''))
    expect((await links()).filter((href) => href.endsWith('/'))).toEqual([])
    await openPath('/')
    await page.waitForURL('**/projects/demo/streams')
    expect((await links()).filter((href) => href.endsWith('/'))).toEqual([])
  })
})

describe('a page of somebody else’s, with a read token', () => {
  /** Reads a stream as a page would, and tells what it sees. */
  const read = (from: Page, path: string, readToken: string, credentials: RequestCredentials = 'omit') =>
    from.evaluate(
      async ([url, bearer, mode]) => {
        try {
          const response = await fetch(url, {
            headers: { authorization: `Bearer ${bearer}` },
            credentials: mode as RequestCredentials,
          })
          const next = response.headers.get('stream-next-offset')
          return { status: response.status, body: (await response.json()) as unknown, next }
        } catch (error) {
          return String(error)
        }
      },
      [`${tributary.url}/api/streams/demo${path}`, readToken, credentials] as const,
    )

  test('reads the stream it is for, and nothing else, where the operator has named its address', async () => {
    const client = connectItx({ url: tributary.url, token, project: 'demo' })
    const { token: readToken } = await client.use((project) => project.createReadToken({ path: '/rivers/elbe' }))
    client.close()
    // Somebody is signed in to Tributary in this browser: their session is no part of it.
    await signIn(page, tributary)
    const theirs = await context.newPage()
    await theirs.goto(siteUrl('localhost'))
    expect(await read(theirs, '/rivers/elbe', readToken)).toMatchObject({
      status: 200,
      body: [{ type: 'level', payload: { cm: 212 } }],
      next: '0000000000000002_0000000000000000',
    })
    expect(await read(theirs, '/rivers/oder', readToken)).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } })
    expect(await read(theirs, '/rivers/elbe', 'nonsense')).toMatchObject({ status: 401 })
    expect(await read(theirs, '/rivers/elbe', readToken, 'include')).toContain('Failed to fetch')
    await theirs.goto(siteUrl('127.0.0.1'))
    expect(await read(theirs, '/rivers/elbe', readToken)).toContain('Failed to fetch')
  })
})
