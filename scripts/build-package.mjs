// The part of the build that other programs import by name: what package.json exports, as JavaScript and types.
//
// The compiler follows types as well, and so comes upon half the server. What the exports do not reach is left out
// afterwards: `none drags the server in` is then true of the folder, not only of what is loaded from it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join, posix, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readImports } from './arrows.mjs'
import { run, withLocalPrograms } from './child-process.mjs'

const FOLDER = 'dist/package'

/** `src/a.ts(1,2): error TS…`, as the compiler says it. */
const COMPLAINT = /^(.+?)\(\d+,\d+\): error /

/** The files in dist/package that package.json names, below that folder: JavaScript and types. */
export function packageEntries(root) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.values(exports ?? {})
    .flatMap((entry) => Object.values(entry))
    .map((path) => posix.relative(FOLDER, posix.normalize(path)))
}

/** What is imported, by whatever road, from `entries` below `folder`: the files, and the packages by file. */
export function reachedFrom(folder, entries) {
  const files = new Set()
  const packages = []
  const visit = (path) => {
    if (files.has(path)) return
    if (!existsSync(join(folder, path))) throw new Error(`${path} is exported or imported and was not made`)
    files.add(path)
    for (const { to, kind } of readImports(path, readFileSync(join(folder, path), 'utf8'))) {
      if (to.startsWith('.')) visit(fileOf(path, to))
      else packages.push({ from: path, to, kind })
    }
  }
  for (const entry of entries) visit(entry)
  return { files, packages }
}

/** In types an import still names the source it was written for. */
function fileOf(from, to) {
  const path = posix.join(posix.dirname(from), to)
  return from.endsWith('.d.ts') ? path.replace(/(?<!\.d)\.[jt]s$/, '.d.ts') : path
}

/** Builds dist/package. Resolves with what went wrong, in words, or undefined. */
export async function buildPackage(root) {
  mkdirSync(join(root, 'dist'), { recursive: true })
  const scratch = mkdtempSync(join(root, 'dist', '.package-'))
  try {
    const args = ['-p', 'tsconfig.package.json', '--outDir', scratch]
    const tsc = await run('tsc', args, { cwd: root, env: withLocalPrograms(root), quiet: true })
    if (tsc.problem !== undefined) return `tsc: ${tsc.problem}`
    const { files } = reachedFrom(scratch, packageEntries(root))
    const complaint = tsc.output.split('\n').find((line) => concerns(line, files))
    if (complaint !== undefined) return complaint
    for (const path of filesUnder(scratch)) if (!files.has(path)) rmSync(join(scratch, path))
    rmSync(join(root, FOLDER), { recursive: true, force: true })
    renameSync(scratch, join(root, FOLDER))
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Whether the compiler complains of a source of the package, or of nothing in particular. */
function concerns(line, files) {
  if (!line.includes(': error ') && !line.startsWith('error ')) return false
  const [, source] = COMPLAINT.exec(line) ?? []
  return source === undefined || ['.js', '.d.ts'].some((end) => files.has(source.replace(/\.tsx?$/, end)))
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const problem = await buildPackage(resolve(dirname(fileURLToPath(import.meta.url)), '..'))
  if (problem !== undefined) console.error(`package: ${problem}`)
  process.exitCode = problem === undefined ? 0 : 1
}
