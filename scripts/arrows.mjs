// `npm run arrows`: checks the imports of this checkout against .dependency-cruiser.cjs.
//
// dependency-cruiser needs the JavaScript API of TypeScript < 7 to read .ts files; without it, it skips them and
// reports that all is well. So its eyes are replaced, not its judgement: Vite's parser (oxc) reads each file, and a
// throw-away tree of .mjs files with nothing but the imports in them goes to dependency-cruiser.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { copyFileSync, realpathSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { cruise } from 'dependency-cruiser'
import { parseSync, Visitor } from 'vite'

const PLACES = ['src', 'e2e', 'bench', 'scripts']
const CONFIG_FILE = /^[^/]+\.config\.ts$/
const SOURCE = /\.(?:tsx?|mts|cts|jsx?|mjs|cjs)$/
const SKIPPED = /(?:^|\/)(?:node_modules|dist|data|\..*)(?:\/|$)/
const PROBES = ['', '.ts', '.tsx', '.mjs', '.js', '/index.ts', '/index.tsx']

/** Its dynamic imports lead to the server's handle and are cut out of the browser's bundle. */
const LOADER = /^src\/itx\/(?:loader[^/]*|page-context)\.ts$/

function sourcesUnder(root, path) {
  if (SKIPPED.test(path) || !existsSync(join(root, path))) return []
  if (statSync(join(root, path)).isDirectory()) {
    return readdirSync(join(root, path)).flatMap((name) => sourcesUnder(root, `${path}/${name}`))
  }
  return SOURCE.test(path) ? [path] : []
}

function listSources(root) {
  const configs = readdirSync(root).filter((name) => CONFIG_FILE.test(name))
  return [...configs, ...PLACES].flatMap((path) => sourcesUnder(root, path)).toSorted()
}

function textOf(node) {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0) return node.quasis[0].value.cooked
  return undefined
}

/**
 * The imports of a source text, as `{ to, kind }`: `static`, `dynamic` (a worker's URL too) or `type`, which is gone at
 * run time. `import { type A } from` is static: with verbatimModuleSyntax the module is still loaded.
 */
export function readImports(path, text) {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0].message}`)
  const imports = []
  const add = (source, kind) => {
    const to = textOf(source)
    if (to !== undefined) imports.push({ to, kind })
  }
  new Visitor({
    ImportDeclaration: (node) => add(node.source, node.importKind === 'type' ? 'type' : 'static'),
    ExportAllDeclaration: (node) => add(node.source, node.exportKind === 'type' ? 'type' : 'static'),
    ExportNamedDeclaration: (node) => add(node.source, node.exportKind === 'type' ? 'type' : 'static'),
    ImportExpression: (node) => add(node.source, 'dynamic'),
    TSImportType: (node) => add(node.source ?? node.argument?.literal ?? node.argument, 'type'),
    CallExpression: (node) => {
      if (node.callee.type === 'Identifier' && node.callee.name === 'require') add(node.arguments[0], 'static')
    },
    NewExpression: (node) => {
      const base = node.arguments[1]
      const isUrl = node.callee.type === 'Identifier' && node.callee.name === 'URL'
      if (!isUrl || base?.type !== 'MemberExpression' || base.object.type !== 'MetaProperty') return
      if (SOURCE.test(textOf(node.arguments[0]) ?? '')) add(node.arguments[0], 'dynamic')
    },
  }).visit(program)
  return imports
}

/** The import as the throw-away tree names it, or undefined for what is no source: styles, assets, build output. */
function renamed(root, from, to, sources) {
  if (!/^\.\.?(?:\/|$)/.test(to)) return to
  const bare = to.replace(/[?#].*$/, '')
  const path = relative(root, resolve(root, dirname(from), bare))
  const source = PROBES.map((suffix) => `${path}${suffix}`).find((candidate) => sources.has(candidate))
  if (source !== undefined) {
    const target = relative(dirname(from), source)
    return `${target.startsWith('.') ? '' : './'}${target}.mjs`
  }
  return SKIPPED.test(path) || existsSync(join(root, path)) ? undefined : to
}

/** Writes the tree of imports; `runtime` leaves out what is not loaded. Returns the number of imports in it. */
function writeTree(tree, root, imports, { runtime }) {
  const sources = new Set(imports.keys())
  let count = 0
  for (const [from, all] of imports) {
    const kept = all.filter(({ kind }) => !runtime || !(kind === 'type' || (kind === 'dynamic' && LOADER.test(from))))
    const lines = kept.flatMap(({ to, kind }) => {
      const name = renamed(root, from, to, sources)
      if (name === undefined) return []
      return [kind === 'dynamic' ? `import(${JSON.stringify(name)})` : `import ${JSON.stringify(name)}`]
    })
    count += lines.length
    mkdirSync(join(tree, dirname(from)), { recursive: true })
    writeFileSync(join(tree, `${from}.mjs`), `${[...new Set(lines)].join('\n')}\n`)
  }
  copyFileSync(join(root, 'package.json'), join(tree, 'package.json'))
  if (existsSync(join(root, 'node_modules'))) symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  return count
}

function asksWhatIsLoaded({ to }) {
  return to.reachable !== undefined || to.circular !== undefined || to.dependencyTypes !== undefined
}

const original = (path) => path.replace(/\.mjs$/, '')

async function judge(tree, imports, rules, options) {
  const tops = [
    ...new Set([...imports.keys()].map((path) => (path.includes('/') ? path.split('/')[0] : `${path}.mjs`))),
  ]
  const { output } = await cruise(
    tops,
    { ...options, baseDir: tree, validate: true, ruleSet: { forbidden: rules }, preserveSymlinks: true },
    { ...options.enhancedResolveOptions, symlinks: false },
  )
  const sources = new Set(output.modules.map(({ source }) => source))
  const unseen = [...imports.keys()].find((path) => !sources.has(`${path}.mjs`))
  if (unseen !== undefined) throw new Error(`dependency-cruiser did not look at ${unseen}: the check is broken`)
  return output.summary.violations.map((violation) => ({
    rule: violation.rule.name,
    from: original(violation.from),
    to: original(violation.to),
    via: (violation.cycle ?? violation.via ?? []).map((step) => original(step.name ?? step)),
  }))
}

/**
 * Checks the tree at `root` against `config` (the content of a .dependency-cruiser.cjs). Resolves with the violations,
 * each `{ rule, from, to, via }`, and the numbers of files and imports that were looked at.
 */
export async function checkArrows(root, config) {
  const imports = new Map(
    listSources(root).map((path) => [path, readImports(path, readFileSync(join(root, path), 'utf8'))]),
  )
  if (imports.size === 0) throw new Error(`there is no source file under ${root}`)
  const { enhancedResolveOptions, ...rest } = config.options
  const options = { ...rest, enhancedResolveOptions }
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'tributary-arrows-')))
  try {
    const all = join(scratch, 'all')
    const loaded = join(scratch, 'loaded')
    const count = writeTree(all, root, imports, { runtime: false })
    writeTree(loaded, root, imports, { runtime: true })
    const known = await judge(
      all,
      imports,
      config.forbidden.filter((rule) => !asksWhatIsLoaded(rule)),
      options,
    )
    const reached = await judge(loaded, imports, config.forbidden.filter(asksWhatIsLoaded), options)
    return { violations: [...known, ...reached], files: imports.size, imports: count }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** A violation as a person reads it. */
export function describe({ rule, from, to, via }) {
  const steps = via.filter((step) => step !== from && step !== to)
  return `${rule}: ${[from, ...steps, to].join(' -> ')}`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const root = resolve(fileURLToPath(import.meta.url), '..', '..')
  const config = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs'))
  const { violations, files, imports } = await checkArrows(root, config)
  for (const violation of violations) console.error(describe(violation))
  for (const rule of config.forbidden.filter(({ name }) => violations.some((violation) => violation.rule === name))) {
    console.error(`  (${rule.name}: ${rule.comment})`)
  }
  console.log(`arrows: ${files} files, ${imports} imports, ${violations.length} forbidden`)
  process.exitCode = violations.length === 0 ? 0 : 1
}
