import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ItxClient, connectItx } from '../../itx/client/connect.ts'
import { CHECKOUT, TestTributary, eventually, startCli } from '../../server/testing.ts'
import { METHODS_WITH_EXAMPLES, beginnings, examplesOf } from './examples.ts'

// Promise: what the page gives to copy can be pasted. So each of them is run, against a server, as it stands there; `npm
// run -s tributary --` alone is written out as what it runs.

let tributary: TestTributary
let itx: ItxClient
let folder: string
let count = 0
let place: { origin: string; slug: string }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tributary-examples-'))
  tributary = await TestTributary.start()
})
afterAll(async () => {
  itx?.close()
  rmSync(folder, { recursive: true, force: true })
  await tributary.stop()
})

/** A project of each example's own: with notes in it, and a processor that counts them. */
beforeEach(async () => {
  itx?.close()
  const slug = `examples-${++count}`
  tributary.project(slug)
  place = { origin: tributary.url, slug }
  itx = connectItx({ url: tributary.url, token: tributary.token('admin', slug), project: slug })
  await itx.append('/notes', [{ type: 'note', payload: { text: 'first' } }])
})

const AsyncFunction = (async () => {}).constructor as new (...names: string[]) => (...args: unknown[]) => Promise<void>

/** Runs TypeScript without its types and imports. */
async function runTypeScript(code: string, client: ItxClient): Promise<readonly unknown[]> {
  const logged: unknown[] = []
  const script = code
    .replace(/^import .*\n/gm, '')
    .replaceAll(' as JsonText', '')
    .replace(/^const itx = connectItx\(/m, 'itx = connectItx(')
  const console_ = { log: (...values: unknown[]) => void logged.push(...values) }
  const env = { env: { TRIBUTARY_TOKEN: tributary.token('admin', place.slug) } }
  await new AsyncFunction('itx', 'console', 'connectItx', 'process', script)(client, console_, connectItx, env)
  return logged
}

function runShell(command: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const tool = `'${process.execPath}' '${join(CHECKOUT, 'src/cli/main.ts')}'`
  const script = command
    .replaceAll('npm run -s tributary --', tool)
    .replaceAll(/^curl /gm, 'curl -sS --fail-with-body ')
  const env = {
    ...process.env,
    TRIBUTARY_URL: place.origin,
    TRIBUTARY_PROJECT: place.slug,
    TRIBUTARY_TOKEN: tributary.token('admin', place.slug),
    TRIBUTARY_DATA_DIR: tributary.dataDir,
  }
  return new Promise((resolve) => {
    execFile('sh', ['-c', script], { cwd: folder, env, timeout: 15_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    )
  })
}

/** What must be there before an example of it makes sense. */
const BEFORE: Readonly<Record<string, () => Promise<unknown>>> = {
  'stream.detach': () => itx.onStream('/notes', (stream) => stream.attach('event-counter')),
  'stream.restart': () => itx.onStream('/notes', (stream) => stream.attach('event-counter')),
  'stream.resume': () => itx.onStream('/notes', (stream) => stream.pause()),
  'stream.import': () => runShell('npm run -s tributary -- export /notes --output notes.ndjson'),
}

const ALL = METHODS_WITH_EXAMPLES.map((name) => {
  const [object, method] = name.split('.') as [string, string]
  const { typescript, cli, curl } = examplesOf(object, method, { origin: 'http://x', slug: 'x' })
  return { name, typescript, cli, curl, now: () => examplesOf(object, method, place) }
})

test.each(ALL.filter(({ typescript }) => typescript))('$name in TypeScript', async ({ name, typescript, now }) => {
  await BEFORE[name]?.()
  const logged = await runTypeScript(now().typescript!, itx)
  expect(logged.length > 0).toBe(typescript!.includes('console.log'))
  expect(logged).not.toContain(undefined)
})

// A tail prints what is there, and then waits for more.
test.each(ALL.filter(({ cli }) => cli && !cli.includes('tail ')))(
  '$name on the command line',
  async ({ name, now }) => {
    await BEFORE[name]?.()
    expect(await runShell(now().cli!)).toMatchObject({ code: 0 })
  },
)

test.each(ALL.filter(({ curl }) => curl))('$name with curl', async ({ name, now }) => {
  await BEFORE[name]?.()
  expect(await runShell(now().curl!)).toMatchObject({ code: 0 })
})

describe('the beginnings', () => {
  test('make an itx that works', async () => {
    const logged = await runTypeScript(beginnings(place).typescript, itx)
    expect(logged).toMatchObject([{ slug: place.slug, role: 'admin' }])
  })

  test('set what every command takes', async () => {
    const answer = await runShell(beginnings(place).cli)
    expect(answer).toMatchObject({ code: 0, stdout: expect.stringContaining('/notes') })
    const asked = await runShell(beginnings(place).curl)
    expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining('/notes') })
  })
})

test('the live tail prints what is there at once', async () => {
  const { cli } = examplesOf('stream', 'subscribe', place)
  const words = cli!.replace('npm run -s tributary -- ', '').split(' ')
  const token = tributary.token('viewer', place.slug)
  const tail = startCli(words, { TRIBUTARY_URL: place.origin, TRIBUTARY_PROJECT: place.slug, TRIBUTARY_TOKEN: token })
  await eventually(() => tail.stdout.split('\n').length > 2)
  tail.kill('SIGTERM')
  await tail.finished
  expect(JSON.parse(tail.stdout.split('\n')[0]!)).toMatchObject({ offset: 1 })
})
