import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PASSWORD, TestTributary, runCli } from './testing.ts'

// Threat: a copy of the data directory, a backup say, opens the doors.

let tributary: TestTributary
beforeAll(async () => {
  tributary = await TestTributary.start()
})
afterAll(() => tributary.stop())

/** All bytes of the data directory, write-ahead logs included, as text in which ASCII stays what it is. */
function everything(): string {
  const files = readdirSync(tributary.dataDir, { recursive: true, withFileTypes: true }).filter((each) => each.isFile())
  expect(files.length).toBeGreaterThan(3)
  return files.map((file) => readFileSync(join(file.parentPath, file.name), 'latin1')).join('\n')
}

test('no token, password or one-time link is in any file, however often it was used', async () => {
  const env = { TRIBUTARY_DATA_DIR: tributary.dataDir }
  const made = await runCli(['token', 'create', '--project', 'demo', '--role', 'editor', '--name', 'kept-name'], {
    env,
  })
  const token = made.stdout.trim()
  const authorization = `Bearer ${token}`
  expect((await tributary.raw('/api/streams/demo/a', { method: 'PUT', headers: { authorization } })).status).toBe(201)
  const { root, socket } = tributary.dial({ authorization })
  const read = await root.projects.get('demo').createReadToken({ path: '/a' })
  socket.terminate()
  const byRead = { authorization: `Bearer ${read.token}` }
  expect((await tributary.raw('/api/streams/demo/a', { headers: byRead })).status).toBe(200)
  const stranger = tributary.dial({})
  expect(await stranger.root.authenticate(token).whoami()).toMatchObject({ kind: 'token' })
  stranger.socket.terminate()
  const ann = await tributary.user('ann@example.test', { demo: 'viewer' })
  await tributary.signIn(ann)
  await tributary.raw('/api/streams/demo', { headers: { authorization: `Bearer ${token}x` } })
  const link = tributary.instance.setup.path().replace('/setup/', '')
  const setup = { method: 'POST', headers: { 'content-type': 'application/json' } }
  const body = (password: string) => JSON.stringify({ token: link, name: 'R', email: 'root@example.test', password })
  expect((await tributary.raw('/api/setup', { ...setup, body: body('short') })).status).toBe(400)
  expect((await tributary.raw('/api/setup', { ...setup, body: body(PASSWORD) })).status).toBe(201)

  const whileRunning = everything()
  await tributary.pause()
  const afterwards = everything()
  for (const found of [whileRunning, afterwards]) {
    // What is meant to be there is found: so would be what is not.
    expect(found).toContain('kept-name')
    expect(found).toContain('ann@example.test')
    for (const secret of [token, read.token, PASSWORD, link]) {
      expect(found).not.toContain(secret)
      expect(found).not.toContain(secret.slice(4, 24))
    }
  }
})

test('the command line tells a token once: no list shows it again', async () => {
  const env = { TRIBUTARY_DATA_DIR: tributary.dataDir }
  const made = await runCli(['token', 'create', '--project', 'demo', '--role', 'viewer'], { env })
  expect(made.stdout).toMatch(/^trb_[\w-]{43}\n$/)
  const listed = await runCli(['token', 'list', '--project', 'demo'], { env })
  expect(listed.stdout).toContain('kept-name')
  expect(listed.stdout + listed.stderr).not.toContain(made.stdout.trim().slice(4, 24))
})
