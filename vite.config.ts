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
              // What every page needs, in one file: it stays in the browser's cache when only our own code has changed.
              codeSplitting: { groups: [{ name: 'framework', test: FRAMEWORK }] },
            },
          },
        },
      },
    },
    // The server runs beside node_modules: what the CLI uses too exists once, and C++ cannot be bundled anyway.
    ssr: { external: ['better-auth', 'better-sqlite3', 'capnweb', 'drizzle-orm', 'ws', 'zod'] },
  }
})

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
