import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestTributary, eventually, runCli } from '../server/testing.ts'

let tributary: TestTributary
let env: Record<string, string>

beforeAll(async () => {
  tributary = await TestTributary.start()
  env = { TRIBUTARY_URL: tributary.url, TRIBUTARY_TOKEN: tributary.token('operator'), TRIBUTARY_PROJECT: 'demo' }
})
afterAll(() => tributary.stop())

const cli = (...args: string[]) => runCli(args, { env })
const json = (text: string): unknown => JSON.parse(text)

test('a processor is attached, looked at, asked for its state now and then, restarted and detached', async () => {
  const events = '{"type":"x"}\n{"type":"y"}\n{"type":"x"}\n'
  await runCli(['append', '/counted'], { env, stdin: events })
  expect(await cli('attach', '/counted', 'event-counter')).toMatchObject({ code: 0, stdout: '' })
  const info = await eventually(async () => {
    const listed = json((await cli('processors', '/counted')).stdout) as { lag: number }
    return listed.lag === 0 && listed
  })
  expect(info).toMatchObject({ slug: 'event-counter', status: 'caught-up', checkpoint: 5, error: null })
  expect((await cli('processors', '/counted')).stderr).toContain('not attached: agent-run')
  const state = await cli('state', '/counted', 'event-counter')
  expect(json(state.stdout)).toMatchObject({ total: 5, types: { x: { count: 2, first: 2, last: 4 } } })
  const earlier = await cli('state', '/counted', 'event-counter', '--offset', '3')
  expect(json(earlier.stdout)).toMatchObject({ total: 3, types: { x: { count: 1 } } })
  expect(json((await cli('state', '/counted')).stdout)).toMatchObject({ path: '/counted', eventCount: 5 })
  expect(await cli('restart', '/counted', 'event-counter', '--from', '0')).toMatchObject({ code: 0 })
  const nothing = await cli('restart', '/counted', 'event-counter', '--from', 'skip')
  expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('CONFLICT')])
  expect(await cli('detach', '/counted', 'event-counter')).toMatchObject({ code: 0 })
  expect(await cli('processors', '/counted')).toMatchObject({ code: 0, stdout: '' })
  const unknown = await cli('attach', '/counted', 'nobody')
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('NOT_FOUND')])
})
