// Guards against a green run that is not one: whatever cannot be counted is a failure.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { chooseSuites, countCommand, countVitest, summary, SUITES } from './suites.mjs'

const fine = { code: 0, problem: undefined }
const bad = { code: 1, problem: undefined }

function report(passed, failed, testResults = []) {
  return { numPassedTests: passed, numFailedTests: failed, testResults }
}

test('a command counts one', () => {
  expect(countCommand(fine)).toEqual({ passed: 1, failed: 0 })
  expect(countCommand({ code: 2 })).toEqual({ passed: 0, failed: 1, reason: 'exit code 2' })
  expect(countCommand({ code: null, problem: 'killed' })).toMatchObject({ failed: 1, reason: 'killed' })
})

test('tests are counted one by one', () => {
  expect(countVitest(fine, report(7, 0))).toEqual({ passed: 7, failed: 0 })
  expect(countVitest(bad, report(7, 2))).toMatchObject({ passed: 7, failed: 2 })
})

test('a file that does not load is a failure and is named', () => {
  const files = [
    { name: 'ok.test.ts', status: 'passed', message: '', assertionResults: [{ status: 'passed' }] },
    { name: 'broken.test.ts', status: 'failed', message: 'SyntaxError: x\n  at', assertionResults: [] },
  ]
  expect(countVitest(bad, report(1, 0, files))).toEqual({
    passed: 1,
    failed: 1,
    reason: 'broken.test.ts: SyntaxError: x',
  })
})

test('a file whose tests failed is not counted again', () => {
  const files = [{ name: 'a', status: 'failed', message: '', assertionResults: [{ status: 'failed' }] }]
  expect(countVitest(bad, report(0, 1, files))).toMatchObject({ failed: 1 })
})

test('an unhandled error, an empty suite, a time limit and a missing report are failures', () => {
  expect(countVitest(bad, report(5, 0))).toMatchObject({ passed: 5, failed: 1 })
  expect(countVitest(fine, report(0, 0))).toEqual({ passed: 0, failed: 1, reason: 'no test ran' })
  expect(countVitest({ code: null, problem: 'killed' }, report(5, 0))).toMatchObject({ failed: 1, reason: 'killed' })
  expect(countVitest(fine, undefined)).toMatchObject({ passed: 0, failed: 1 })
})

test('a suite that must have a number of tests fails with any other', () => {
  expect(countVitest(fine, report(338, 0), 338)).toEqual({ passed: 338, failed: 0 })
  for (const passed of [332, 339]) {
    const reason = `${passed} tests ran, and the suite has 338`
    expect(countVitest(fine, report(passed, 0), 338)).toEqual({ passed, failed: 1, reason })
  }
  // What failed did run, and is not counted twice.
  expect(countVitest(bad, report(336, 2), 338)).toEqual({ passed: 336, failed: 2, reason: undefined })
  expect(countVitest(bad, report(300, 2), 338)).toMatchObject({
    failed: 2,
    reason: '302 tests ran, and the suite has 338',
  })
})

test('the conformance suite counts all of its tests', () => {
  const { tests, command } = SUITES.find(({ name }) => name === 'conformance')
  expect(tests).toBe(338)
  expect(command).toContain('conformance')
})

test('every suite of tests has a name that vitest knows, and is counted by its report', () => {
  const tests = SUITES.filter(({ command: [program] }) => program === 'vitest')
  expect(tests.map(({ name }) => name)).toEqual(['unit', 'workerd', 'conformance', 'crash', 'browser'])
  expect(tests.every((suite) => suite.vitest && suite.command.includes('--allowOnly=false'))).toBe(true)
  const workerd = tests.find(({ name }) => name === 'workerd')
  expect(workerd.command).toContain('vitest.workerd.config.ts')
  expect(existsSync(new URL('../vitest.workerd.config.ts', import.meta.url))).toBe(true)
})

test('--only takes one suite, and a wrong name is told the right ones', () => {
  expect(chooseSuites([])).toBe(SUITES)
  expect(chooseSuites(['--only', 'lint']).map(({ name }) => name)).toEqual(['lint'])
  expect(() => chooseSuites(['--only', 'lnt'])).toThrow('format, lint, types')
  expect(() => chooseSuites(['lint'])).toThrow('usage')
})

test('the last line is the sum', () => {
  const text = summary([
    { name: 'lint', passed: 1, failed: 0, seconds: 0.25 },
    { name: 'unit', passed: 40, failed: 2, seconds: 12, reason: 'x.test.ts: boom' },
  ])
  expect(text.split('\n')).toEqual([
    'suite  passed  failed  seconds',
    'lint        1       0      0.3',
    'unit       40       2     12.0',
    'unit: x.test.ts: boom',
    '41 passed, 2 failed',
  ])
})
