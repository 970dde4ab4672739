// Guards what others import by name: it must load in plain Node, have types that compile in a project of their own, and
// bring nothing of the server along. The samples of docs/processors.md and docs/clients.md are that project.
import { execFile } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { whyBuild } from './build-inputs.mjs'
import { buildPackage, packageEntries, reachedFrom } from './build-package.mjs'

const repository = resolve(fileURLToPath(import.meta.url), '..', '..')
const built = join(repository, 'dist', 'package')
const modules = join(repository, 'node_modules')

/** The samples of a page of docs/ by the name in their first line. */
function samplesOf(name) {
  const page = readFileSync(join(repository, 'docs', name), 'utf8')
  const samples = [...page.matchAll(/^```tsx?\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, file, text]) => [file, text])
  return { count: page.match(/^```tsx?$/gm).length, samples: Object.fromEntries(samples) }
}
const processors = samplesOf('processors.md')
const clients = samplesOf('clients.md')

/** What only the compiler can say of the types, asked from outside. */
const TYPES = `
import { type AnyProcessor, defineProcessor, schemaOf, type StreamEvent } from 'tributary/processors'
import { type ConnectOptions, type EventPage, type ItxClient, connectItx } from 'tributary/client'
import { type TestClient, createTestServer, given } from 'tributary/testing'
import { type ChangeEvent, createStateSchema, MaterializedState } from 'tributary/stream-db'
import { z } from 'zod'
import { budget } from './processors.ts'

export const any: AnyProcessor = budget
export const every = defineProcessor({
  slug: 'every', version: '1', state: schemaOf((value): value is number => typeof value === 'number', 'number'),
  initialState: 0, consumes: ['*'], reduce: (count, event) => { const all: StreamEvent = event; return count + all.offset },
})
given(budget).when({ type: 'model/answered', payload: { tokens: 1 } }).then({ tokens: 1, exceeded: false })
// @ts-expect-error -- nobody consumes it
given(budget).when({ type: 'model/asked' })
// @ts-expect-error -- tokens are counted
given(budget).when({ type: 'model/answered', payload: { tokens: 'many' } })
// @ts-expect-error -- no such state
given(budget).when([]).then({ tokens: 1 })
export const client: TestClient = createTestServer().client('test', { role: 'viewer' })
// @ts-expect-error -- no such role
createTestServer().project('test', { role: 'king' })

export const connected = (options: ConnectOptions): ItxClient => connectItx(options)
export const page = (itx: ItxClient): Promise<EventPage> => itx.read('/a', { after: 1, order: 'desc' })
// @ts-expect-error -- a project is needed
connectItx({ url: 'http://localhost:3000', token: 'x' })
// @ts-expect-error -- an event has a type
void connected({ url: '', project: 'a' }).append('/a', [{ payload: 1 }])

const user = z.object({ id: z.string(), since: z.string().transform((text) => new Date(text)) })
const state = createStateSchema({ users: { schema: user, type: 'user', primaryKey: 'id' } })
const written: ChangeEvent<{ id: string; since: string }> = state.users.insert({ value: { id: '1', since: '2026' } })
new MaterializedState().apply(written)
// @ts-expect-error -- a date is what is read
state.users.insert({ value: { id: '1', since: new Date() } })
`

/** A stream as a database, in plain Node: what is in it, and what comes. */
const DATABASE = `
import { MaterializedState, createStateSchema as pure } from 'tributary/stream-db'
import { createStateSchema, createStreamDB, eq, queryOnce } from 'tributary/stream-db/db'
import { z } from 'zod'

if (pure !== createStateSchema) throw new Error('there are two of it')
const { TRIBUTARY_URL, TRIBUTARY_TOKEN } = process.env
const url = TRIBUTARY_URL + '/api/streams/demo/team'
const headers = { Authorization: 'Bearer ' + TRIBUTARY_TOKEN, 'Content-Type': 'application/json' }
const user = z.object({ id: z.string(), name: z.string().transform((text) => ({ text: text.trim() })) })
const state = createStateSchema({ users: { schema: user, type: 'user', primaryKey: 'id' } })

const send = async (method: string, ...events: object[]) => {
  const answer = await fetch(url, { method, headers, body: JSON.stringify(events) })
  if (!answer.ok) throw new Error(answer.status + ' ' + (await answer.text()))
}
const first = state.users.insert({ value: { id: '1', name: ' Ann ' } })
await send('PUT', first)

const db = createStreamDB({ streamOptions: { url, headers }, state })
await db.preload()
const name = (id: string): { text: string } | undefined => db.collections.users.get(id)?.name
console.log(db.status, db.collections.users.size, name('1')?.text)
const seen = db.utils.awaitTxId('a')
await send('POST', state.users.insert({ value: { id: '2', name: 'Bob' }, headers: { txid: 'a' } }))
await seen
const { users } = db.collections
const found = await queryOnce((q) => q.from({ user: users }).where(({ user }) => eq(user.id, '2')))
console.log(found.map(({ name }) => name.text).join())
// @ts-expect-error -- no such collection
console.log(db.collections.accounts)
await db.close()
console.log(db.status)

const rows = new MaterializedState()
rows.apply(first)
console.log(JSON.stringify(rows.get('user', '1')))
`

const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2024',
    lib: ['es2024', 'esnext.disposable'],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
    types: ['node'],
  },
  include: ['*.ts'],
}

/** A page knows the DOM; a program must compile without. */
const TSCONFIG_OF_PAGES = {
  compilerOptions: {
    ...TSCONFIG.compilerOptions,
    module: 'preserve',
    moduleResolution: 'bundler',
    lib: [...TSCONFIG.compilerOptions.lib, 'dom'],
    jsx: 'react-jsx',
    types: [],
  },
  include: ['*.tsx'],
}
/** The types of TanStack DB and of the Durable Streams client ask for the DOM, in a program too. */
const TSCONFIG_OF_DATABASES = {
  compilerOptions: { ...TSCONFIG.compilerOptions, lib: TSCONFIG_OF_PAGES.compilerOptions.lib },
  include: ['*.mts'],
}
/** What the user has installed. */
const INSTALLED = ['zod', '@types/node', '@types/react', 'react', '@tanstack/react-query']

let project
/** Where the user's programs find a server. */
let variables = {}

beforeAll(async () => {
  // The tests can be run without a build, and after an edit.
  const stale = whyBuild(repository) !== undefined || !existsSync(built)
  const problem = stale ? await buildPackage(repository) : undefined
  if (problem !== undefined) throw new Error(problem)
  project = mkdtempSync(join(tmpdir(), 'tributary-user-'))
  for (const scope of ['@types', '@tanstack']) mkdirSync(join(project, 'node_modules', scope), { recursive: true })
  symlinkSync(repository, join(project, 'node_modules', 'tributary'))
  for (const name of INSTALLED) symlinkSync(join(modules, name), join(project, 'node_modules', name))
  const json = {
    'package.json': { type: 'module' },
    'tsconfig.json': TSCONFIG,
    'tsconfig.pages.json': TSCONFIG_OF_PAGES,
    'tsconfig.database.json': TSCONFIG_OF_DATABASES,
  }
  for (const [name, value] of Object.entries(json)) writeFileSync(join(project, name), JSON.stringify(value))
  const texts = { ...processors.samples, ...clients.samples, 'types.ts': TYPES, 'database.mts': DATABASE }
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(project, name), text)
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

/** A program of this checkout, run in the user's project, by its exit code and what it said. */
async function runThere(program, ...args) {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  try {
    const options = { cwd: project, env: { ...env, ...variables } }
    const { stdout, stderr } = await promisify(execFile)(program, args, options)
    return { code: 0, said: stdout + stderr }
  } catch (error) {
    return { code: error.code, said: `${error.stdout}${error.stderr}` }
  }
}

const node = (...args) => runThere(process.execPath, ...args)
const script = (text) => node('--input-type=module', '-e', text)

describe("docs/processors.md, in a user's project", () => {
  test('shows every sample with the name of its file', () => {
    expect(processors.count).toBe(Object.keys(processors.samples).length)
    expect(Object.keys(processors.samples)).toEqual([
      'processors.ts',
      'webhook.ts',
      'processors.test.ts',
      'server.test.ts',
    ])
  })

  test('its tests pass in plain Node', { timeout: 60_000 }, async () => {
    const { code, said } = await node('--test', '--test-reporter=tap', '*.test.ts')
    expect({ code, said }).toMatchObject({ code: 0, said: expect.stringMatching(/^# pass 5$/m) })
  })

  test('it compiles, and so does what must not compile', { timeout: 60_000 }, async () => {
    const tsc = join(modules, '.bin', 'tsc')
    expect(await runThere(tsc, '-p', '.')).toEqual({ code: 0, said: '' })
    expect(await runThere(tsc, '-p', '.', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess')).toEqual({
      code: 0,
      said: '',
    })
  })

  test('the module is what a server takes', async () => {
    const { loadProcessors } = await import('../src/server/processors.ts')
    const registry = await loadProcessors(join(project, 'processors.ts'))
    expect(registry.get('budget')).toMatchObject({ version: '1', consumes: ['model/answered'] })
    expect(registry.matching('/agents/a/runs/1').map(({ slug }) => slug)).toEqual(['budget'])
  })
})

describe("docs/clients.md, in a user's project", () => {
  let tributary
  beforeAll(async () => {
    const { TestTributary } = await import('../src/server/testing.ts')
    tributary = await TestTributary.start()
    variables = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('editor') }
  })
  afterAll(() => tributary.stop())

  test('shows every sample with the name of its file', () => {
    expect(clients.count).toBe(3)
    expect(Object.keys(clients.samples)).toEqual(['program.ts', 'errors.ts', 'page.tsx'])
  })

  test('its programs do in plain Node what the page says, and end', { timeout: 60_000 }, async () => {
    expect(await node('program.ts')).toEqual({
      code: 0,
      said: [
        'first at offset 2',
        '2 order/placed {"total":120}',
        '3 order/paid undefined',
        '/orders 2',
        '/orders/1 3',
        '',
      ].join('\n'),
    })
    // Sent again by whoever starts it again, it is stored once.
    expect((await node('program.ts')).said).toContain('/orders/1 3\n')
    expect(await node('errors.ts')).toEqual({ code: 0, said: 'precondition 2\n' })
  })

  test('a stream becomes a database in plain Node, which ends when it is closed', { timeout: 60_000 }, async () => {
    expect(await node('database.mts')).toEqual({
      code: 0,
      said: ['live 1 Ann', 'Bob', 'undefined', 'stopped', '{"id":"1","name":" Ann "}', ''].join('\n'),
    })
  })

  test('the types of that program compile, in a project that knows the DOM', { timeout: 60_000 }, async () => {
    const tsc = join(modules, '.bin', 'tsc')
    expect(await runThere(tsc, '-p', 'tsconfig.database.json')).toEqual({ code: 0, said: '' })
  })

  test('its page compiles', { timeout: 60_000 }, async () => {
    const tsc = join(modules, '.bin', 'tsc')
    expect(await runThere(tsc, '-p', 'tsconfig.pages.json')).toEqual({ code: 0, said: '' })
  })

  test('its page is rendered on a server, where there is no connection, and brings no socket along', async () => {
    const { build } = await import('vite')
    const bundled = async (ssr) => {
      const { output } = await build({
        root: project,
        configFile: false,
        logLevel: 'silent',
        build: {
          write: false,
          minify: false,
          ssr,
          rollupOptions: {
            input: join(project, 'page.tsx'),
            external: [/^react/, /^@tanstack/],
            preserveEntrySignatures: 'strict',
          },
        },
        ...(ssr ? { ssr: { noExternal: true, external: ['react', '@tanstack/react-query'] } } : {}),
      })
      return output.map(({ code = '' }) => code).join('\n')
    }
    const page = await bundled(false)
    expect(page).toContain('useSyncExternalStore')
    expect(page).toContain('/api/itx')
    // Marks of the ws package, of its stand-in for browsers, and of Node's modules.
    expect(page).not.toMatch(/Sec-WebSocket|ws does not work in the browser|node:|require\(/)
    // React is the user's: asked for, and not inside.
    expect(page).toMatch(/from ["']react["']/)
    expect(page).not.toMatch(/react\.production|ReactCurrentDispatcher|__CLIENT_INTERNALS/)
  })
})

describe('the exports', () => {
  test('are all that can be imported', async () => {
    const { said } = await script("await import('tributary/src/streams/engine.ts')")
    expect(said).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
    expect((await script("await import('tributary')")).code).not.toBe(0)
  })

  test('have just these names', async () => {
    const text = `for (const name of ['client', 'processors', 'react', 'stream-db', 'testing'])
      console.log(name, Object.keys(await import('tributary/' + name)).toSorted().join(' '))`
    expect(await script(text)).toEqual({
      code: 0,
      said:
        'client Connection ITX_ERROR_CODES ItxClient ItxError browserConnection connectItx decodeEvent encodeInput ' +
        'eventJson itxErrorCode itxErrorDetails parseEnvelope tailStore\n' +
        'processors ItxError defineProcessor itxErrorCode itxErrorDetails schemaOf\n' +
        'react ItxError ItxProvider itxErrorCode itxErrorDetails useItxConnection useItxMutation useItxQuery ' +
        'useItxStatus useStreamTail\n' +
        'stream-db ItxError MaterializedState createStateSchema isChangeEvent isControlEvent isPoison itxErrorCode ' +
        'itxErrorDetails readMessage\n' +
        'testing TestClock createTestServer given\n',
    })
  })

  test('bring no package along but these, and no file that is not reached', () => {
    const { files, packages } = reachedFrom(built, packageEntries(repository))
    const names = (kind) => [...new Set(packages.filter(kind).map(({ to }) => to))].toSorted()
    expect(names(({ from }) => from.endsWith('.js'))).toEqual([
      '@bufbuild/re2',
      '@durable-streams/client',
      '@marcbachmann/cel-js',
      '@tanstack/db',
      '@tanstack/react-db',
      '@tanstack/react-query',
      'capnweb',
      'node:assert',
      'node:crypto',
      'node:util',
      'node:zlib',
      'react',
      'ws',
      'zod',
    ])
    const made = readdirSync(built, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(made).toHaveLength(files.size)
    expect([...files].filter((path) => /control-plane|sqlite|\/http\/|\/server\/|app\.config/.test(path))).toEqual([
      'src/control-plane/roles.js',
    ])
  })

  test.each([
    ['client', 'node', ['capnweb', 'ws']],
    ['client', 'default', ['capnweb']],
    ['react', 'default', ['@tanstack/react-query', 'react']],
    ['stream-db', 'default', []],
    ['stream-db', 'types', []],
    ['stream-db/db', 'default', ['@durable-streams/client', '@tanstack/db']],
    ['stream-db/react', 'default', ['@tanstack/react-db', 'react']],
  ])('%s, as %s, loads %j and nothing of the engine', (name, condition, expected) => {
    const { exports } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
    const entry = exports[`./${name}`][condition].replace('./dist/package/', '')
    const { files, packages } = reachedFrom(built, [entry])
    expect([...new Set(packages.map(({ to }) => to))].toSorted()).toEqual(expected)
    const pure =
      /^src\/(?:stream-db\/|itx\/(?:client\/|react\/|queries\.|navigation-state\.|project-overview\.)|streams\/(?:errors|event|event-input|json-text|utf8)\.)/
    expect([...files].filter((path) => !pure.test(path))).toEqual([])
  })

  test('stream-db is its own files and the rules of errors, types too', () => {
    for (const end of ['js', 'd.ts']) {
      const { files } = reachedFrom(built, [`src/stream-db/index.${end}`])
      const names = ['event-helpers', 'index', 'materialized-state', 'messages', 'schema', 'standard-schema']
      const expected = names.map((name) => `src/stream-db/${name}.${end}`)
      expect([...files].toSorted()).toEqual([...expected, `src/streams/errors.${end}`])
    }
  })

  test('stream-db/db has all of stream-db, and the same', { timeout: 30_000 }, async () => {
    const text = `const core = await import('tributary/stream-db')
      const db = await import('tributary/stream-db/db')
      console.log(Object.keys(core).every((name) => core[name] === db[name]), typeof db.createStreamDB)`
    expect(await script(text)).toEqual({ code: 0, said: 'true function\n' })
  })

  test('client has the same names, with the same types, in a program and in a page', { timeout: 30_000 }, async () => {
    const text = `const names = async (path) => Object.keys(await import(path)).toSorted().join()
      const folder = ${JSON.stringify(join(built, 'src', 'itx', 'client'))}
      console.log(await names(folder + '/index.js') === await names(folder + '/index-page.js'))`
    expect(await script(text)).toEqual({ code: 0, said: 'true\n' })
  })

  test('processors are nothing but their rules', () => {
    const { files, packages } = reachedFrom(built, ['src/streams/processors/index.js'])
    expect(packages).toEqual([])
    expect([...files].toSorted()).toEqual([
      'src/streams/errors.js',
      'src/streams/event-input.js',
      'src/streams/event.js',
      'src/streams/json-text.js',
      'src/streams/processors/contract.js',
      'src/streams/processors/index.js',
      'src/streams/utf8.js',
    ])
  })

  test('load nothing of the database, of accounts, of pages', { timeout: 30_000 }, async () => {
    const text = `import { registerHooks } from 'node:module'
      const loaded = new Set()
      registerHooks({ load(url, context, next) { loaded.add(url); return next(url, context) } })
      await import('tributary/processors')
      const { createTestServer } = await import('tributary/testing')
      const server = createTestServer()
      await server.client().append('/a', [{ type: 'x' }])
      server.close()
      console.log([...loaded].join('\\n'))`
    const { code, said } = await script(text)
    expect(code).toBe(0)
    expect(said).toContain('/dist/package/src/testing/index.js')
    expect(said).not.toMatch(/better-sqlite3|better-auth|drizzle|node_modules\/react|node:sqlite|\/src\/[^\n]*\.ts$/m)
  })
})

test('a chain to a forbidden package would be seen', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-package-'))
  try {
    writeFileSync(join(folder, 'a.js'), "export * from './b.js'\n")
    writeFileSync(join(folder, 'b.js'), "const late = () => import('better-sqlite3')\n")
    expect(reachedFrom(folder, ['a.js']).packages).toMatchObject([{ from: 'b.js', to: 'better-sqlite3' }])
    writeFileSync(join(folder, 'a.js'), "export * from './gone.js'\n")
    expect(() => reachedFrom(folder, ['a.js'])).toThrow('gone.js is exported or imported and was not made')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
