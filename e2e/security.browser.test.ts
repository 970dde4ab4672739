import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Tributary, launchBrowser, until } from './harness.ts'
import { complaints, signIn } from './pages.ts'

// The threat: text of an agent, a visitor or another site that becomes code in the page of somebody with more rights.
// Against the production build, in a real browser, which alone can say what a policy lets through.

let tributary: Tributary
let browser: Browser

beforeAll(async () => {
  ;[tributary, browser] = await Promise.all([Tributary.start(), launchBrowser()])
})
afterAll(async () => {
  await browser.close()
  await tributary[Symbol.asyncDispose]()
})

/** A context in which every violation of a policy is kept, however early in a page it happens. */
async function watched(): Promise<{ context: BrowserContext; violations: string[]; complained: string[] }> {
  const context = await browser.newContext()
  const violations: string[] = []
  await context.exposeFunction('reportViolation', (violation: string) => void violations.push(violation))
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) => {
      const report = (globalThis as unknown as { reportViolation(violation: string): void }).reportViolation
      report([effectiveDirective, blockedURI, sample].join(' '))
    })
  })
  return { context, violations, complained: complaints(context) }
}

function policyOf(header: string | null): Map<string, readonly string[]> {
  return new Map(
    (header ?? '').split('; ').map((directive) => {
      const [name = '', ...sources] = directive.split(' ')
      return [name, sources]
    }),
  )
}

/** Puts markup at the end of the page's body, as a hole in the page would. */
async function inject(page: Page, path: string, markup: (nonce: string) => string): Promise<void> {
  await page.route(`**${path}`, async (route) => {
    const response = await route.fetch()
    const nonce = /'nonce-([^']+)'/.exec(response.headers()['content-security-policy'] ?? '')?.[1] ?? ''
    const body = (await response.text()).replace('</body>', `${markup(nonce)}</body>`)
    await route.fulfill({ response, body })
  })
  await page.goto(`${tributary.url}${path}`)
}

const mark = (page: Page) => page.evaluate(() => (globalThis as { mark?: string }).mark ?? null)

test('every page runs under the policy without a violation or a complaint, signed out and in, and stays live', async () => {
  const { context, violations, complained } = await watched()
  const page = await context.newPage()
  const token = await tributary.token()
  const event = (n: number) => ({ type: 'note/added', payload: { n } })
  // More digits of an offset make another layout.
  await tributary.append(token, '/agents/a1', Array.from({ length: 1200 }, (_, n) => event(n)).slice(0, 1000))
  await tributary.append(token, '/agents/a1', [event(1000)])

  for (const path of ['/sign-in', '/setup/no-such-link', '/nowhere']) await page.goto(`${tributary.url}${path}`)
  await signIn(page, tributary)
  for (const path of ['/projects', '/projects/demo', '/projects/demo/streams', '/projects/none', '/nowhere']) {
    await page.goto(`${tributary.url}${path}`)
    await page.waitForLoadState('networkidle')
  }
  await page.goto(`${tributary.url}/projects/demo/streams/agents/a1`)
  await page.locator('[data-offset="1002"]').waitFor()
  await tributary.append(token, '/agents/a1', [event(7_000_001)])
  await page.locator('[data-offset="1003"]').waitFor()
  await page.locator('[data-offset="1003"]').getByText('7000001').waitFor()

  expect(violations).toEqual([])
  expect(complained).toEqual([])
  await context.close()
})

test('a page allows scripts and styles of this server, or with the nonce of this very answer, and nothing inline', async () => {
  const answers = await Promise.all([1, 2].map(() => fetch(`${tributary.url}/sign-in`)))
  const nonces = new Set<string>()
  for (const answer of answers) {
    const policy = policyOf(answer.headers.get('content-security-policy'))
    const [self, nonce = '', ...more] = policy.get('script-src') ?? []
    expect([self, more]).toEqual(["'self'", []])
    expect(nonce).toMatch(/^'nonce-[A-Za-z0-9+/]{22}=='$/)
    nonces.add(nonce)
    expect(Object.fromEntries(policy)).toEqual({
      'default-src': ["'self'"],
      'script-src': ["'self'", nonce],
      'style-src': ["'self'", nonce],
      'img-src': ["'self'", 'data:'],
      'connect-src': ["'self'", tributary.url.replace('http', 'ws')],
      'object-src': ["'none'"],
      'base-uri': ["'none'"],
      'form-action': ["'self'"],
      'frame-ancestors': ["'none'"],
    })
    const html = await answer.text()
    const scripts = [...html.matchAll(/<script\b[^>]*>/g)].map(([tag]) => tag)
    expect(scripts.length).toBeGreaterThan(0)
    for (const tag of scripts) expect(tag).toContain(`nonce="${nonce.slice("'nonce-".length, -1)}"`)
    expect(html).not.toMatch(/\sstyle=|\son[a-z]+="/)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('referrer-policy')).toBe('same-origin')
    expect(answer.headers.get('cache-control')).toBe('private, no-store')
  }
  expect(nonces.size).toBe(answers.length)
})

test.each([
  ['a script', `<script>globalThis.mark = 'ran'</script>`],
  ['a script with a guessed nonce', `<script nonce="AAAAAAAAAAAAAAAAAAAAAA==">globalThis.mark = 'ran'</script>`],
  ['a handler', `<img src="/nothing.png" onerror="globalThis.mark = 'ran'">`],
  ['a script of another site', `<script src="http://127.0.0.1:1/x.js"></script>`],
  ['a data script', `<script src="data:text/javascript,globalThis.mark='ran'"></script>`],
  ['a style', '<style>body { display: none }</style>'],
  ['a style attribute', '<p style="color: red">x</p>'],
  ['a plugin', '<object data="/nothing.svg"></object>'],
  ['a base', '<base href="http://127.0.0.1:1/">'],
  ['a frame of another site', '<iframe src="http://127.0.0.1:1/"></iframe>'],
])('%s that got into a page is refused', async (_what, markup) => {
  const { context, violations } = await watched()
  const page = await context.newPage()
  await inject(page, '/sign-in', () => markup)
  await until('the violation to be reported', () => violations.length > 0)
  expect(await mark(page)).toBeNull()
  expect(await page.locator('body').isVisible()).toBe(true)
  await context.close()
})

test('the same script runs with the nonce of the answer: what is refused above is refused by the policy', async () => {
  const { context, violations } = await watched()
  const page = await context.newPage()
  await inject(page, '/sign-in', (nonce) => `<script nonce="${nonce}">globalThis.mark = 'ran'</script>`)
  expect(await mark(page)).toBe('ran')
  expect(violations).toEqual([])
  await context.close()
})

test('a page sends nothing to another origin', async () => {
  const { context, violations } = await watched()
  const page = await context.newPage()
  await page.goto(`${tributary.url}/sign-in`)
  const elsewhere = `http://127.0.0.1:${tributary.port}`
  const outcome = await page.evaluate(
    async (url) => [
      await fetch(`${url}/healthz`, { mode: 'no-cors' }).then(
        () => 'sent',
        () => 'refused',
      ),
      await new Promise((resolve) => {
        const socket = new WebSocket(`${url.replace('http', 'ws')}/api/itx`)
        socket.onopen = () => resolve('sent')
        socket.onerror = () => resolve('refused')
      }),
    ],
    elsewhere,
  )
  expect(outcome).toEqual(['refused', 'refused'])
  expect(violations).toEqual([
    `connect-src ${elsewhere}/healthz `,
    `connect-src ws://127.0.0.1:${tributary.port}/api/itx `,
  ])
  await context.close()
})

test('asking for a page changes nothing: no account, no project, no stream', async () => {
  const { context } = await watched()
  await signIn(await context.newPage(), tributary)
  await tributary.append(await tributary.token(), '/before', [{ type: 'x' }])
  const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
  const control = new Database(join(tributary.dataDir, 'control.db'), { readonly: true })
  const waiting = control.prepare('select count(*) from audit_outbox').pluck()
  await until('the audit to be written', () => waiting.get() === 0)
  const { id } = control.prepare("select id from projects where slug = 'demo'").get() as { id: string }
  const project = new Database(join(tributary.dataDir, 'projects', `${id}.db`), { readonly: true })
  const seen = () => [control, project].map((database) => database.pragma('data_version', { simple: true }))
  const before = seen()
  const below = ['', '/streams', '/streams/before', '/streams/never/was', '/none']
  const paths = ['/', '/sign-in', '/sign-out', '/setup/x', '/projects', ...below.map((path) => `/projects/demo${path}`)]
  for (const path of paths) {
    const answer = await fetch(`${tributary.url}${path}`, { headers: { cookie: cookies }, redirect: 'manual' })
    expect(answer.status, `GET ${path}`).toBeLessThan(500)
    expect(answer.headers.getSetCookie(), `GET ${path}`).toEqual([])
    await answer.text()
  }
  expect(seen()).toEqual(before)
  await tributary.append(await tributary.token(), '/before', [{ type: 'x' }])
  expect(seen()).not.toEqual(before)
  control.close()
  project.close()
  await context.close()
})

test('no other site can show a page in a frame', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto('about:blank')
  await page.setContent(`<iframe src="${tributary.url}/sign-in"></iframe>`)
  await until('the frame to have loaded something', () => (page.frames()[1]?.url() ?? '') !== '')
  // What Chromium shows in place of a page that must not be framed.
  expect(page.frames()[1]?.url()).toBe('chrome-error://chromewebdata/')
  await context.close()
})
