import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHECKOUT, TestTributary } from './testing.ts'

// The files of docs/examples, and the commands of a page, run as they stand: what a newcomer copies must work. The HTML
// page among them is opened by e2e/examples.browser.test.ts.

const OFFSET = /^\d{16}_\d{16}$/

let tributary: TestTributary
beforeAll(async () => (tributary = await TestTributary.start()))
afterAll(() => tributary.stop())

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

const run = (program: string, file: string, token: string): Promise<Run> =>
  runWith(program, [join(CHECKOUT, 'docs', 'examples', file)], token)

function runWith(
  program: string,
  args: readonly string[],
  token: string,
  cwd: string = tributary.dataDir,
): Promise<Run> {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, TRIBUTARY_URL: tributary.url, TRIBUTARY_PROJECT: 'demo', TRIBUTARY_TOKEN: token }
  return new Promise((resolve) => {
    const options = { cwd, env, timeout: 60_000 }
    const child = execFile(program, args, options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

test('the official client makes, writes, follows, comes back and closes', async () => {
  const { code, stdout, stderr } = await run(process.execPath, 'durable-streams-client.ts', tributary.token('operator'))
  expect([code, stderr]).toEqual([0, ''])
  const [made, ...rest] = stdout.trimEnd().split('\n')
  const path = made?.replace('made /api/streams/demo', '') ?? ''
  expect(path).toMatch(/^\/examples\/orders-\d+$/)
  const events = await tributary.door('viewer').events(path)
  expect(events.map(({ type }) => type)).toEqual(['stream/created', ...Array(6).fill('message'), 'stream/closed'])
  expect(rest).toEqual([
    'live: order 1 of 10',
    'live: order 2 of 20',
    'live: order 3 of 30',
    'left after 0000000000000004_0000000000000000',
    'again: order 4 of 40',
    'again: order 5 of 50',
    'again: order 6 of 60',
    'closed at 0000000000000007_0000000000000000 and read to there',
  ])
})

test('the official client says what a token without the right cannot do', async () => {
  const { code, stderr } = await run(process.execPath, 'durable-streams-client.ts', tributary.token('viewer'))
  expect(code).toBe(1)
  expect(stderr).toMatch(/403/)
})

/** What the script printed after each of its headings, by the first words of the heading. */
function stepsOf(stdout: string): (heading: string) => string {
  const steps = stdout.split('\n# ').slice(1)
  return (heading) => {
    const found = steps.find((step) => step.startsWith(heading))
    if (found === undefined) throw new Error(`there is no step '${heading}' in:\n${stdout}`)
    return found.slice(found.indexOf('\n') + 1).trim()
  }
}

/** The payloads of the server-sent events of one name. */
const dataOf = (name: string, text: string) =>
  [...text.matchAll(new RegExp(`^event: ${name}\ndata:(.*)$`, 'gm'))].map(
    ([, data]) => JSON.parse(data ?? '') as unknown,
  )

test('curl alone can do everything', async () => {
  const { code, stdout, stderr } = await run('bash', 'curl.sh', tributary.token('operator'))
  expect([code, stderr]).toEqual([0, ''])
  const after = stepsOf(stdout)
  expect(after('make a stream')).toMatch(/^HTTP\/1.1 201[^]*location: http:\S+\/examples\/curl-\S+\/orders$/i)
  expect(after('append two messages')).toMatch(/^HTTP\/1.1 204/)
  expect(JSON.parse(after('read from the start'))).toEqual([{ order: 1 }, { order: 2 }])
  expect(after('where it ends')).toMatch(OFFSET)
  expect(JSON.parse(after('wait for news'))).toEqual([{ order: 3 }])
  const live = after('follow it')
  // One append or both in a batch: that is up to who is faster.
  expect(dataOf('data', live).flat()).toEqual([{ order: 4 }, { order: 5 }])
  expect(dataOf('control', live).at(-1)).toMatchObject({ streamClosed: true, upToDate: true })
  expect(after('a retry').replaceAll('\r', '').split('\n')).toEqual([
    expect.stringMatching(/^HTTP\/1.1 200/),
    expect.stringMatching(/^HTTP\/1.1 204/),
    'a line of text',
  ])
  expect(JSON.parse(after('envelopes'))).toMatchObject({ maxOffset: 2, receipts: [{ offset: 2, duplicate: false }] })
  const envelopes = after('and read')
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(envelopes).toMatchObject([{ type: 'stream/created' }, { type: 'order/paid', metadata: { by: 'curl' } }])
  expect(JSON.parse(after('what streams'))).toMatchObject({ streams: [{ name: 'orders', closed: true }] })
})

test('a receiver of webhooks knows who is calling, works and says how far it is', async () => {
  const { code, stdout, stderr } = await run(process.execPath, 'webhook.ts', tributary.token('operator'))
  expect([code, stderr]).toEqual([0, ''])
  // The forged request comes while the work is done, before it or after it.
  const lines = stdout.trimEnd().split('\n')
  expect(lines.filter((line) => line.startsWith('forged'))).toEqual(['forged: 401'])
  expect(lines.filter((line) => !line.startsWith('forged'))).toEqual([
    'subscribed',
    '…/orders: {"order":1}',
    '…/orders: {"order":2}',
    '…/orders: {"order":3}',
    'done to 0000000000000004_0000000000000000',
  ])
})

/** The blocks of a page that are written in a language. */
function blocksOf(page: string, language: string): string[] {
  const text = readFileSync(join(CHECKOUT, 'docs', page), 'utf8')
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, block]) => block ?? '')
}

test('what docs/clients.md does with the official client prints what was appended', async () => {
  const [program, ...others] = blocksOf('clients.md', 'js')
  expect(others).toEqual([])
  const args = ['--input-type=module', '--eval', program ?? '']
  const { code, stdout, stderr } = await runWith(process.execPath, args, tributary.token('editor'), CHECKOUT)
  expect([code, stdout, stderr]).toEqual([0, '[ { order: 3, total: 120 } ]\n', ''])
})

describe('docs/subscriptions.md', () => {
  test('its commands do what it says, one after another', async () => {
    // A command that is refused ends them.
    const curl = 'curl() { command curl --silent --show-error --fail-with-body "$@"; echo; }\n'
    const script = `set -euo pipefail\n${curl}${blocksOf('subscriptions.md', 'sh').join('')}`
    const { code, stdout, stderr } = await runWith('bash', ['-c', script], tributary.token('operator'))
    expect([code, stderr]).toEqual([0, ''])
    const answers = stdout.split('\n').filter((line) => line !== '')
    expect(answers.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { id: 'billing', type: 'webhook', pattern: 'orders/*', status: 'active' },
      { id: 'billing', streams: [] },
      { id: 'workers', type: 'pull-wake', wake_stream: 'wakes' },
      [{ type: 'wake', subscription_id: 'workers', stream: 'jobs/a', generation: 1 }],
      [{ job: 1 }, { job: 2 }],
      { ok: true, next_wake: false },
      { ok: true, next_wake: false },
    ])
  })

  test('checks signatures as the example does', () => {
    const example = readFileSync(join(CHECKOUT, 'docs', 'examples', 'webhook.ts'), 'utf8')
    const snippets = blocksOf('subscriptions.md', 'ts')
    expect(snippets).toHaveLength(1)
    for (const snippet of snippets) expect(example).toContain(snippet)
  })
})
