import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectItx } from '../itx/client/connect.ts'
import { TestTributary } from '../server/testing.ts'
import { itxErrorCode } from '../streams/errors.ts'
import { parsePath } from '../streams/path.ts'
import { appendEntries } from './append-command.ts'
import { type CommitPayload, gitHistory } from './demo-git.ts'

// The git history as events: equal to what git says, gapless, and a second run adds the new commits alone.

const COMMITS = '/repos/test/commits'

let tributary: TestTributary
beforeAll(async () => void (tributary = await TestTributary.start()))
afterAll(() => tributary.stop())

let repository: string
beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), 'tributary-git-'))
  git('init', '-q')
})
afterEach(() => rmSync(repository, { recursive: true, force: true }))

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=Zoë "Q" Ünï', '-c', 'user.email=zoe@example.test', '-c', 'commit.gpgsign=false']
  return execFileSync('git', [...identity, ...args], { cwd: repository, encoding: 'utf8' })
}

function commit(message: string, file: string, content: string | Buffer): void {
  writeFileSync(join(repository, file), content)
  git('add', '.')
  git('commit', '-q', '-m', message)
}

async function* entries() {
  let line = 0
  for await (const input of gitHistory(repository)) yield { line: ++line, input }
}

async function appendHistory() {
  const client = connectItx({ url: tributary.url, token: tributary.token('editor'), project: 'demo' })
  try {
    return await appendEntries(client, COMMITS, entries(), { compareDuplicates: true })
  } finally {
    client.close()
  }
}

test('reads back equal and gapless; a second run after a new commit adds exactly that one', async () => {
  commit('First\n\nBody with "quotes", \u2028 and\ttabs.', 'a.txt', 'one\n')
  commit('Ünïcode ✓', 'ä b.txt', 'two\nthree\n')
  commit('A binary file', 'c.bin', Buffer.from([0, 1, 2, 0]))
  expect(await appendHistory()).toEqual({ stored: 3, duplicates: 0 })
  commit('Another', 'a.txt', 'one\nmore\n')
  expect(await appendHistory()).toEqual({ stored: 1, duplicates: 3 })
  expect(await appendHistory()).toEqual({ stored: 0, duplicates: 4 })

  const { events } = await tributary.streams().read(parsePath(COMMITS), { after: 1 })
  expect(events.map((event) => event.offset)).toEqual([2, 3, 4, 5])
  const payloads = events.map((event) => JSON.parse(event.payload ?? '') as CommitPayload)
  expect(payloads.map((payload) => payload.hash)).toEqual(git('rev-list', '--reverse', 'HEAD').trim().split('\n'))
  expect(events.map((event) => event.idempotencyKey)).toEqual(payloads.map((payload) => payload.hash))
  expect(payloads.map((payload) => payload.subject)).toEqual(['First', 'Ünïcode ✓', 'A binary file', 'Another'])
  expect(payloads[0]).toMatchObject({
    parents: [],
    author: { name: 'Zoë "Q" Ünï', email: 'zoe@example.test' },
    body: 'Body with "quotes", \u2028 and\ttabs.',
    files: [{ path: 'a.txt', added: 1, deleted: 0 }],
  })
  expect(payloads[1]?.files).toEqual([{ path: 'ä b.txt', added: 2, deleted: 0 }])
  expect(payloads[2]?.files).toEqual([{ path: 'c.bin', added: null, deleted: null }])
  expect(payloads[3]?.parents).toEqual([payloads[2]?.hash])
})

test('a folder that is no repository is said to be none', async () => {
  rmSync(join(repository, '.git'), { recursive: true })
  const reading = (async () => {
    for await (const _ of gitHistory(repository)) throw new Error('there is no commit')
  })()
  await expect(reading).rejects.toSatisfy((error) => itxErrorCode(error) === 'UNAVAILABLE')
})
