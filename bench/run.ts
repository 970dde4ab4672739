/**
 * Runs benchmarks, one after another, each in a process of its own: `npm run bench [-- TOPIC …] [-- --quick]`.
 * Without topics all of them. A missed goal is told and is no failure; a benchmark that cannot finish is one.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { TOPICS, isTopic } from './topics.ts'

const given = process.argv.slice(2)
const flags = given.filter((each) => each.startsWith('--'))
const wanted = given.filter((each) => !each.startsWith('--'))
const unknown = [...wanted.filter((each) => !isTopic(each)), ...flags.filter((each) => each !== '--quick')]
if (unknown.length > 0) {
  console.error(`there is no ${unknown.join(', ')}; topics are ${TOPICS.join(', ')}, and the only flag is --quick`)
  process.exit(1)
}

const failed = (wanted.length > 0 ? wanted : TOPICS).filter((topic) => {
  const file = fileURLToPath(new URL(`${topic}.ts`, import.meta.url))
  const start = performance.now()
  const { status } = spawnSync(process.execPath, [file, ...flags], { stdio: 'inherit' })
  console.log(`  ${topic} took ${((performance.now() - start) / 1000).toFixed(0)} s`)
  return status !== 0
})
if (failed.length > 0) {
  console.error(`\ndid not finish: ${failed.join(', ')}`)
  process.exit(1)
}
