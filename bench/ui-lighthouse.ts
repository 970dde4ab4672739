import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { type BrowserContext, chromium } from 'playwright-core'
import { BenchDirectory } from './place.ts'
import { type Case, atLeast, figure, milliseconds } from './report.ts'
import { CHROMIUM, type UiBench } from './ui-browser.ts'
import { UI_PAGES } from './ui-loads.ts'

/** Design page `dashboard.md`, "Quality bars". */
const BUDGETS = { performance: 95, accessibility: 100, 'best-practices': 100 } as const
type Category = keyof typeof BUDGETS
const CATEGORIES = Object.keys(BUDGETS) as Category[]

const DEVICES = ['desktop', 'mobile'] as const
type Device = (typeof DEVICES)[number]

/** It is installed beside the benchmarks and not with the product, so its types are not there either. */
interface LighthouseResult {
  readonly lhr: {
    readonly runtimeError?: { readonly message: string }
    readonly categories: Readonly<Record<Category, { readonly score: number | null; readonly auditRefs: AuditRef[] }>>
    readonly audits: Readonly<Record<string, Audit>>
  }
}
interface AuditRef {
  readonly id: string
  readonly weight: number
}
interface Audit {
  readonly title: string
  readonly score: number | null
  readonly numericValue?: number
}
type Lighthouse = (url: string, flags: object, config?: object) => Promise<LighthouseResult | undefined>

const PACKAGE: string = 'lighthouse'
const DESKTOP: string = 'lighthouse/core/config/desktop-config.js'

/** A browser that Lighthouse finds by a port of its own. Its pages share what one is signed in by. Dispose it. */
class LighthouseBrowser {
  readonly port: number
  readonly context: BrowserContext
  readonly #profile: BenchDirectory

  private constructor(port: number, context: BrowserContext, profile: BenchDirectory) {
    this.port = port
    this.context = context
    this.#profile = profile
  }

  static async start(): Promise<LighthouseBrowser> {
    const port = await freePort()
    const profile = new BenchDirectory()
    const args = [...CHROMIUM.args, `--remote-debugging-port=${port}`]
    return new LighthouseBrowser(
      port,
      await chromium.launchPersistentContext(profile.path, { ...CHROMIUM, args }),
      profile,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close()
    this.#profile[Symbol.dispose]()
  }
}

interface Judged {
  readonly scores: Readonly<Record<Category, number>>
  readonly lcp: number
  readonly blocking: number
  /** What took points away, with how many hundredths the audit got. */
  readonly faults: readonly string[]
}

async function judge(port: number, url: string, device: Device): Promise<Judged> {
  const { default: lighthouse } = (await import(PACKAGE)) as { default: Lighthouse }
  const { default: desktop } = (await import(DESKTOP)) as { default: object }
  const flags = { port, onlyCategories: CATEGORIES, logLevel: 'error' }
  const result = await lighthouse(url, flags, device === 'desktop' ? desktop : undefined)
  if (!result) throw new Error(`Lighthouse said nothing of ${url}`)
  const { runtimeError, categories, audits } = result.lhr
  if (runtimeError) throw new Error(`Lighthouse could not judge ${url}: ${runtimeError.message}`)
  const scoreOf = (category: Category) => Math.round((categories[category].score ?? 0) * 100)
  return {
    scores: Object.fromEntries(CATEGORIES.map((category) => [category, scoreOf(category)])) as Judged['scores'],
    lcp: audits['largest-contentful-paint']?.numericValue ?? 0,
    blocking: audits['total-blocking-time']?.numericValue ?? 0,
    faults: CATEGORIES.flatMap((category) =>
      categories[category].auditRefs.flatMap(({ id, weight }) => {
        const { title = id, score = null } = audits[id] ?? {}
        return weight > 0 && score !== null && score < 0.9 ? [`${title} (${Math.round(score * 100)})`] : []
      }),
    ),
  }
}

/** @returns a case for each device, and what took points away. */
export async function lighthouseCases(bench: UiBench): Promise<{ cases: Case[]; notes: string[] }> {
  await using browser = await LighthouseBrowser.start()
  // Those that are seen before one is signed in come first.
  const pages = UI_PAGES.toSorted((a, b) => Number(a.signedIn) - Number(b.signedIn))
  const judged = new Map<Device, Map<string, Judged>>(DEVICES.map((device) => [device, new Map()]))
  const notes: string[] = []
  const take = async (name: string, url: string) => {
    for (const device of DEVICES) {
      // On a busy machine it now and then waits in vain for the browser: once more, before all that was measured is lost.
      const one = await judge(browser.port, url, device).catch(() => judge(browser.port, url, device))
      judged.get(device)?.set(name, one)
      const short = CATEGORIES.some((category) => one.scores[category] < BUDGETS[category])
      if (short && name !== BARE) notes.push(`Lighthouse, ${device}, ${name}: ${one.faults.join(', ')}`)
    }
  }
  for (const { name, path, signedIn } of pages) {
    if (signedIn) await browser.context.addCookies([...bench.cookies])
    await take(name, bench.ours(path))
  }
  const [first] = UI_PAGES
  if (first) await take(BARE, bench.beside(first.path))
  return { cases: DEVICES.map((device) => caseOf(device, judged.get(device) ?? new Map())), notes }
}

const BARE = 'bare: the first page’s HTML and CSS'

function caseOf(device: Device, judged: ReadonlyMap<string, Judged>): Case {
  const ours = [...judged].filter(([name]) => name !== BARE)
  const worst = (category: Category) => Math.min(...ours.map(([, { scores }]) => scores[category]))
  const bare = judged.get(BARE)?.scores.performance ?? 0
  return {
    name: `Lighthouse, ${device}`,
    figures: {
      'performance, the lowest of all pages': figure(worst('performance'), 'of 100'),
      ...Object.fromEntries(
        [...judged].flatMap(([name, { scores, lcp, blocking }]) => [
          [`${name}: performance`, figure(scores.performance, 'of 100')],
          [`${name}: accessibility`, figure(scores.accessibility, 'of 100')],
          [`${name}: best practices`, figure(scores['best-practices'], 'of 100')],
          [`${name}: its LCP, ${device === 'mobile' ? 'slow 4G, a phone' : 'a desktop'}`, milliseconds(lcp)],
          [`${name}: its total blocking time`, milliseconds(blocking)],
        ]),
      ),
    },
    ratios: { 'performance / bare': worst('performance') / bare },
    goals: CATEGORIES.map((category) =>
      atLeast(`${category.replace('-', ' ')} at least ${BUDGETS[category]}`, BUDGETS[category], worst(category)),
    ),
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
