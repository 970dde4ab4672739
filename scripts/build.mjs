// `npm run build`: the production build, what package.json exports, and last the hash of what went in, by which set-up
// knows whether it is fresh.
// Quiet unless it fails. Plain JavaScript for Node 20.
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HASH_FILE, inputsHash, SERVER_FILE } from './build-inputs.mjs'
import { buildPackage } from './build-package.mjs'
import { run, withLocalPrograms } from './child-process.mjs'

const root = resolve(fileURLToPath(import.meta.url), '..', '..')
const started = Date.now()

// Read before: an edit during the build must not count as built. Removed before: half a build must not count at all.
const hash = inputsHash(root)
rmSync(join(root, HASH_FILE), { force: true })

const env = { ...withLocalPrograms(root), NODE_ENV: 'production' }
// Side by side: the compiler is done long before Vite is.
const [vite, packageProblem] = await Promise.all([
  run('vite', ['build', '--logLevel', 'warn'], { cwd: root, env, quiet: true }),
  buildPackage(root),
])

const problem =
  vite.problem ??
  (vite.code === 0 ? undefined : `vite build ended with exit code ${vite.code}`) ??
  (existsSync(join(root, SERVER_FILE)) ? undefined : `vite build ended well and left no ${SERVER_FILE}`) ??
  (packageProblem && `the package's exports: ${packageProblem}`)
if (problem === undefined) {
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(join(root, HASH_FILE), `${hash}\n`)
  process.stderr.write(`build: done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`)
} else {
  process.stderr.write(`${vite.output}\nbuild: ${problem}\n`)
  process.exitCode = 1
}
