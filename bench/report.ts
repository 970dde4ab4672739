import { writeFileSync } from 'node:fs'
import { machine } from './machine.ts'
import { QUICK } from './scale.ts'

/** What a benchmark says: figures, what they are beside their peers, and whether the goal of the design is met. */

export interface Figure {
  readonly value: number
  readonly unit: string
}

export interface Goal {
  readonly what: string
  readonly value: number
  readonly met: boolean
}

export interface Case {
  readonly name: string
  readonly figures: Readonly<Record<string, Figure>>
  /** Of medians of rounds that were interleaved in one run. */
  readonly ratios?: Readonly<Record<string, number>>
  readonly goals?: readonly Goal[]
}

export interface Result {
  readonly what: string
  readonly cases: readonly Case[]
  readonly notes?: readonly string[]
}

/** A result as it is kept: without a date, so that it changes when what it says does. */
export type KeptResult = Result & { readonly topic: string; readonly machine: ReturnType<typeof machine> }

export function figure(value: number, unit: string): Figure {
  return { value: rounded(value), unit }
}

export function perSecond(value: number): Figure {
  return figure(value, 'events/s')
}

export function milliseconds(value: number): Figure {
  return figure(value, 'ms')
}

export function mebibytes(bytes: number): Figure {
  return figure(bytes / 2 ** 20, 'MiB')
}

export function atLeast(what: string, limit: number, value: number): Goal {
  return { what, value: rounded(value), met: value >= limit }
}

export function atMost(what: string, limit: number, value: number): Goal {
  return { what, value: rounded(value), met: value <= limit }
}

/** Prints a result as a table and, unless the run was a quick one, keeps it in `results/`. */
export function report(topic: string, { what, cases, notes = [] }: Result, keep = !QUICK): void {
  const kept: KeptResult = {
    topic,
    what,
    machine: machine(),
    cases: cases.map((each) => ({ ...each, ratios: withRounded(each.ratios ?? {}), goals: each.goals ?? [] })),
    notes,
  }
  console.log(`\n${topic}: ${what}`)
  for (const each of kept.cases) console.log(lines(each).join('\n'))
  for (const note of notes) console.log(`  note: ${note}`)
  if (!keep) return console.log('  a quick run: rough, and not kept')
  writeFileSync(resultFile(topic), `${JSON.stringify(kept, null, 2)}\n`)
}

export function resultFile(topic: string): URL {
  return new URL(`results/${topic}.json`, import.meta.url)
}

function lines({ name, figures, ratios = {}, goals = [] }: Case): string[] {
  return [
    `  ${name}`,
    ...Object.entries(figures).map(([key, { value, unit }]) => row(key, `${number(value)} ${unit}`)),
    ...Object.entries(ratios).map(([key, value]) => row(key, number(value))),
    ...goals.map((goal) => row(`goal: ${goal.what}`, `${number(goal.value)}  ${goal.met ? 'met' : 'MISSED'}`)),
  ]
}

function row(name: string, value: string): string {
  return `    ${name.padEnd(64)} ${value}`
}

export function number(value: number): string {
  return value.toLocaleString('en-GB', { maximumFractionDigits: 3 })
}

function withRounded(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, rounded(value)]))
}

/** Three digits that say something: more would be noise. */
function rounded(value: number): number {
  if (!Number.isFinite(value)) throw new Error(`a figure came out as ${value}`)
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(3))
}
