import type { Plugin } from 'vite'

// A build fails when something of the server gets into what browsers load. The dependency rules (`npm run arrows`) see
// imports as they are written; this sees what is left of them, after the server's halves were cut out.

export interface BundledModule {
  /** As the bundler names it. */
  readonly id: string
  /** Ids of the modules that import it. */
  readonly importers: readonly string[]
}

export interface Stranger {
  readonly module: string
  /** How it came in, the nearest first. */
  readonly importers: readonly string[]
}

/** All of ours that a browser may load; whatever is new is not, until it has its line here. */
const OURS_FOR_BROWSERS = [
  // Not the pages that show the parts of the dashboard: they are for dev alone.
  /^src\/(?:routes|components(?!\/design\/)|mirror|stream-db)\//,
  /^src\/(?:router|client|start)\.tsx?$/,
  /^src\/routeTree\.gen\.ts$/,
  /^src\/styles\.css$/,
  /^src\/itx\/(?:client|react)\//,
  /^src\/itx\/(?:handle|loader-handle|navigation-state|page-context|prefetch|project-overview|queries)\.ts$/,
  /^src\/streams\/(?:errors|event|event-input|json-text|path|utf8)\.ts$/,
  /^src\/streams\/filter(?:-functions|-operators|-pattern|-program|-subject|-values)?\.ts$/,
]

/** Packages of the server. better-auth has a client of its own, which may come. */
const PACKAGES_OF_THE_SERVER = [
  /^better-auth\/(?!dist\/client\/)/,
  /^better-sqlite3\//,
  /^capnweb\/dist\/(?!index\.js$)/,
  /^drizzle-(?:orm|kit)\//,
  /^srvx\//,
  /^ws\//,
  /^zod\//,
  /^@tanstack\/(?:react-)?start-server/,
  /^react-dom\/server/,
]

/**
 * What a bundle for browsers must not hold, each with how it came in.
 *
 * @param root of the checkout
 */
export function strangers(modules: Iterable<BundledModule>, root: string): Stranger[] {
  const known = new Map([...modules].map((each) => [each.id, each]))
  return [...known.keys()]
    .filter((id) => !mayBeLoaded(nameOf(id, root)))
    .map((id) => ({ module: nameOf(id, root), importers: wayIn(id, known, root) }))
}

function mayBeLoaded(name: string): boolean {
  // What Vite puts in the place of a module of Node.
  if (name.includes('__vite-browser-external') || name.startsWith('node:')) return false
  const installed = name.lastIndexOf('node_modules/')
  if (installed !== -1) {
    const inPackage = name.slice(installed + 'node_modules/'.length)
    return !PACKAGES_OF_THE_SERVER.some((each) => each.test(inPackage))
  }
  // The bundler's own helpers have names that are no paths of ours.
  if (!/^(?:src|bench|e2e|scripts|drizzle)\/|^[^/]+\.config\.ts$/.test(name)) return true
  return OURS_FOR_BROWSERS.some((each) => each.test(name))
}

/** Without the root, and without what plug-ins add: `\0` before it, a query behind it. */
function nameOf(id: string, root: string): string {
  const path = id.replace('\0', '').replace(/\?.*$/s, '').replaceAll('\\', '/')
  const base = `${root.replaceAll('\\', '/').replace(/\/$/, '')}/`
  return path.startsWith(base) ? path.slice(base.length) : path
}

/** From a module to the first one that browsers may load. */
function wayIn(id: string, known: ReadonlyMap<string, BundledModule>, root: string): readonly string[] {
  const seen = new Set([id])
  const way: string[] = []
  for (let at = id; ;) {
    const next = known.get(at)?.importers.find((importer) => !seen.has(importer))
    if (next === undefined) return way
    seen.add(next)
    way.push(nameOf(next, root))
    if (mayBeLoaded(nameOf(next, root))) return way
    at = next
  }
}

/** Holds Vite's build for browsers to it. @param root of the checkout */
export function browserBundleCheck(root: string): Plugin {
  return {
    name: 'tributary-browser-bundle',
    apply: 'build',
    applyToEnvironment: ({ config }) => config.consumer === 'client',
    generateBundle(_options, bundle) {
      const ids = Object.values(bundle).flatMap((chunk) => (chunk.type === 'chunk' ? Object.keys(chunk.modules) : []))
      const modules = ids.map((id) => {
        const info = this.getModuleInfo(id)
        return { id, importers: [...(info?.importers ?? []), ...(info?.dynamicImporters ?? [])] }
      })
      const found = strangers(modules, root)
      if (found.length === 0) return
      const list = found.map(({ module, importers }) => `  ${[module, ...importers].join('\n    imported by ')}`)
      this.error(`the bundle for browsers holds what belongs to the server:\n${list.join('\n')}`)
    },
  }
}
