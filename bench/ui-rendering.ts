import { interleaved, median, percentile, ratio } from './figures.ts'
import { PageClient } from './http-load.ts'
import { closedLoop } from './load.ts'
import { type Case, figure, milliseconds } from './report.ts'
import { scaled } from './scale.ts'
import type { UiBench } from './ui-browser.ts'
import { UI_PAGES } from './ui-loads.ts'

const PAGES = scaled(100, 20)
const ROUNDS = scaled(3, 1)

/** How long the server takes for the pages with the tree, one after the other. Under load: the benchmark `pages`. */
export async function renderingCases(bench: UiBench): Promise<Case[]> {
  const cases: Case[] = []
  for (const { name, path, tree } of UI_PAGES) if (tree) cases.push(await renderingCase(bench, name, path))
  return cases
}

async function renderingCase(bench: UiBench, name: string, path: string): Promise<Case> {
  await bench.copy(path, true)
  const client = new PageClient(bench.ours(path), 1, { cookie: bench.cookie })
  const bare = new PageClient(bench.beside(path), 1)
  const size = Buffer.byteLength(await client.get())
  const latencies: number[] = []
  const timed = async (from: PageClient, into: number[]) => {
    const start = performance.now()
    await from.get()
    into.push(performance.now() - start)
  }
  const round = (from: PageClient, all?: number[]) => async () => {
    const own: number[] = []
    await closedLoop(1, PAGES, () => timed(from, own))
    all?.push(...own)
    return median(own)
  }
  // The first pages are compiled, not rendered.
  await round(client)()
  const took = await interleaved(ROUNDS, { ours: round(client, latencies), bare: round(bare) })
  client.close()
  bare.close()
  return {
    name: `rendered on the server, one after the other: ${name}`,
    figures: {
      p50: milliseconds(median(took.ours)),
      p99: milliseconds(percentile(latencies, 0.99)),
      'bare node:http, the same HTML without scripts, p50': milliseconds(median(took.bare)),
      'size of the page': figure(size / 1024, 'KiB'),
    },
    ratios: { 'p50 / bare node:http p50': ratio(took.ours, took.bare) },
  }
}
