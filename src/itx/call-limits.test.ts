import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Dialled, TestTributary, eventually } from '../server/testing.ts'
import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'

// Threat: one caller asks for so much, or leaves so much open, that the others get nothing.

let tributary: TestTributary
const dialled: Dialled[] = []
beforeAll(async () => {
  tributary = await TestTributary.start({
    TRIBUTARY_CALLS_PER_SECOND: '200',
    TRIBUTARY_OPEN_HANDLES: '50',
    TRIBUTARY_SUBSCRIPTIONS: '5',
  })
})
afterEach(() => {
  for (const each of dialled.splice(0)) each.socket.terminate()
})
afterAll(() => tributary.stop())

function itx(): Dialled {
  const socket = tributary.itx('editor')
  dialled.push(socket)
  return socket
}

async function failure(promise: PromiseLike<unknown>): Promise<{ code: unknown; details: unknown }> {
  try {
    await promise
  } catch (error) {
    return { code: itxErrorCode(error), details: itxErrorDetails(error) }
  }
  throw new Error('it did not fail')
}

describe('calls', () => {
  test('beyond the rate are answered with RATE_LIMITED, those below it as ever, and the session goes on', async () => {
    const { root } = itx()
    const answers: string[] = []
    // One after another: what is open is limited as well.
    for (let i = 0; i < 400; i++) {
      answers.push(
        await root.ping().catch((error: unknown) => {
          expect(itxErrorDetails(error)).toMatchObject({ reason: 'calls', limit: 200 })
          return String(itxErrorCode(error))
        }),
      )
    }
    expect(answers.slice(0, 200)).toEqual(Array(200).fill('pong'))
    expect(answers.filter((answer) => answer === 'RATE_LIMITED').length).toBeGreaterThan(50)
    await eventually(() => root.ping().catch(() => false))
  })

  test('that build on a refused one fail with it', async () => {
    const { root } = itx()
    const codes: unknown[] = []
    while (codes.length < 200) {
      await root.projects
        .get('demo')
        .streams.get('/a')
        .state()
        .then(
          () => codes.push('done'),
          (error: unknown) => codes.push(itxErrorCode(error)),
        )
    }
    expect(new Set(codes)).toEqual(new Set(['done', 'RATE_LIMITED']))
  })

  test('of another socket are not counted', async () => {
    const [first, second] = [itx(), itx()]
    await second.root.ping()
    const flood = (async () => {
      for (let i = 0; i < 300; i++) await first.root.ping().catch(() => {})
    })()
    for (let i = 0; i < 20; i++) expect(await second.root.ping()).toBe('pong')
    await flood
  })

  test('over HTTP are counted by credential', async () => {
    const [mine, other] = [tributary.door('viewer'), tributary.door('viewer')]
    const statuses = await Promise.all(Array.from({ length: 300 }, () => mine.get('?limit=1')))
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([200, 429]))
    const refused = statuses.find(({ status }) => status === 429)
    expect(refused?.json).toMatchObject({ code: 'RATE_LIMITED', details: { reason: 'calls', limit: 200 } })
    expect(refused?.headers['retry-after']).toBe('1')
    expect((await other.get('?limit=1')).status).toBe(200)
  })
})

describe('what is left open', () => {
  test('beyond the limit is refused until some of it is given back', async () => {
    const { root } = itx()
    const held: Disposable[] = []
    for (let i = 0; i < 49; i++) held.push(await root.projects.get('demo'))
    const { code, details } = await failure(root.projects.get('demo'))
    expect([code, details]).toEqual(['RATE_LIMITED', { reason: 'open', limit: 50 }])
    held.pop()?.[Symbol.dispose]()
    held.pop()?.[Symbol.dispose]()
    expect(await root.ping()).toBe('pong')
  })

  test('by somebody who goes on regardless ends the session', async () => {
    const socket = itx()
    await socket.root.ping()
    for (let i = 0; i < 150; i++) socket.socket.send('["push",["pipeline",0,["ping"],[]]]')
    expect(await socket.ended).toMatchObject({ code: 3000 })
    expect(socket.received.at(-1)).toContain('{"code":"RATE_LIMITED","details":{"reason":"open","limit":50}}')
  })

  test('map is refused: one message makes one call', async () => {
    const { root } = itx()
    const projects = root.projects.list() as unknown as { map(each: (page: unknown) => unknown): Promise<unknown> }
    expect(await failure(projects.map((page) => page))).toEqual({
      code: 'RATE_LIMITED',
      details: { reason: 'map', limit: 0 },
    })
    expect(await root.ping()).toBe('pong')
  })
})

describe('subscriptions and scans', () => {
  test('beyond the limit are refused until one ends', async () => {
    using stream = itx().streams().get('/watched')
    const open = []
    for (let i = 0; i < 5; i++) open.push(await stream.subscribe({ after: 'now' }, () => {}))
    const refused = { code: 'RATE_LIMITED', details: { reason: 'subscriptions', limit: 5 } }
    expect(await failure(stream.subscribe({ after: 'now' }, () => {}))).toEqual(refused)
    await open[0]?.unsubscribe()
    using another = await stream.subscribe({ after: 'now' }, () => {})
    expect(await failure(stream.subscribe({ after: 'now' }, () => {}))).toEqual(refused)
    // Letting go is enough.
    open[1]?.[Symbol.dispose]()
    using last = await eventually(() => stream.subscribe({ after: 'now' }, () => {}).catch(() => null))
    void [another, last]
  })

  test('sixteen scans go on at once, however many are done', async () => {
    const streams = itx().streams()
    using stream = streams.get('/scanned')
    await stream.append([{ type: 'a' }])
    for (let i = 0; i < 20; i++) {
      using scan = await stream.scan({ filter: 'true' }, () => {})
      expect(await scan.closed()).toMatchObject({ reason: 'done' })
    }
    const never = () => new Promise<void>(() => {})
    const open = []
    for (let i = 0; i < 16; i++) open.push(await stream.scan({ filter: 'true' }, never))
    expect(await failure(stream.scan({ filter: 'true' }, never))).toEqual({
      code: 'RATE_LIMITED',
      details: { reason: 'scans', limit: 16 },
    })
    for (const each of open) await each.stop()
    using scan = await stream.scan({ filter: 'true' }, () => {})
    expect(await scan.closed()).toMatchObject({ reason: 'done' })
  })

  test('that never began leave nothing counted', async () => {
    using stream = itx().streams().get('/watched')
    for (let i = 0; i < 20; i++) {
      expect((await failure(stream.subscribe({ after: 'never' as 'now' }, () => {}))).code).toBe('BAD_REQUEST')
      expect((await failure(stream.scan({ filter: '((' }, () => {}))).code).toBe('BAD_REQUEST')
    }
    using open = await stream.subscribe({ after: 'now' }, () => {})
    void open
  })
})
