// Guards what others import by name: it must load in plain Node, have types that compile in a project of their own, and
// bring nothing of the server along. The samples of docs/processors.md are that project.
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
const page = readFileSync(join(repository, 'docs', 'processors.md'), 'utf8')

/** The samples of the page by the name in their first line. */
const samples = Object.fromEntries(
  [...page.matchAll(/^```ts\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]),
)

/** What only the compiler can say of the types, asked from outside. */
const TYPES = `
import { type AnyProcessor, defineProcessor, schemaOf, type StreamEvent } from 'tributary/processors'
import { type TestClient, createTestServer, given } from 'tributary/testing'
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

let project

beforeAll(async () => {
  // The tests can be run without a build, and after an edit.
  const stale = whyBuild(repository) !== undefined || !existsSync(built)
  const problem = stale ? await buildPackage(repository) : undefined
  if (problem !== undefined) throw new Error(problem)
  project = mkdtempSync(join(tmpdir(), 'tributary-user-'))
  mkdirSync(join(project, 'node_modules', '@types'), { recursive: true })
  symlinkSync(repository, join(project, 'node_modules', 'tributary'))
  for (const name of ['zod', '@types/node']) symlinkSync(join(modules, name), join(project, 'node_modules', name))
  const json = { 'package.json': { type: 'module' }, 'tsconfig.json': TSCONFIG }
  for (const [name, value] of Object.entries(json)) writeFileSync(join(project, name), JSON.stringify(value))
  for (const [name, text] of Object.entries({ ...samples, 'types.ts': TYPES })) writeFileSync(join(project, name), text)
}, 120_000)

afterAll(() => rmSync(project, { recursive: true, force: true }))

/** A program of this checkout, run in the user's project, by its exit code and what it said. */
async function runThere(program, ...args) {
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { cwd: project, env })
    return { code: 0, said: stdout + stderr }
  } catch (error) {
    return { code: error.code, said: `${error.stdout}${error.stderr}` }
  }
}

const node = (...args) => runThere(process.execPath, ...args)
const script = (text) => node('--input-type=module', '-e', text)

describe("docs/processors.md, in a user's project", () => {
  test('shows every sample with the name of its file', () => {
    expect(page.match(/^```ts$/gm)).toHaveLength(Object.keys(samples).length)
    expect(Object.keys(samples)).toEqual(['processors.ts', 'webhook.ts', 'processors.test.ts', 'server.test.ts'])
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

describe('the exports', () => {
  test('are all that can be imported', async () => {
    const { said } = await script("await import('tributary/src/streams/engine.ts')")
    expect(said).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED')
    expect((await script("await import('tributary')")).code).not.toBe(0)
  })

  test('have just these names', async () => {
    const text = `for (const name of ['processors', 'testing'])
      console.log(name, Object.keys(await import('tributary/' + name)).toSorted().join(' '))`
    expect(await script(text)).toEqual({
      code: 0,
      said:
        'processors ItxError defineProcessor itxErrorCode itxErrorDetails schemaOf\n' +
        'testing TestClock createTestServer given\n',
    })
  })

  test('bring no package along but these, and no file that is not reached', () => {
    const { files, packages } = reachedFrom(built, packageEntries(repository))
    const names = (kind) => [...new Set(packages.filter(kind).map(({ to }) => to))].toSorted()
    expect(names(({ from }) => from.endsWith('.js'))).toEqual([
      '@bufbuild/re2',
      '@marcbachmann/cel-js',
      'capnweb',
      'node:assert',
      'node:util',
      'node:zlib',
      'ws',
      'zod',
    ])
    const made = readdirSync(built, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(made).toHaveLength(files.size)
    expect([...files].filter((path) => /control-plane|sqlite|\/http\/|\/server\/|app\.config/.test(path))).toEqual([
      'src/control-plane/roles.js',
    ])
  })

  test('processors are nothing but their rules', () => {
    const { files, packages } = reachedFrom(built, ['src/streams/processors/index.js'])
    expect(packages).toEqual([])
    expect([...files].toSorted()).toEqual([
      'src/streams/errors.js',
      'src/streams/event.js',
      'src/streams/json-text.js',
      'src/streams/processors/contract.js',
      'src/streams/processors/index.js',
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
