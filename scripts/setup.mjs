// Makes a fresh clone runnable: installs, builds, and for the tests finds a browser. Does nothing when nothing is
// missing. Plain JavaScript for Node 20, which runs it before anything is installed. There is no lock or pid file: two
// set-ups at once in one checkout may do the work twice, and each looks at the result before it goes on.
//
//   node scripts/setup.mjs [--test] [--no-build]
import { execFileSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureBrowser, findBrowser } from './browser.mjs'
import { whyBuild } from './build-inputs.mjs'
import { run, withLocalPrograms, withoutLocalPrograms } from './child-process.mjs'
import { findInstallationProblems, pinnedNodePlatforms, readLock } from './installation.mjs'

export { findBrowser }

/** TanStack Start needs it; Node 26 is what the product is tested on, and what is pinned. */
const OLDEST_NODE = [22, 12]

/** What npm says when somebody else creates and removes files under its hands. */
const COLLISION = /\b(?:ENOTEMPTY|EEXIST|ENOENT|EBUSY)\b/
const COLLISION_PAUSE_SECONDS = 5
const INSTALL_ATTEMPTS = 4

export const ROOT = resolve(fileURLToPath(import.meta.url), '..', '..')

// On stderr: what follows may print something for a program on stdout.
function say(line) {
  process.stderr.write(`setup: ${line}\n`)
}

/** Whether a version as Node prints it (`22.12.0`) may run the product. */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
}

async function install(root) {
  let problems = findInstallationProblems(root)
  for (let attempt = 1; problems.length > 0; attempt += 1) {
    const more = problems.length > 1 ? `, and ${problems.length - 1} more` : ''
    say(`installing with npm ci: ${problems[0]}${more}`)
    // Vite and its like are devDependencies, and the pinned Node is an optional one: needed whatever NODE_ENV or a
    // user's .npmrc leaves out. `npm run -s` would silence the reason of a failure.
    const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']
    // npm tidies up before it gives in to SIGTERM. No need: an install without an end is seen and done again.
    const npm = await run('npm', args, { cwd: root, env: withoutLocalPrograms(), quiet: true, graceSeconds: 1 })
    if (npm.signal !== undefined) throw new Error(`npm ci was ${npm.problem}`)
    // Even after a failure: another set-up may have finished what this one could not, or undone what it could.
    problems = findInstallationProblems(root)
    if (problems.length === 0) return
    const collided = npm.code === 0 || COLLISION.test(npm.output)
    if (!collided || attempt === INSTALL_ATTEMPTS) {
      process.stderr.write(npm.output)
      const why = npm.code === 0 ? '' : `npm ci failed (${npm.problem ?? `exit code ${npm.code}`}); `
      const shown = problems.slice(0, 5).join('; ')
      throw new Error(`${why}the installed packages are not those of package-lock.json: ${shown}`)
    }
    say(`another install seems to be at work in this folder; trying again in ${COLLISION_PAUSE_SECONDS} s`)
    await new Promise((resume) => setTimeout(resume, COLLISION_PAUSE_SECONDS * 1000))
    problems = findInstallationProblems(root)
  }
}

/** Checks the Node that `exec env node` will take: the pinned one, or the system's where none is pinned. */
function checkNode(root) {
  const platforms = pinnedNodePlatforms(readLock(root)).join(', ')
  const here = `${process.platform}-${process.arch}`
  const pinned = join(root, 'node_modules', '.bin', 'node')
  const isPinned = existsSync(pinned)
  const oldest = OLDEST_NODE.join('.')
  let version
  try {
    const [program, env] = isPinned ? [pinned, process.env] : ['node', withoutLocalPrograms()]
    version = execFileSync(program, ['-p', 'process.versions.node'], { encoding: 'utf8', env }).trim()
  } catch (error) {
    const what = isPinned ? `the pinned Node (${pinned})` : 'the Node on PATH'
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new Error(
      `${what} does not start on this machine (${here}): ${why}. Supported are ${platforms}, Linux with glibc; ` +
        `elsewhere a Node of at least ${oldest} on PATH.`,
      { cause: error },
    )
  }
  if (isNewEnough(version)) return
  throw new Error(
    `Node ${version} is too old: Tributary needs at least ${oldest}. A pinned Node comes with ${platforms}; ` +
      `this machine is ${here}, so install a newer Node and put it first on PATH.`,
  )
}

async function build(root) {
  const why = whyBuild(root)
  if (why === undefined) return
  say(`building: ${why}`)
  const script = join(root, 'scripts', 'build.mjs')
  const result = await run('node', [script], { cwd: root, env: withLocalPrograms(root) })
  if (result.code === 0 && result.problem === undefined) return
  // Another set-up of the same sources may have swept our files away, and then finished the same build.
  if (result.signal === undefined && whyBuild(root) === undefined) return
  throw new Error(`the build failed: ${result.problem ?? `exit code ${result.code}`}`)
}

/** Everything a run needs. Resolves with the browser's path when the tests asked for one. */
export async function setUp(root, { forTests = false, withBuild = true } = {}) {
  // A wrong CHROMIUM_PATH is known before minutes of installing.
  if (forTests) findBrowser()
  await install(root)
  checkNode(root)
  if (withBuild) await build(root)
  if (!forTests) return undefined
  const browser = await ensureBrowser(say)
  say(`the browser tests use ${browser}`)
  return browser
}

const OPTIONS = new Set(['--test', '--no-build'])

async function main(args) {
  const unknown = args.find((arg) => !OPTIONS.has(arg))
  if (unknown !== undefined) throw new Error(`unknown option '${unknown}'; there are ${[...OPTIONS].join(' and ')}`)
  await setUp(ROOT, { forTests: args.includes('--test'), withBuild: !args.includes('--no-build') })
}

// import.meta.main is newer than Node 20.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url))) {
  try {
    await main(process.argv.slice(2))
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
