/** Writes the kept results into `docs/benchmarks.md`, between its two markers: `node bench/table.ts`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type Case, type KeptResult, number, resultFile } from './report.ts'
import { TOPICS } from './topics.ts'

const PAGE = new URL('../docs/benchmarks.md', import.meta.url)
const BEGIN = '<!-- results: written by `node bench/table.ts` -->'
const END = '<!-- end of results -->'

const page = readFileSync(PAGE, 'utf8')
const begin = page.indexOf(BEGIN)
const end = page.indexOf(END)
if (begin < 0 || end < begin) throw new Error(`docs/benchmarks.md has not the markers ${BEGIN} and ${END}`)
// The mixed run takes too long to be one of the topics.
const results = [...TOPICS, 'mixed'].filter((topic) => existsSync(resultFile(topic))).map(kept)
writeFileSync(PAGE, `${page.slice(0, begin + BEGIN.length)}\n${table(results)}${page.slice(end)}`)

function kept(topic: string): KeptResult {
  return JSON.parse(readFileSync(resultFile(topic), 'utf8')) as KeptResult
}

/** A line per case: its first figure, its ratios, its goals. The rest is in `results/`. */
function table(all: readonly KeptResult[]): string {
  return [
    `Measured on ${[...new Set(all.map(machineOf))].join('; and on ')}.`,
    '',
    '| | measured | beside its peer | goal |',
    '|---|---|---|---|',
    ...all.flatMap(({ topic, cases }) => cases.map((each) => row(topic, each))),
    '',
  ].join('\n')
}

function machineOf({ machine: { cpu, cores, node, sqlite, platform } }: KeptResult): string {
  return `${cores} cores of ${cpu}, ${platform}, Node ${node.replace('v', '')}, SQLite ${sqlite}`
}

function row(topic: string, { name, figures, ratios = {}, goals = [] }: Case): string {
  const measured = Object.entries(figures)
    .slice(0, 1)
    .map(([key, { value, unit }]) => `${key}: ${number(value)} ${unit}`)
  const beside = Object.entries(ratios).map(([key, value]) => `${key}: ${number(value)}`)
  const reached = goals.map(({ what, value, met }) => `${what}: ${number(value)}, ${met ? 'met' : '**missed**'}`)
  return `| **${topic}**: ${name} | ${measured.join('')} | ${beside.join('<br>')} | ${reached.join('<br>')} |`
}
