import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Door, TestTributary, eventually } from '../server/testing.ts'

// GET with a filter: a bounded piece of the log per request, and an offset that covers all of it.

let tributary: TestTributary
let editor: Door
let viewer: Door
beforeAll(async () => {
  tributary = await TestTributary.start()
  editor = tributary.door('editor')
  viewer = tributary.door('viewer')
})
afterAll(() => tributary.stop())

const filtered = (path: string, filter: string, offset: unknown = '-1') =>
  `${path}?filter=${encodeURIComponent(filter)}&offset=${String(offset)}`
const at = (offset: number) => `${String(offset).padStart(16, '0')}_0000000000000000`

async function messages(path: string, count: number, from = 0): Promise<void> {
  const all = Array.from({ length: count }, (_, i) => ({ n: from + i }))
  for (let i = 0; i < count; i += 5000) await editor.post(path, JSON.stringify(all.slice(i, i + 5000)))
}

test('raw messages that match, and the offset of the tail', async () => {
  await editor.put('/raw')
  await messages('/raw', 10)
  const read = await viewer.get(filtered('/raw', 'payload.n % 3 == 0'))
  expect([read.status, read.text]).toEqual([200, '[{"n":0},{"n":3},{"n":6},{"n":9}]'])
  expect([read.headers['stream-next-offset'], read.headers['stream-up-to-date']]).toEqual([at(11), 'true'])
})

test('envelopes that match, core events included', async () => {
  await editor.append('/envelopes', [
    { type: 'x', payload: { a: 1 } },
    { type: 'y' },
    { type: 'stream/metadata-updated', payload: { metadata: {} } },
  ])
  const read = await viewer.send(
    'GET',
    filtered('/envelopes', 'event.type.startsWith("stream/") || payload.a == 1'),
    undefined,
    {
      accept: 'application/vnd.tributary.event+x-ndjson',
    },
  )
  const types = read.text
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { type: string }).type)
  expect(types).toEqual(['stream/created', 'x', 'stream/metadata-updated'])
  expect(read.headers['stream-next-offset']).toBe(at(4))
})

test('raw reads see no core event, and core events at the end do not lead beyond the tail', async () => {
  await editor.put('/core', '[{"n":1}]')
  await editor.append('/core', { type: 'stream/metadata-updated', payload: { metadata: {} } })
  const read = await viewer.get(filtered('/core', 'true'))
  expect([read.text, read.headers['stream-next-offset'], read.headers['stream-up-to-date']]).toEqual([
    '[{"n":1}]',
    at(2),
    'true',
  ])
})

test('a request judges a bounded number of events; paging on finds every match once', async () => {
  await editor.put('/long')
  await messages('/long', 25_000)
  const seen: number[] = []
  let [offset, pages]: [unknown, number] = ['-1', 0]
  for (let upToDate: unknown; upToDate !== 'true'; pages++) {
    const page = await viewer.get(filtered('/long', 'payload.n % 5000 == 4999', offset))
    seen.push(...(page.json as { n: number }[]).map(({ n }) => n))
    offset = page.headers['stream-next-offset']
    upToDate = page.headers['stream-up-to-date']
  }
  expect(seen).toEqual([4999, 9999, 14_999, 19_999, 24_999])
  expect(pages).toBeGreaterThanOrEqual(3)
})

test('a page of many matches ends early and goes on', async () => {
  const first = await viewer.get(filtered('/long', 'true'))
  expect((first.json as unknown[]).length).toBe(1000)
  const next = await viewer.get(filtered('/long', 'true', first.headers['stream-next-offset']))
  expect((next.json as { n: number }[])[0]).toEqual({ n: 1000 })
})

test('from the tail there is nothing', async () => {
  await editor.put('/tail', '[{"n":1}]')
  for (const offset of ['now', at(2), at(999)]) {
    const read = await viewer.get(filtered('/tail', 'true', offset))
    expect([read.text, read.headers['stream-next-offset'], read.headers['stream-up-to-date']]).toEqual([
      '[]',
      at(2),
      'true',
    ])
  }
})

test('a bad filter is 400 with the place; two are 400; an absent stream is 404', async () => {
  await editor.put('/bad')
  const bad = await viewer.get(filtered('/bad', 'payload.n >'))
  expect([bad.status, bad.json]).toMatchObject([
    400,
    { code: 'BAD_REQUEST', details: { field: 'filter', reason: 'filter', position: { start: 11, end: 11 } } },
  ])
  expect((await viewer.get('/bad?filter=true&filter=false')).status).toBe(400)
  expect((await viewer.get('/bad?filter=')).status).toBe(400)
  expect((await viewer.get('/absent?filter=true')).status).toBe(404)
})

test('events that cost too much to judge are counted', async () => {
  await editor.put('/costly')
  await editor.post('/costly', JSON.stringify([[Array.from({ length: 20_000 }, (_, i) => i)]]))
  const read = await viewer.get(filtered('/costly', 'payload[0].exists(a, payload[0].exists(b, a + b < 0))'))
  expect([read.text, read.headers['stream-unjudged']]).toEqual(['[]', '1'])
})

test('nothing is left behind', async () => {
  expect(await eventually(() => tributary.streams().idle)).toBe(true)
})
