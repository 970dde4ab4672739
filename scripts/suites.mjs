// What `npm test` runs and how each result counts. Pure; scripts/test.mjs does the running.

/** Longer than any suite takes on two cores; a suite that hangs must not hang CI. */
export const SUITE_LIMIT_SECONDS = 900

/** Tests of the published conformance suite (0.3.6). Its package decides which of them run: one less must not go unseen. */
const CONFORMANCE_TESTS = 338

const vitest = (name, chosen = ['--project', name]) => ({
  name,
  vitest: true,
  command: ['vitest', 'run', ...chosen, '--allowOnly=false'],
})

/** In the order in which they run: what is cheap and names its mistake best comes first. */
export const SUITES = [
  { name: 'format', command: ['oxfmt', '--check'] },
  { name: 'lint', command: ['oxlint'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'arrows', command: ['node', 'scripts/arrows.mjs'] },
  vitest('unit'),
  vitest('workerd', ['--config', 'vitest.workerd.config.ts']),
  { name: 'build', command: ['node', 'scripts/setup.mjs'] },
  { ...vitest('conformance'), tests: CONFORMANCE_TESTS },
  vitest('crash'),
  vitest('browser'),
]

/** The suites that the arguments of scripts/test.mjs ask for: all, or the one of `--only NAME`. */
export function chooseSuites(args) {
  if (args.length === 0) return SUITES
  const chosen = SUITES.filter(({ name }) => name === args[1])
  if (args[0] !== '--only' || args.length !== 2 || chosen.length === 0) {
    throw new Error(`usage: npm test [-- --only NAME], NAME one of ${SUITES.map(({ name }) => name).join(', ')}`)
  }
  return chosen
}

/** One command that succeeds or fails as a whole. */
export function countCommand({ code, problem }) {
  if (code === 0 && problem === undefined) return { passed: 1, failed: 0 }
  return { passed: 0, failed: 1, reason: problem ?? `exit code ${code}` }
}

/**
 * Vitest's result with its JSON report (undefined when it left none). What no single test is to blame for counts as one
 * failure: a file that does not load, an unhandled error, no tests at all, a time limit, another number of tests than
 * the suite must have (`tests`, undefined where anything goes).
 */
export function countVitest({ code, problem }, report, tests) {
  if (report === undefined) return { passed: 0, failed: 1, reason: problem ?? `no report, exit code ${code}` }
  const passed = report.numPassedTests
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  )
  const failed = report.numFailedTests + broken.length
  const reasons = broken.map((file) => `${file.name}: ${file.message.split('\n')[0] || 'did not finish'}`)
  const ran = passed + report.numFailedTests
  if (tests !== undefined && ran !== tests) reasons.push(`${ran} tests ran, and the suite has ${tests}`)
  if (failed > 0) return { passed, failed, reason: [...reasons, problem].filter(Boolean).join('; ') || undefined }
  if (problem !== undefined) return { passed, failed: 1, reason: problem }
  if (code !== 0) return { passed, failed: 1, reason: `an error outside the tests, exit code ${code}` }
  if (passed === 0) return { passed, failed: 1, reason: 'no test ran' }
  if (reasons.length > 0) return { passed, failed: 1, reason: reasons.join('; ') }
  return { passed, failed: 0 }
}

/** The table of all results, and as last line `N passed, N failed`. */
export function summary(results) {
  const rows = [['suite', 'passed', 'failed', 'seconds'], ...results.map(rowOf)]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const table = rows.map(([suite, ...figures]) =>
    [suite.padEnd(widths[0]), ...figures.map((figure, index) => figure.padStart(widths[index + 1]))].join('  '),
  )
  const reasons = results.filter(({ reason }) => reason).map(({ name, reason }) => `${name}: ${reason}`)
  const total = (key) => results.reduce((sum, result) => sum + result[key], 0)
  return [...table, ...reasons, `${total('passed')} passed, ${total('failed')} failed`].join('\n')
}

function rowOf({ name, passed, failed, seconds }) {
  return [name, String(passed), String(failed), seconds.toFixed(1)]
}
