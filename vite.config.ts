import { join } from 'node:path'
import tailwindcss from '@tailwindcss/vite'
import { tanstackStart } from '@tanstack/react-start/plugin/vite'
import react from '@vitejs/plugin-react'
import { type Plugin, defineConfig } from 'vite'
import { loadConfig } from './app.config.ts'
import { browserBundleCheck } from './scripts/browser-bundle.ts'

const ENTRY = '/src/server/entry.ts'
const FRAMEWORK =
  /node_modules\/(?:react|react-dom|scheduler|capnweb|@tanstack\/(?:react-)?(?:router|query|store)[^/]*)\//

export default defineConfig(({ command }) => {
  const config = loadConfig()
  return {
    server: { port: config.port, host: config.host, strictPort: true },
    plugins: [
      tanstackStart({
        server: { entry: './server/entry.ts' },
        router: { quoteStyle: 'single', semicolons: false },
      }),
      react(),
      tailwindcss(),
      browserBundleCheck(import.meta.dirname),
      ...(command === 'serve' ? [devServer()] : []),
    ],
    environments: {
      client: {
        build: {
          rolldownOptions: {
            output: {
              codeSplitting: {
                groups: [
                  // What every page needs: it stays in the browser's cache when only our own code has changed.
                  { name: 'framework', test: FRAMEWORK, priority: 1 },
                  // What the pages of a project need at once. In thirty files it would be a sixth larger.
                  { name: projectPages(), debugName: 'project' },
                ],
              },
            },
          },
        },
      },
    },
    // The server runs beside node_modules: what the CLI uses too exists once, and C++ cannot be bundled anyway.
    ssr: { external: ['better-auth', 'better-sqlite3', 'capnweb', 'drizzle-orm', 'ws', 'zod'] },
  }
})

/** What is loaded with these, without a module that is asked for later, goes into one file. */
const PROJECT_PAGES = ['client.tsx', ...['frame/app-frame', 'tree/tree-pane', 'stream/stream-page'].map(component)].map(
  (file) => join(import.meta.dirname, 'src', file),
)

function component(name: string): string {
  return `components/${name}.tsx`
}

/** Names the file that a module goes into; null leaves it to the bundler. */
function projectPages(): (id: string, graph: ModuleGraph) => string | null {
  let reached: ReadonlySet<string> | undefined
  return (id, graph) => {
    reached ??= reachedFrom(PROJECT_PAGES, graph)
    return reached.has(id) ? 'project' : null
  }
}

interface ModuleGraph {
  getModuleInfo(id: string): { readonly importedIds: readonly string[] } | null
}

function reachedFrom(roots: readonly string[], graph: ModuleGraph): ReadonlySet<string> {
  const reached = new Set<string>()
  const waiting = [...roots]
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (reached.has(id)) continue
    reached.add(id)
    waiting.push(...(graph.getModuleInfo(id)?.importedIds ?? []))
  }
  return reached
}

/**
 * Dev: starts Tributary inside Vite's server-side module graph, so that pages, HTTP doors and socket share one graph as
 * they do in production. Vite's own socket stays as it is.
 */
function devServer(): Plugin {
  return {
    name: 'tributary-dev-server',
    configureServer(server) {
      const entry = async () => {
        const { ssr } = server.environments
        if (!('runner' in ssr)) throw new Error('the ssr environment cannot run modules')
        const { runner } = ssr as { runner: { import(id: string): Promise<typeof import('./src/server/entry.ts')> } }
        return runner.import(ENTRY)
      }
      server.httpServer?.on('upgrade', (request, socket, head) => {
        // Compared as text: a target need not be one that a URL can be made of.
        if (!/^\/api\/itx(?:\?|$)/.test(request.url ?? '')) return
        void entry().then((loaded) => loaded.handleUpgrade(request, socket, head))
      })
      server.httpServer?.once('listening', () => {
        void entry().then(async (loaded) => loaded.announce(await loaded.startInstance(loadConfig(), { dev: true })))
      })
    },
  }
}
