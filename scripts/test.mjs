// `npm test [-- --only NAME]`: every suite, one after the other, whatever became of the one before. The last line is
// `N passed, N failed`, and the exit code is not 0 when anything failed. Set-up has run (see package.json).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run, withLocalPrograms } from './child-process.mjs'
import { findBrowser } from './setup.mjs'
import { chooseSuites, countCommand, countVitest, SUITE_LIMIT_SECONDS, summary } from './suites.mjs'

const root = resolve(fileURLToPath(import.meta.url), '..', '..')

function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Vitest writes it at its very end: none, or half of one, means that it did not get there.
    return undefined
  }
}

async function runSuite(suite, env, scratch) {
  console.log(`\n=== ${suite.name}`)
  const started = Date.now()
  const reportPath = join(scratch, `${suite.name}.json`)
  const reporters = suite.vitest ? ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`] : []
  const [command, ...args] = suite.command
  const result = await run(command, [...args, ...reporters], {
    cwd: root,
    env,
    ownGroup: true,
    limitSeconds: SUITE_LIMIT_SECONDS,
  })
  const counted = suite.vitest ? countVitest(result, readReport(reportPath), suite.tests) : countCommand(result)
  return { name: suite.name, seconds: (Date.now() - started) / 1000, signal: result.signal, ...counted }
}

async function main() {
  const suites = chooseSuites(process.argv.slice(2))
  const browser = findBrowser()
  const env = { ...withLocalPrograms(root), ...(browser === undefined ? {} : { CHROMIUM_PATH: browser }) }
  const scratch = mkdtempSync(join(tmpdir(), 'tributary-test-'))
  const results = []
  try {
    for (const suite of suites) {
      const result = await runSuite(suite, env, scratch)
      results.push(result)
      if (result.signal !== undefined) break
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  console.log(`\n${summary(results)}`)
  return results.every(({ failed }) => failed === 0)
}

try {
  if (!(await main())) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  console.log('0 passed, 1 failed')
  process.exitCode = 1
}
