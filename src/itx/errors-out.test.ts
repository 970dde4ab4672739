import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { httpStatus } from '../http/http-error.ts'
import { type Dialled, type RawResponse, TestTributary } from '../server/testing.ts'
import { ITX_ERROR_CODES, ItxError, type ItxErrorCode, itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import type { JsonText } from '../streams/json-text.ts'
import { outgoingError } from './errors-out.ts'
import type { ProjectApi } from './handle.ts'
import { getServerItx } from './server-handle.ts'

// Threat: one fault looks different through two doors, so that what catches it at one does not at the other; or an error
// tells a stranger what the server looks like inside. The doors are real: a socket, an HTTP answer, the handle of a render.

let tributary: TestTributary
let cookie: string
let socket: Dialled
let rendering: ProjectApi & Disposable

beforeAll(async () => {
  tributary = await TestTributary.start()
  cookie = await tributary.signIn(await tributary.user('viewer@example.com', { demo: 'viewer' }))
  await tributary.streams().append('/paused' as never, [{ type: 'a' }])
  await tributary.streams().pause('/paused' as never, 'for a while')
})
afterEach(() => {
  socket?.socket.terminate()
  rendering?.[Symbol.dispose]()
  setDev(false)
  tributary.logged.length = 0
})
afterAll(() => tributary.stop())

interface Seen {
  readonly code: string | undefined
  readonly message: string
  readonly details: unknown
  /** As far as the door has one: everything that a caller gets. */
  readonly raw: string
}

/** Each fault once per door: what the caller sees of it, and the HTTP answer. */
async function through(
  role: 'viewer' | 'editor' | 'admin',
  call: (project: ProjectApi) => Promise<unknown>,
  request: readonly [method: string, path: string, body?: string],
  project = 'demo',
): Promise<{ readonly socket: Seen; readonly http: Seen; readonly render: Seen; readonly answer: RawResponse }> {
  socket = tributary.itx(role)
  const bySocket = await seen(call(socket.root.projects.get(project)))
  const [method, path, body] = request
  const byToken = {
    authorization: `Bearer ${tributary.token(role)}`,
    'content-type': 'application/vnd.tributary.event+json',
  }
  const answer = await tributary.raw(`/api/streams/${project}${path}`, {
    method,
    headers: byToken,
    ...(body === undefined ? {} : { body }),
  })
  const body_ = answer.json as { code: string; message: string; details?: unknown }
  return {
    socket: { ...bySocket, raw: socket.received.join('\n') },
    http: { code: body_.code, message: body_.message, details: body_.details, raw: answer.text },
    render: await seen(
      asUser(role).then(async (headers) => {
        rendering = await getServerItx(project, new Request(tributary.url, { headers }))
        return call(rendering)
      }),
    ),
    answer,
  }
}

const cookies = new Map<string, string>()
async function asUser(role: 'viewer' | 'editor' | 'admin'): Promise<{ cookie: string }> {
  if (role === 'viewer') return { cookie }
  let known = cookies.get(role)
  if (known === undefined) {
    known = await tributary.signIn(await tributary.user(`${role}@example.com`, { demo: role }))
    cookies.set(role, known)
  }
  return { cookie: known }
}

async function seen(call: Promise<unknown>): Promise<Seen> {
  const error = await call.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  const { message, stack } = Object(error) as Error
  const own = { ...(error as object) }
  return { code: itxErrorCode(error), message, details: itxErrorDetails(error), raw: JSON.stringify({ own, stack }) }
}

function setDev(dev: boolean): void {
  ;(tributary.instance as { dev: boolean }).dev = dev
}

/** Runs something while the engine fails, for whoever asks for a project. */
async function failing<T>(error: unknown, run: () => Promise<T>): Promise<T> {
  const { engine } = tributary.instance
  const project = engine.project.bind(engine)
  const { id } = { id: tributary.projectId('demo') }
  engine.project = (asked) => {
    if (asked === id) throw error
    return project(asked)
  }
  try {
    return await run()
  } finally {
    engine.project = project
  }
}

describe('the same fault has the same code, message and details through every door', () => {
  const one = '{"type":"a"}'
  type Fault = Parameters<typeof through> | [...Parameters<typeof through>]
  const faults: Record<string, readonly [ItxErrorCode, number, ...Fault]> = {
    'a path that is none': [
      'BAD_REQUEST',
      400,
      'viewer',
      (project) => project.streams.get('/a//b').read(),
      ['GET', '/a//b'],
    ],
    'an event with a field too much': [
      'BAD_REQUEST',
      400,
      'editor',
      (project) => project.streams.get('/a').append([{ type: 'a', colour: 1 } as never]),
      ['POST', '/a', '{"type":"a","colour":1}'],
    ],
    'an event that is too large': [
      'BAD_REQUEST',
      413,
      'editor',
      (project) => project.streams.get('/a').append([{ type: 'a', payload: LARGE as JsonText }]),
      ['POST', '/a', `{"type":"a","payload":${LARGE}}`],
    ],
    'a project that is not there': [
      'NOT_FOUND',
      404,
      'admin',
      (project) => project.streams.get('/a').read(),
      ['GET', '/a'],
      'nosuch',
    ],
    'a role that is too small': [
      'FORBIDDEN',
      403,
      'viewer',
      (project) => project.streams.get('/a').append([{ type: 'a' }]),
      ['POST', '/a', one],
    ],
    'a type that is reserved': [
      'FORBIDDEN',
      403,
      'admin',
      (project) => project.streams.get('/a').append([{ type: 'stream/closed' }]),
      ['POST', '/a', '{"type":"stream/closed"}'],
    ],
    'a precondition that does not hold': [
      'CONFLICT',
      409,
      'editor',
      (project) => project.streams.get('/paused').append([{ type: 'a', offset: 99 }]),
      ['POST', '/paused', '{"type":"a","offset":99}'],
    ],
    'a stream that is paused': [
      'CONFLICT',
      409,
      'editor',
      (project) => project.streams.get('/paused').append([{ type: 'a' }]),
      ['POST', '/paused', one],
    ],
  }
  test.each(Object.entries(faults))('%s', async (_what, [code, status, ...fault]) => {
    const { socket: a, http: b, render: c, answer } = await through(...(fault as Parameters<typeof through>))
    expect(a.code).toBe(code)
    expect([b.code, b.message, b.details]).toEqual([a.code, a.message, a.details])
    expect([c.code, c.message, c.details]).toEqual([a.code, a.message, a.details])
    expect(answer.status).toBe(status)
    for (const { raw } of [a, b, c]) expect(raw).not.toMatch(INSIDE)
  })

  const thrown: Record<string, readonly [ItxError, number]> = {
    'busy, or shutting down': [new ItxError('UNAVAILABLE', 'the disk is full', { reason: 'disk-full' }), 503],
    'too much at once': [new ItxError('RATE_LIMITED', 'more than 7 at once', { limit: 7 }), 429],
    'without details': [new ItxError('CONFLICT', 'it is taken'), 409],
  }
  test.each(Object.entries(thrown))('%s, from deep inside', async (_what, [error, status]) => {
    const all = await failing(error, () =>
      through('viewer', (project) => project.streams.get('/a').read(), ['GET', '/a']),
    )
    for (const { code, message, details, raw } of [all.socket, all.http, all.render]) {
      expect([code, message, details]).toEqual([error.code, error.message, error.details])
      expect(raw).not.toMatch(INSIDE)
    }
    expect(all.answer.status).toBe(status)
    expect(all.answer.headers['retry-after'] !== undefined).toBe(status === 503 || status === 429)
    if (error.details === undefined) {
      expect(all.answer.text).not.toContain('details')
      expect(all.socket.raw).not.toContain('"details"')
    }
  })
})

const LARGE = `"${'x'.repeat(16 * 2 ** 20)}"`
/** What would tell of the inside of the server. */
const INSIDE = /\.ts[:"]|node_modules|\bat \S+ \(|TypeError|the secret is 42/

describe('an error without a code', () => {
  const secret = () => new TypeError('the secret is 42', { cause: new Error('and a secret cause') })
  const read = (error: unknown) =>
    failing(error, () => through('viewer', (project) => project.streams.get('/a').read(), ['GET', '/a']))

  test('is INTERNAL with a correlation id through every door, and the log has the rest under it', async () => {
    const all = await read(secret())
    expect(all.answer.status).toBe(500)
    const ids = [all.socket, all.http, all.render].map(({ code, message, details, raw }) => {
      expect([code, message]).toEqual(['INTERNAL', 'something failed inside the server'])
      expect(details).toEqual({ correlationId: expect.stringMatching(/^[0-9a-f-]{36}$/) })
      expect(raw).not.toMatch(INSIDE)
      return (details as { correlationId: string }).correlationId
    })
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) {
      const entries = (tributary.logged as [string, unknown][]).filter(([message]) => message.includes(id))
      expect(entries).toHaveLength(1)
      expect(entries[0]?.[1]).toMatchObject({ message: 'the secret is 42' })
    }
  })

  test('shows message and stack in dev, to callers of a handle', async () => {
    setDev(true)
    const all = await read(secret())
    for (const { code, message, details } of [all.socket, all.http, all.render]) {
      expect([code, message]).toEqual(['INTERNAL', 'the secret is 42'])
      expect(details).toEqual({ correlationId: expect.any(String) })
    }
    expect(all.socket.raw).toContain('errors-out.test.ts')
    expect(all.render.raw).toContain('errors-out.test.ts')
    // An HTTP answer has no place for one.
    expect(all.http.raw).not.toMatch(/\.ts:/)
  })

  test.each([
    ['a foreign code', Object.assign(new Error('the secret is 42'), { code: 'ECONNREFUSED' })],
    ['a text', 'the secret is 42'],
    ['null', null],
    ['undefined', undefined],
    ['a text that is a code', 'NOT_FOUND'],
    ['a code in another case', Object.assign(new Error('the secret is 42'), { code: 'not_found' })],
    ['a name alone', Object.assign(new Error('the secret is 42'), { name: 'ItxError' })],
  ])('is that also with %s', async (_what, error) => {
    const all = await read(error)
    for (const { code, raw } of [all.socket, all.http, all.render]) {
      expect(code).toBe('INTERNAL')
      expect(raw).not.toMatch(INSIDE)
    }
  })
})

describe('a coded error', () => {
  test('counts by its code alone: of any class, of none, and after a wire that drops both', async () => {
    for (const error of [
      { code: 'CONFLICT', message: 'taken', details: { reason: 'slug' } },
      Object.assign(new TypeError('taken'), { code: 'CONFLICT', details: { reason: 'slug' } }),
      Object.assign(Object.create(null) as object, { code: 'CONFLICT', message: 'taken', details: { reason: 'slug' } }),
    ]) {
      const all = await failing(error, () =>
        through('viewer', (project) => project.streams.get('/a').read(), ['GET', '/a']),
      )
      for (const { code, message, details } of [all.socket, all.http, all.render]) {
        expect([code, message, details]).toEqual(['CONFLICT', 'taken', { reason: 'slug' }])
      }
    }
    socket = tributary.itx('viewer')
    const error = await socket.root.projects
      .get('nosuch')
      .describe()
      .then(undefined, (reason: unknown) => reason)
    // The wire really drops them: nothing could look at class or name.
    expect([error instanceof ItxError, (error as Error).name, itxErrorCode(error)]).toEqual([
      false,
      'Error',
      'NOT_FOUND',
    ])
  })

  test('of damage is INTERNAL with its details and a correlation id', async () => {
    const damage = new ItxError('INTERNAL', 'event 7 of /a is missing', { reason: 'corrupt', path: '/a', offset: 7 })
    const all = await failing(damage, () =>
      through('viewer', (project) => project.streams.get('/a').read(), ['GET', '/a']),
    )
    for (const { code, message, details } of [all.socket, all.http, all.render]) {
      expect([code, message]).toEqual(['INTERNAL', damage.message])
      expect(details).toEqual({ reason: 'corrupt', path: '/a', offset: 7, correlationId: expect.any(String) })
      const { correlationId } = details as { correlationId: string }
      expect((tributary.logged as [string][]).filter(([entry]) => entry.includes(correlationId))).toHaveLength(1)
    }
  })

  test('goes through a second door as it came from the first, and is logged once', () => {
    const logged: unknown[] = []
    const instance = { dev: false, log: (message: string) => void logged.push(message) }
    const first = outgoingError(instance, new Error('x'))
    const second = outgoingError(instance, first)
    expect({ ...second, message: second.message }).toEqual({ ...first, message: first.message })
    expect(logged).toHaveLength(1)
  })
})

test('every code has its status, and two reasons have their own', () => {
  expect(Object.fromEntries(ITX_ERROR_CODES.map((code) => [code, httpStatus({ code })]))).toEqual({
    BAD_REQUEST: 400,
    NOT_FOUND: 404,
    FORBIDDEN: 403,
    CONFLICT: 409,
    RATE_LIMITED: 429,
    UNAVAILABLE: 503,
    INTERNAL: 500,
  })
  expect(httpStatus({ code: 'BAD_REQUEST', details: { reason: 'too-large' } })).toBe(413)
  expect(httpStatus({ code: 'NOT_FOUND', details: { reason: 'trimmed' } })).toBe(410)
})
