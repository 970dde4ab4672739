import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { build } from 'vite'
import { browserBundleCheck, strangers } from './browser-bundle.ts'

// Threat: a file of the server, or a package with it, is shipped to browsers, because somebody imported it from a file
// that both share. The builds here are real ones, of a checkout in small.

const ROOT = '/checkout'
const found = (...ids) =>
  strangers(
    ids.map((id) => ({ id, importers: [] })),
    ROOT,
  ).map(({ module }) => module)

describe('what may be loaded', () => {
  test('is all that browsers are meant to have', () => {
    expect(
      found(
        `${ROOT}/src/routes/projects/$slug/route.tsx?tsr-split=component`,
        `${ROOT}/src/components/ui/button.tsx`,
        `${ROOT}/src/itx/client/connection.ts`,
        `${ROOT}/src/itx/react/hooks.ts`,
        `${ROOT}/src/itx/queries.ts`,
        `${ROOT}/src/itx/loader-handle.ts`,
        `${ROOT}/src/streams/event.ts`,
        `${ROOT}/src/streams/filter-program.ts`,
        `${ROOT}/src/styles.css`,
        `${ROOT}/src/routeTree.gen.ts`,
        `${ROOT}/node_modules/react/index.js`,
        `${ROOT}/node_modules/capnweb/dist/index.js`,
        `${ROOT}/node_modules/better-auth/dist/client/index.mjs`,
        '\0rolldown/runtime.js',
        '\0vite/preload-helper.js',
      ),
    ).toEqual([])
  })

  test.each([
    'src/control-plane/roles.ts',
    'src/server/answer.ts',
    'src/http/streams-door.ts',
    'src/cli/main.ts',
    'src/streams/stream.ts',
    'src/streams/storage/sql/tables.ts',
    'src/streams/delivery/batch.ts',
    'src/itx/access.ts',
    'src/itx/stream-target.ts',
    'src/itx/arguments.ts',
    'src/itx/socket.ts',
    'src/itx/server-handle.ts',
    'src/itx/something-new.ts',
    'src/something-new/file.ts',
    'src/components/design/design-page.tsx',
    'app.config.ts',
    'node_modules/zod/v4/core/schemas.js',
    'node_modules/better-auth/dist/index.mjs',
    'node_modules/better-sqlite3/lib/index.js',
    'node_modules/drizzle-orm/index.js',
    'node_modules/ws/lib/websocket.js',
    'node_modules/capnweb/dist/index-workers.js',
    'node_modules/x/node_modules/zod/index.js',
    'node_modules/@tanstack/start-server-core/dist/esm/index.js',
  ])('is not %s', (path) => {
    expect(found(`${ROOT}/${path}`)).toEqual([path])
  })

  test('is no module of Node', () => {
    expect(found('\0__vite-browser-external:node:fs', 'node:crypto')).toHaveLength(2)
  })

  test('is told with the way it came in, to the first module that may be loaded', () => {
    const modules = [
      { id: `${ROOT}/src/routes/index.tsx`, importers: [`${ROOT}/src/routeTree.gen.ts`] },
      { id: `${ROOT}/src/control-plane/a.ts`, importers: [`${ROOT}/src/routes/index.tsx?tsr-split=component`] },
      { id: `${ROOT}/src/control-plane/b.ts`, importers: [`${ROOT}/src/control-plane/a.ts`, `${ROOT}/src/x.ts`] },
      // Two that import each other must not go round for ever.
      { id: `${ROOT}/src/server/c.ts`, importers: [`${ROOT}/src/server/d.ts`] },
      { id: `${ROOT}/src/server/d.ts`, importers: [`${ROOT}/src/server/c.ts`] },
    ]
    expect(strangers(modules, ROOT)).toEqual([
      { module: 'src/control-plane/a.ts', importers: ['src/routes/index.tsx'] },
      { module: 'src/control-plane/b.ts', importers: ['src/control-plane/a.ts', 'src/routes/index.tsx'] },
      { module: 'src/server/c.ts', importers: ['src/server/d.ts'] },
      { module: 'src/server/d.ts', importers: ['src/server/c.ts'] },
    ])
  })
})

describe('a build', () => {
  let root
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tributary-bundle-'))
  })
  afterEach(() => rmSync(root, { recursive: true, force: true }))

  /** Builds `src/client.ts` of a checkout with these files. */
  async function built(files) {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const outcome = await build({
      root,
      configFile: false,
      logLevel: 'silent',
      plugins: [browserBundleCheck(root)],
      build: { write: false, minify: false, rollupOptions: { input: join(root, 'src/client.ts') } },
    }).then(
      () => 'built',
      (error) => error.message,
    )
    return outcome
  }

  const button = { 'src/components/button.ts': 'export const button = () => document.title' }

  test('of what browsers may have goes through', async () => {
    expect(
      await built({ ...button, 'src/client.ts': "import { button } from './components/button.ts'\nbutton()" }),
    ).toBe('built')
  })

  test('with a planted import of the server fails, and says how it came in', async () => {
    const outcome = await built({
      'src/client.ts': "import { button } from './components/button.ts'\nbutton()",
      'src/components/button.ts':
        "import { secret } from '../control-plane/secret.ts'\nexport const button = () => secret",
      'src/control-plane/secret.ts': 'export const secret = String(globalThis.name)',
    })
    expect(outcome).toContain('the bundle for browsers holds what belongs to the server')
    expect(outcome).toMatch(/src\/control-plane\/secret\.ts\s+imported by src\/components\/button\.ts/)
  })

  test('fails as well when it is loaded later', async () => {
    const outcome = await built({
      'src/client.ts': "void import('./itx/server-handle.ts').then(({ handle }) => handle())",
      'src/itx/server-handle.ts': 'export const handle = () => document.title',
    })
    expect(outcome).toMatch(/src\/itx\/server-handle\.ts\s+imported by src\/client\.ts/)
  })

  test('fails with a package of the server, and with a module of Node', async () => {
    expect(
      await built({
        'src/client.ts': "import { z } from 'zod'\ndocument.title = String(z)",
        'node_modules/zod/package.json': '{"name":"zod","type":"module","exports":"./index.js"}',
        'node_modules/zod/index.js': 'export const z = globalThis.location',
      }),
    ).toMatch(/node_modules\/zod\/index\.js\s+imported by src\/client\.ts/)
    expect(
      await built({ 'src/client.ts': "import fs from 'node:fs'\ndocument.title = String(fs.readFileSync)" }),
    ).toContain('__vite-browser-external')
  })

  test('does not mind types, nor what was shaken out', async () => {
    expect(
      await built({
        'src/client.ts':
          "import type { Role } from './control-plane/roles.ts'\nimport { unused } from './control-plane/roles.ts'\nexport const role: Role = 'viewer'",
        'src/control-plane/roles.ts': "export type Role = 'viewer'\nexport const unused = 1",
      }),
    ).toBe('built')
  })
})
