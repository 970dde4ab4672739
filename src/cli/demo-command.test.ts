import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestTributary, runCli } from '../server/testing.ts'

// `demo` as a process of its own, over a real socket.

let tributary: TestTributary
let env: Record<string, string>
beforeAll(async () => {
  tributary = await TestTributary.start()
  env = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('editor') }
})
afterAll(() => tributary.stop())

test('without a git history, as in an archive of the sources, the agent plays all the same', async () => {
  const done = await runCli(['demo', '--pace', '0'], { env: { ...env, GIT_DIR: '/none' } })
  expect(done.stderr).toContain('/repos/tributary/commits: left out, the git history cannot be read')
  expect(done.code).toBe(0)
  expect((await tributary.streams().state('/agents/ada/runs/1' as never)).eventCount).toBeGreaterThan(20)
})
