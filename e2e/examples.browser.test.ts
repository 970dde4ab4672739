import { readFileSync } from 'node:fs'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { Tributary, launchBrowser } from './harness.ts'
import { complaints } from './pages.ts'

// docs/examples/sse-in-a-browser.html as it stands, on a site of its own: another origin, no cookie, a read token.

const EXAMPLE = readFileSync(join(import.meta.dirname, '..', 'docs', 'examples', 'sse-in-a-browser.html'))

let browser: Browser
let site: Server
let tributary: Tributary
let editor: { authorization: string }
let operator: { authorization: string }
let context: BrowserContext
let page: Page

const siteUrl = (host: string) => `http://${host}:${(site.address() as AddressInfo).port}/sse-in-a-browser.html`
const doorOf = (path: string) => `${tributary.url}/api/streams/demo${path}`

beforeAll(async () => {
  browser = await launchBrowser()
  site = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(EXAMPLE))
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  tributary = await Tributary.start({ env: { TRIBUTARY_CORS_ORIGINS: new URL(siteUrl('localhost')).origin } })
  editor = { authorization: `Bearer ${await tributary.token('editor')}` }
  operator = { authorization: `Bearer ${await tributary.token('operator')}` }
})
beforeEach(async () => {
  context = await browser.newContext()
  page = await context.newPage()
})
afterEach(() => context.close())
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
  site.close()
})

async function send(path: string, body: unknown, init: RequestInit = {}): Promise<void> {
  const headers = { ...editor, 'content-type': 'application/json', ...(init.headers as Record<string, string>) }
  const response = await fetch(doorOf(path), { method: 'POST', body: JSON.stringify(body), ...init, headers })
  expect([200, 201, 204]).toContain(response.status)
}

/** What a program of the site's owner does for each visitor. */
async function readToken(path: string): Promise<string> {
  const response = await fetch(`${tributary.url}/api/read-tokens`, {
    method: 'POST',
    headers: { ...editor, 'content-type': 'application/json' },
    body: JSON.stringify({ project: 'demo', path }),
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as { token: string }).token
}

const open = (host: string, path: string, token: string) =>
  page.goto(`${siteUrl(host)}#${new URLSearchParams({ stream: doorOf(path), token })}`)
const status = (text: string | RegExp) => page.getByRole('status').getByText(text).waitFor()
const lines = () => page.getByRole('listitem').allTextContents()

test('shows what is there and what comes, through a restart of the server, to the end of the stream', async () => {
  const found = complaints(context)
  await send('/rivers', [{ cm: 1 }, { cm: 2 }], { method: 'PUT' })
  await open('localhost', '/rivers', await readToken('/rivers'))
  await status('live')
  await page.getByRole('listitem').getByText('{"cm":2}').waitFor()
  await send('/rivers', { cm: 3, text: 'zwei\nZeilen\n\nevent: control' })
  await page.getByRole('listitem').getByText('{"cm":3').waitFor()
  expect(found).toEqual([])

  await tributary.end('SIGKILL')
  await status('reconnecting')
  await tributary.launch()
  await status('live')
  await send('/rivers', { cm: 4 })
  await page.getByRole('listitem').getByText('{"cm":4}').waitFor()
  await send('/rivers', { cm: 5 }, { headers: { ...operator, 'stream-closed': 'true' } })
  await status('closed')
  expect(await lines()).toEqual([
    '{"cm":1}',
    '{"cm":2}',
    '{"cm":3,"text":"zwei\\nZeilen\\n\\nevent: control"}',
    '{"cm":4}',
    '{"cm":5}',
  ])
})

test('says what its token does not reach, and leaves it at that', async () => {
  await send('/lakes', [{ cm: 1 }], { method: 'PUT' })
  await open('localhost', '/lakes', await readToken('/elsewhere'))
  await status(/^403: /)
  expect(await lines()).toEqual([])
})

test('shows nothing at an address that the operator has not named', async () => {
  await send('/ponds', [{ cm: 1 }], { method: 'PUT' })
  const refused = page.waitForEvent('console', { predicate: (message) => /CORS/.test(message.text()) })
  await open('127.0.0.1', '/ponds', await readToken('/ponds'))
  await refused
  await status('reconnecting')
  expect(await lines()).toEqual([])
})
