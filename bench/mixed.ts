/**
 * Ten minutes of mixed clients and what they leave behind: `node bench/mixed.ts [--minutes N] [--seed N] [--leak BYTES]`, on
 * the build in `dist/`. Exit code 1 for a gap, a double, a wrong answer, a server that ends or complains, and for memory that
 * grows. `--leak` plants a leak of so many bytes a request, to see it found. A run of at least ten minutes is kept in
 * `results/`, unless a leak was planted. `--unit` is for `npm run torture`: one line of JSON tells how it was.
 */
import { parseArgs } from 'node:util'
import { type Judged, LIVE_ALLOWED, RSS_ALLOWED, growth, judge } from './mixed-judge.ts'
import { type Mixed, type Round, runMixed } from './mixed-run.ts'
import { type Goal, type Result, atMost, figure, mebibytes, report } from './report.ts'

const KEPT_MINUTES = 10
const TELL_EVERY_ROUNDS = 5

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    leak: { type: 'string', default: '0' },
    unit: { type: 'boolean', default: false },
  },
})
const options = {
  minutes: amount(values.minutes, 'minutes'),
  seed: amount(values.seed, 'seed'),
  leak: amount(values.leak, 'leak'),
}

function amount(text: string, name: string): number {
  const number = Number(text)
  if (Number.isFinite(number) && number >= 0 && text !== '') return number
  throw new Error(`--${name} must be a number from 0 on, not ${text}`)
}

// Clients that a failure leaves behind would go on for ever: in either case nothing is waited for.
process.exit(await (values.unit ? runUnit() : runAlone()))

async function runAlone(): Promise<number> {
  let told = 0
  const onRound = ({ seconds, live, rss, busyRss }: Round) => {
    if (told++ % TELL_EVERY_ROUNDS !== 0) return
    const [atRest, pages, busy] = [live, rss, busyRss].map((bytes) => (bytes / 2 ** 20).toFixed(2))
    console.log(`  ${seconds.toFixed(0)} s: ${atRest} MiB live, ${pages} MiB of pages, ${busy} at the most`)
  }
  try {
    const mixed = await runMixed({ ...options, onRound })
    const judged = judge(mixed.rounds)
    const keep = options.minutes >= KEPT_MINUTES && options.leak === 0
    report('mixed', resultOf(mixed, judged), keep)
    const grown = growth(judged)
    if (grown !== null) console.error(`the server ${grown}`)
    return grown === null ? 0 : 1
  } catch (error) {
    console.error(error)
    return 1
  }
}

async function runUnit(): Promise<number> {
  const started = performance.now()
  const { seed } = options
  const say = (outcome: object) =>
    process.stdout.write(`${JSON.stringify({ seed, ms: Math.round(performance.now() - started), ...outcome })}\n`)
  try {
    const { rounds, counts } = await runMixed(options)
    const judged = judge(rounds)
    const sums = {
      requests: total(counts),
      lives: counts['lives'] ?? 0,
      liveGrowthBytes: Math.round(judged.live.growth),
    }
    const grown = growth(judged)
    say(grown === null ? { tally: 'flat', sums } : { tally: 'grown', sums, fault: `the server ${grown}` })
  } catch (error) {
    say({ fault: error instanceof Error ? error.message : String(error) })
  }
  return 0
}

function resultOf({ rounds, counts }: Mixed, { judgedRounds, live, rss }: Judged): Result {
  const last = rounds.at(-1)
  const deeds = Object.entries(counts).toSorted(([, a], [, b]) => b - a)
  return {
    what: 'mixed clients of all kinds: whether everybody gets everything once, and whether the memory stays flat',
    cases: [
      {
        name: `${((last?.seconds ?? 0) / 60).toFixed(1)} minutes, ${rounds.length} rounds, the last ${judgedRounds} judged`,
        figures: {
          'live objects, growth of the line': mebibytes(live.growth),
          'live objects, middle': mebibytes(live.level),
          'live objects, scatter': mebibytes(live.scatter),
          'pages, growth of the line': mebibytes(rss.growth),
          'pages, middle': mebibytes(rss.level),
          'pages, the most in the midst of a round': mebibytes(Math.max(...rounds.map(({ busyRss }) => busyRss))),
          'requests and other deeds': figure(total(counts), 'times'),
          ...Object.fromEntries(deeds.map(([what, count]) => [what, figure(count, 'times')])),
        },
        goals: [grownAtMost('live objects', LIVE_ALLOWED, live.growth), grownAtMost('pages', RSS_ALLOWED, rss.growth)],
      },
    ],
    notes: [
      'every reader has had everything once and in order, or the run would have failed; so would it for an answer that should be another one, and for a line on the standard error of the server',
      'measured at rest, after each round of clients and a collection, with the clients that stay for the whole run connected; code that was compiled is no live object',
      'the line is that of Theil and Sen: the median of the slopes between all pairs of rounds',
    ],
  }
}

function grownAtMost(what: string, allowed: number, bytes: number): Goal {
  const limit = allowed / 2 ** 20
  return atMost(`${what} grow by at most ${limit} MiB`, limit, bytes / 2 ** 20)
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
