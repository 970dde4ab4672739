import { gzipSync } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Tributary, launchBrowser } from './harness.ts'
import { signIn } from './pages.ts'

// What a browser has to load before it can show anything else: design page `dashboard.md`, "Quality bars".

const MOST_BYTES = 180_000

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

test('the page of a stream, with the tree, loads at most 180 kB of JavaScript', async () => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await signIn(page, tributary)
  const fresh = await context.newPage()
  const scripts: Promise<number>[] = []
  fresh.on('response', (response) => {
    if (new URL(response.url()).pathname.endsWith('.js')) {
      scripts.push(response.body().then((body) => gzipSync(body, { level: 9 }).length))
    }
  })
  await fresh.goto(`${tributary.url}/projects/demo/streams`, { waitUntil: 'networkidle' })
  await fresh.getByRole('status').getByText('Live').waitFor()
  const bytes = (await Promise.all(scripts)).reduce((sum, each) => sum + each, 0)
  expect(bytes).toBeGreaterThan(100_000)
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES)
  await context.close()
})
