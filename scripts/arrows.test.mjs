// Guards against a check that passes because it looks at nothing: every rule is seen red here, on a planted import.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { checkArrows, describe as describeViolation, readImports } from './arrows.mjs'

const repository = resolve(fileURLToPath(import.meta.url), '..', '..')
const config = createRequire(import.meta.url)(join(repository, '.dependency-cruiser.cjs'))

/** A small house in which every arrow is allowed, those that look forbidden and are not among them. */
const HOUSE = {
  'package.json': '{"type":"module","dependencies":{"zod":"1"},"devDependencies":{"fast-check":"1"}}',
  'app.config.ts': "import { resolve } from 'node:path'\nexport const config = resolve('.')",
  'vite.config.ts': "import { config } from './app.config.ts'\nexport default config",
  'src/streams/errors.ts': 'export class ItxError extends Error {}',
  'src/streams/event.ts': "import { ItxError } from './errors.ts'\nexport const event = ItxError",
  'src/streams/stream.ts': "import { event } from './event.ts'\nexport type Stream = typeof event",
  'src/streams/storage/sqlite.ts': "import 'node:fs'\nimport { z } from 'zod'\nexport const sqlite = z",
  'src/streams/stream.test.ts': "import fc from 'fast-check'\nimport { sqlite } from './storage/sqlite.ts'\nfc(sqlite)",
  'src/control-plane/testing.ts': "import 'fast-check'\nimport './schema.ts'",
  'src/control-plane/schema.test.ts': "import './testing.ts'",
  'src/control-plane/schema.ts': "import '../../app.config.ts'\nimport '../streams/errors.ts'\nexport const schema = 1",
  'src/itx/access.ts':
    "import '../streams/storage/sqlite.ts'\nimport '../control-plane/schema.ts'\nexport const access = 1",
  'src/itx/handle.ts': "import type { Stream } from '../streams/stream.ts'\nexport type Handle = Stream",
  'src/itx/loader.ts': "import './client/socket.ts'\nexport const load = () => import('./access.ts')",
  'src/itx/queries.ts': "import { load } from './loader.ts'\nexport const queries = load",
  'src/itx/client/socket.ts': "import type { Handle } from '../handle.ts'\nexport type Socket = Handle",
  'src/itx/react/hooks.tsx': "import { queries } from '../queries.ts'\nexport const Hook = () => <b>{queries.name}</b>",
  'src/components/tree.tsx':
    "import { Hook } from '../itx/react/hooks.tsx'\nimport './tree.css'\nexport const Tree = () => <Hook />",
  'src/components/tree.css': '',
  'src/components/tree.test.tsx': "import { access } from '../itx/access.ts'\nawait access",
  'src/mirror/worker.ts': 'export {}',
  'src/mirror/leader.ts': "new Worker(new URL('./worker.ts', import.meta.url))",
  'src/stream-db/collection.ts': "import '../itx/client/socket.ts'",
  'src/http/door.ts':
    "import { access } from '../itx/access.ts'\nimport '../streams/errors.ts'\nexport const door = access",
  'src/routes/index.tsx':
    "import { Tree } from '../components/tree.tsx'\nimport '../itx/loader.ts'\nexport const Route = Tree",
  'src/routeTree.gen.ts':
    "import { Route } from './routes/index.tsx'\nimport type { router } from './router.tsx'\nexport type T = typeof router\nexport const tree = Route",
  'src/router.tsx': "import { tree } from './routeTree.gen.ts'\nexport const router = tree",
  'src/testing/server.ts':
    "import '../streams/stream.ts'\nimport type { Handle } from '../itx/handle.ts'\nexport type { Handle }",
  'src/server/main.ts':
    "import { door } from '../http/door.ts'\nimport '../streams/stream.ts'\nawait import('../../dist/server/entry.js')\nawait door",
  'src/server.ts': "import './server/main.ts'",
  'src/cli/main.ts': "import '../itx/client/socket.ts'\nimport '../control-plane/schema.ts'",
  'e2e/page.browser.test.ts': "import '../src/itx/client/socket.ts'",
  'bench/append.ts': "import '../src/streams/stream.ts'",
}

/** Rule -> [file, line added to it]. The file is new where the house has none of that name. */
const FORBIDDEN = {
  'streams-imports-nothing-of-ours': [
    'src/streams/stream.ts',
    "import { config } from '../../app.config.ts'\nvoid config",
  ],
  'control-plane-knows-pure-streams-and-config': ['src/control-plane/schema.ts', "import '../streams/stream.ts'"],
  'itx-knows-streams-and-control-plane': ['src/itx/access.ts', "import '../http/door.ts'"],
  'itx-queries-know-the-loader': ['src/itx/queries.ts', "import type { access } from './access.ts'"],
  'itx-client-stands-alone': ['src/itx/client/socket.ts', "import '../react/hooks.tsx'"],
  'itx-react-knows-client-and-queries': ['src/itx/react/hooks.tsx', "import '../../components/tree.tsx'"],
  'components-see-the-handle': ['src/components/tree.tsx', "import type { Stream } from '../streams/stream.ts'"],
  'mirror-sees-the-handle': ['src/mirror/worker.ts', "export * from '../components/tree.tsx'"],
  'stream-db-sees-the-handle': ['src/stream-db/collection.ts', "import '../mirror/leader.ts'"],
  'http-knows-itx': ['src/http/door.ts', "import '../control-plane/schema.ts'"],
  'routes-know-itx-and-components': ['src/routes/index.tsx', "export const late = () => import('../http/door.ts')"],
  'cli-knows-the-client-and-local-administration': ['src/cli/main.ts', "type A = import('../itx/access.ts').access"],
  'testing-runs-the-engine-in-memory': ['src/testing/server.ts', "import '../server.ts'"],
  'server-makes-the-process': ['src/server/main.ts', "import '../components/tree.tsx'"],
  'browser-entry-knows-routes': ['src/router.tsx', "import '../app.config.ts'"],
  'app-config-imports-nothing-of-ours': ['app.config.ts', "import './src/streams/errors.ts'"],
  'every-part-of-src-has-a-rule': ['src/utils/all.ts', "import '../streams/errors.ts'"],
  'src-imports-no-workshop': ['src/streams/stream.test.ts', "import '../../bench/append.ts'"],
  'nothing-imports-a-test': ['src/streams/stream.ts', "import './stream.test.ts'"],
  'product-imports-no-test-support': ['src/control-plane/schema.ts', "import './testing.ts'"],
  'pure-streams-stay-pure': ['src/streams/event.ts', "import { z } from 'zod'\nvoid z"],
  'the-filter-knows-two-packages': ['src/streams/filter.ts', "import { z } from 'zod'\nvoid z"],
  'storage-tables-know-no-host': ['src/streams/storage/sql/rows.ts', "import '../sqlite.ts'"],
  'pure-streams-use-no-node-module': ['src/streams/errors.ts', "import 'node:crypto'"],
  'every-import-resolves': ['src/cli/main.ts', "import './forgotten.ts'"],
  'browser-never-reaches-the-server': ['src/itx/queries.ts', "import './access.ts'"],
  'routes-never-reach-the-server': ['src/routes/index.tsx', "import '../itx/access.ts'"],
  'testing-never-reaches-a-database': [
    'src/testing/server.ts',
    "import { access as real } from '../itx/access.ts'\nvoid real",
  ],
  'vite-config-never-reaches-the-engine': ['vite.config.ts', "import './src/server.ts'"],
  'no-circular-imports': ['src/streams/errors.ts', "import './event.ts'"],
  'src-uses-no-dev-dependency': ['src/streams/storage/sqlite.ts', "import 'fast-check'"],
}

const houses = []

function houseWith(planted) {
  const root = mkdtempSync(join(tmpdir(), 'tributary-house-'))
  houses.push(root)
  const files = { ...HOUSE }
  for (const [file, line] of planted) files[file] = `${files[file] ?? ''}\n${line}\n`
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'))
  return root
}

afterEach(() => {
  for (const root of houses.splice(0)) rmSync(root, { recursive: true, force: true })
})

test('a house whose arrows all point the right way passes', async () => {
  const { violations, files } = await checkArrows(houseWith([]), config)
  expect(violations.map(describeViolation)).toEqual([])
  expect(files).toBe(Object.keys(HOUSE).filter((path) => /\.tsx?$/.test(path)).length)
})

test('every rule has a planted import here', () => {
  expect(Object.keys(FORBIDDEN).toSorted()).toEqual(config.forbidden.map(({ name }) => name).toSorted())
})

test.each(Object.entries(FORBIDDEN))('%s is seen red', async (rule, planted) => {
  const { violations } = await checkArrows(houseWith([planted]), config)
  expect(violations.filter((violation) => violation.rule === rule)).not.toEqual([])
})

test('a chain that ends in the storage is reported with its links', async () => {
  const { violations } = await checkArrows(houseWith([FORBIDDEN['browser-never-reaches-the-server']]), config)
  expect(violations.map(describeViolation)).toContain(
    'browser-never-reaches-the-server: src/components/tree.tsx -> src/itx/react/hooks.tsx -> src/itx/queries.ts -> src/itx/access.ts -> src/streams/storage/sqlite.ts',
  )
})

test('a worker is part of what the browser loads', async () => {
  const house = houseWith([['src/mirror/worker.ts', "import '../streams/storage/sqlite.ts'"]])
  const { violations } = await checkArrows(house, config)
  const reached = violations.filter(({ rule }) => rule === 'browser-never-reaches-the-server').map(({ from }) => from)
  expect(reached).toContain('src/mirror/leader.ts')
})

test('a file that does not parse stops the check and is named', async () => {
  const house = houseWith([['src/http/broken.ts', 'import { from']])
  await expect(checkArrows(house, config)).rejects.toThrow('src/http/broken.ts does not parse')
})

test('every form of import is seen, and told apart by what is left of it at run time', () => {
  const text = `import a from './a.ts'
    import type { B } from './b.ts'
    import { type C } from './c.ts'
    export * from './d.ts'
    export type { E } from './e.ts'
    const f = import('./f.ts')
    type G = import('./g.ts').G
    import(\`./h.ts\`)
    new Worker(new URL('./i.ts', import.meta.url))
    require('./j.cjs')`
  expect(
    readImports('x.ts', text)
      .map(({ to, kind }) => `${to} ${kind}`)
      .toSorted(),
  ).toEqual([
    './a.ts static',
    './b.ts type',
    './c.ts static',
    './d.ts static',
    './e.ts type',
    './f.ts dynamic',
    './g.ts type',
    './h.ts dynamic',
    './i.ts dynamic',
    './j.cjs static',
  ])
})
