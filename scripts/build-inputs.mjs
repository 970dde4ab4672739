// Is the build in dist/ the build of what is in this checkout? A hash of everything that goes in says so; modification
// times do not, after a checkout or a copy. Plain JavaScript for Node 20.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

const INPUTS = [
  'app.config.ts',
  'drizzle',
  'package-lock.json',
  'package.json',
  'public',
  'scripts/browser-bundle.ts',
  'scripts/build-package.mjs',
  'scripts/build.mjs',
  'src',
  'tsconfig.json',
  'tsconfig.package.json',
  'vite.config.ts',
]

// Tests are not built, and the route tree is written by the build itself, from src/routes.
const NOT_AN_INPUT = /(?:\.test\.tsx?|routeTree\.gen\.ts|\.DS_Store|~|\.swp)$/

/** Where the build leaves the hash of its inputs, as its last act. */
export const HASH_FILE = join('dist', '.inputs-hash')

/** What production loads: a build without it is none. */
export const SERVER_FILE = join('dist', 'server', 'entry.js')

function filesUnder(root, path) {
  if (!existsSync(join(root, path))) return []
  if (statSync(join(root, path)).isFile()) return NOT_AN_INPUT.test(path) ? [] : [path]
  return readdirSync(join(root, path)).flatMap((name) => filesUnder(root, `${path}/${name}`))
}

/** The files the build reads, sorted, with forward slashes. */
export function buildInputs(root) {
  return INPUTS.flatMap((path) => filesUnder(root, path)).toSorted()
}

/** One hash over the paths and contents of all inputs. */
export function inputsHash(root) {
  const hash = createHash('sha256')
  for (const path of buildInputs(root)) {
    const content = readFileSync(join(root, path))
    // The length keeps a file's end from passing for the start of the next.
    hash.update(`${path}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** Why there must be a build, in words, or undefined when dist/ is up to date. */
export function whyBuild(root) {
  if (!existsSync(join(root, HASH_FILE)) || !existsSync(join(root, SERVER_FILE))) return 'there is no build yet'
  const built = readFileSync(join(root, HASH_FILE), 'utf8').trim()
  return built === inputsHash(root) ? undefined : 'the sources changed since the last build'
}
