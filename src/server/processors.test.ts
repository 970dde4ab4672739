import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { loadProcessors } from './processors.ts'
import { TestTributary, temporaryDirectory } from './testing.ts'

// Users bring processors of their own in a module; a server without those it was promised must not start.

let folders: string[] = []
afterEach(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  folders = []
})

/** A module with this text, beside nothing it could import. */
function moduleOf(text: string): string {
  const folder = temporaryDirectory()
  folders.push(folder)
  const file = join(folder, 'processors.mjs')
  writeFileSync(file, text)
  return file
}

const OWN = `
const schema = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }
const doubling = {
  slug: 'doubling', version: '1', state: schema, initialState: { sum: 0 }, consumes: ['number'],
  reduce: ({ sum }, event) => ({ sum: sum + event.payload }),
  processEvent: async ({ event, append }) => { await append({ type: 'doubled', payload: 2 * event.payload }) },
}
`

test('the built-in processors are always there, and none is attached by itself', async () => {
  const registry = await loadProcessors(undefined)
  expect(registry.all.map(({ slug }) => slug)).toEqual(['event-counter', 'agent-run', 'state-protocol'])
  expect(registry.hasPatterns).toBe(false)
})

test('a module adds its own, and attaches any by a pattern', async () => {
  const file = moduleOf(`${OWN} export default [doubling, { processor: 'agent-run', attachTo: ['/agents/*'] }]`)
  const registry = await loadProcessors(file)
  expect(registry.all.map(({ slug }) => slug)).toEqual(['event-counter', 'agent-run', 'state-protocol', 'doubling'])
  expect(registry.matching('/agents/a' as never).map(({ slug }) => slug)).toEqual(['agent-run'])
})

test.each([
  ['export const nothing = 1', /default export must be an array/],
  ['export default [7]', /each entry must be a processor/],
  ['export default [{ slug: "Bad Slug" }]', /slug must be/],
  [`export default [{ processor: 'nobody' }]`, /no built-in processor named "nobody"/],
  [`${OWN} export default [doubling, doubling]`, /two processors named doubling/],
  [`${OWN} export default [{ processor: doubling, attachTo: ['agents'] }]`, /must begin with a slash/],
  ['import "./not-there.mjs"; export default []', /not-there/],
])('a module that is wrong says why: %s', async (text, why) => {
  const file = moduleOf(text)
  await expect(loadProcessors(file)).rejects.toThrow(why)
  await expect(loadProcessors(file)).rejects.toThrow(`TRIBUTARY_PROCESSORS=${file}`)
})

test('a server with such a module runs it, through the handle and over a restart', async () => {
  const file = moduleOf(`${OWN} export default [{ processor: doubling, attachTo: ['/numbers/*'] }]`)
  const tributary = await TestTributary.start({ TRIBUTARY_PROCESSORS: file })
  try {
    const streams = () => tributary.streams('demo')
    const doubled = async () => {
      const { events } = await streams().read('/numbers/a' as never, { limit: 1000 })
      return events.filter((event) => event.type === 'doubled').map((event) => event.payload)
    }
    const append = (payload: string) =>
      streams().append('/numbers/a' as never, [{ type: 'number', payload: payload as never }])
    await append('1')
    await append('20')
    await expect.poll(doubled, { timeout: 15_000 }).toEqual(['2', '40'])
    await tributary.pause()
    await tributary.resume()
    await append('300')
    await expect.poll(doubled, { timeout: 15_000 }).toEqual(['2', '40', '600'])
    expect(await streams().processors.stateAt('/numbers/a' as never, 'doubling')).toMatchObject({ state: { sum: 321 } })
  } finally {
    await tributary.stop()
  }
})

test('none of them ever runs over the audit', async () => {
  const file = moduleOf(`${OWN} export default [{ processor: doubling, attachTo: ['/**'] }]`)
  const tributary = await TestTributary.start({ TRIBUTARY_PROCESSORS: file })
  try {
    await tributary.raw('/api/streams/demo/', { headers: { authorization: 'Bearer nonsense' } })
    const { engine } = tributary.instance
    const audit = () => engine.project('prj_system').state('/audit' as never)
    await expect.poll(async () => (await audit()).exists, { timeout: 15_000 }).toBe(true)
    expect(await engine.project('prj_system').processors.list('/audit' as never)).toEqual([])
    expect(engine.project('prj_system').processors.available).toEqual([])
    // Elsewhere it is attached by itself.
    await tributary.streams().append('/numbers/a' as never, [{ type: 'x' }])
    expect(await tributary.streams().processors.list('/numbers/a' as never)).toMatchObject([{ slug: 'doubling' }])
  } finally {
    await tributary.stop()
  }
})
