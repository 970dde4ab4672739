// Is what package-lock.json asks for installed? Decided from npm's own record of the last install, so that a plain
// `npm ci` by hand counts as fresh. Plain JavaScript for Node 20: nothing is installed when it runs.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** npm writes it last, so an install that was interrupted has none. */
const RECORD = join('node_modules', '.package-lock.json')

const PINNED_NODE = /^node_modules\/node-(?:bin-)?(?:linux|darwin)-/

/** npm writes `os` and `cpu` as the package has them: a list, or one word. */
const listOf = (words) => [words ?? []].flat()

/** The place of the pinned Node for a platform in the lockfile, or undefined where we ship none. */
export function pinnedNodePlace(lock, { platform, arch }) {
  return Object.keys(lock.packages).find((place) => {
    const entry = lock.packages[place]
    return PINNED_NODE.test(place) && listOf(entry.os).includes(platform) && listOf(entry.cpu).includes(arch)
  })
}

/** The platforms that have a pinned Node, as `os-cpu`. */
export function pinnedNodePlatforms(lock) {
  return Object.entries(lock.packages)
    .filter(([place]) => PINNED_NODE.test(place))
    .flatMap(([, entry]) => listOf(entry.os).flatMap((os) => listOf(entry.cpu).map((cpu) => `${os}-${cpu}`)))
    .toSorted()
}

/**
 * What keeps the installed packages from being those of the lockfile, one line each; empty when they are.
 * An optional package may be absent (other platforms), except the pinned Node of this one. Packages beside those of
 * the lockfile are somebody's own business.
 */
export function installationProblems(lock, record, host) {
  const pinned = pinnedNodePlace(lock, host)
  const problems = []
  for (const [place, wanted] of Object.entries(lock.packages)) {
    if (place === '') continue
    const found = record.packages[place]
    if (found === undefined) {
      if (wanted.optional !== true || place === pinned) problems.push(`${place} ${wanted.version} is not installed`)
    } else if (found.version !== wanted.version || found.integrity !== wanted.integrity) {
      problems.push(`${place} is ${found.version}, the lockfile has ${wanted.version}`)
    }
  }
  return problems
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** The lockfile of the checkout. */
export function readLock(root) {
  return readJson(join(root, 'package-lock.json'))
}

/** `installationProblems` of a checkout on disk; a package whose folder was removed by hand is one too. */
export function findInstallationProblems(root, host = process) {
  if (!existsSync(join(root, 'node_modules'))) return ['nothing is installed yet']
  if (!existsSync(join(root, RECORD))) return ['an earlier install did not finish']
  let record
  try {
    record = readJson(join(root, RECORD))
  } catch {
    return [`${RECORD} cannot be read`]
  }
  const problems = installationProblems(readLock(root), record, host)
  for (const place of Object.keys(record.packages)) {
    if (!existsSync(join(root, place, 'package.json'))) problems.push(`${place} is gone`)
  }
  return problems
}
