import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RawResponse, TestTributary, eventually } from '../server/testing.ts'
import type { WebhookJwk } from '../streams/subscriptions/keys.ts'
import { WebhookReceiver, isSigned } from '../streams/subscriptions/testing.ts'

// Subscriptions as a client of the Durable Streams protocol meets them. The threats: a worker that was replaced and goes
// on, a token that opens another door, a webhook that reaches into the network.

let tributary: TestTributary

beforeAll(async () => {
  tributary = await TestTributary.start()
  tributary.project('other')
})

afterAll(() => tributary.stop())

let last = 0

/** A name that no other test uses. */
function fresh(word: string): string {
  return `${word}-${++last}`
}

interface Described {
  readonly id: string
  readonly status: string
  readonly generation: number
  readonly streams: readonly { readonly path: string; readonly link_type: string; readonly acked_offset: string }[]
  readonly webhook: { readonly url: string; readonly signing: Record<string, string> } | null
  readonly next_after: string | null
}

/** The stream root of a project, as an admin addresses it. */
function client(project = 'demo', role: 'admin' | 'operator' | 'editor' | 'viewer' = 'admin') {
  const door = tributary.door(role, project)
  const at = (path: string) => `/v1/stream/${path}`
  const sub = (id: string, action = '') => at(`__ds/subscriptions/${id}${action}`)
  const json = (value: unknown) => JSON.stringify(value)
  return {
    door,
    url: (path: string) => `${tributary.url}/api/streams/${project}${at(path)}`,
    createStream: (name: string, body?: unknown) => door.put(at(name), body === undefined ? undefined : json(body)),
    append: (name: string, body: unknown) => door.post(at(name), json(body)),
    read: async (name: string) => (await door.get(at(name))).json as readonly Record<string, unknown>[],
    subscribe: (id: string, config: unknown) => door.put(sub(id), json(config)),
    get: async (id: string) => (await door.get(sub(id))).json as Described,
    delete: (id: string) => door.send('DELETE', sub(id)),
    claim: (id: string, worker = 'worker-1') => door.post(sub(id, '/claim'), json({ worker })),
    send: (method: string, id: string, action: string, body?: unknown, token?: string) =>
      door.send(method, sub(id, action), body === undefined ? undefined : json(body), {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      }),
    keys: () => keysOf(project),
  }
}

async function keysOf(project: string): Promise<readonly WebhookJwk[]> {
  const { json } = await tributary.raw(`/api/streams/${project}/v1/stream/__ds/jwks.json`)
  return (json as { keys: readonly WebhookJwk[] }).keys
}

interface Claimed {
  readonly wake_id: string
  readonly generation: number
  readonly token: string
  readonly lease_ttl_ms: number
  readonly streams: readonly { readonly path: string; readonly tail_offset: string; readonly has_pending: boolean }[]
}

function errorOf(response: RawResponse): [number, unknown] {
  return [response.status, (response.json as { error?: { code?: unknown } }).error?.code]
}

describe('a webhook subscription', () => {
  test('is made once, and confirmed for whoever makes the same again', async () => {
    const { subscribe, get, url, keys } = client()
    const id = fresh('hook')
    const config = {
      type: 'webhook',
      pattern: 'confirm/*',
      streams: ['confirm/b', '/confirm/a/'],
      webhook: { url: 'http://localhost:9/hook' },
      lease_ttl_ms: 1000,
      description: 'a test',
    }
    const made = await subscribe(id, config)
    expect(made.status).toBe(201)
    expect(made.json).toMatchObject({
      id,
      subscription_id: id,
      type: 'webhook',
      pattern: 'confirm/*',
      streams: [
        { path: 'confirm/a', link_type: 'explicit', acked_offset: '0000000000000000_0000000000000000' },
        { path: 'confirm/b', link_type: 'explicit', acked_offset: '0000000000000000_0000000000000000' },
      ],
      webhook: {
        url: 'http://localhost:9/hook',
        signing: { alg: 'ed25519', kid: (await keys())[0]!.kid, jwks_url: url('__ds/jwks.json') },
      },
      wake_stream: null,
      lease_ttl_ms: 1000,
      status: 'active',
      description: 'a test',
    })
    expect(made.text).not.toContain('secret')
    // The names in another order and with other slashes are the same subscription.
    const again = await subscribe(id, { ...config, streams: ['confirm/a', 'confirm/b'] })
    expect([again.status, (again.json as Described).id]).toEqual([200, id])
    expect(errorOf(await subscribe(id, { ...config, description: 'another' }))).toEqual([
      409,
      'SUBSCRIPTION_ALREADY_EXISTS',
    ])
    expect((await get(id)).status).toBe('active')
  })

  test('is told of new events by a signed request, and is done with what it says it is done with', async () => {
    await using receiver = await WebhookReceiver.start()
    receiver.answer = () => [200, '{"done":true}']
    const { subscribe, createStream, get, keys, url } = client()
    const id = fresh('hook')
    await createStream('done/before', { event: 'before' })
    await subscribe(id, { type: 'webhook', pattern: 'done/*', webhook: { url: receiver.url } })
    await createStream('done/after', { event: 'after' })
    const wake = await receiver.nth(1)
    expect(wake.headers['content-type']).toBe('application/json')
    expect(isSigned(wake, await keys())).toBe(true)
    expect(isSigned({ ...wake, text: `${wake.text} ` }, await keys())).toBe(false)
    expect(wake.json).toMatchObject({
      subscription_id: id,
      generation: 1,
      callback_url: url(`__ds/subscriptions/${id}/callback`),
    })
    const [told, ...others] = wake.json.streams
    expect(told).toMatchObject({ path: 'done/after', link_type: 'glob', acked_offset: '-1', has_pending: true })
    // What was there before is linked where it ended, so it is nothing to work off.
    expect(others.map(({ path, has_pending }) => [path, has_pending])).toEqual([['done/before', false]])
    await eventually(async () => {
      const { streams } = await get(id)
      return streams.find(({ path }) => path === 'done/after')?.acked_offset === told!.tail_offset
    })
    expect(receiver.received).toHaveLength(1)
  })

  test('acknowledges by calling back, and is fenced once the wake is over', async () => {
    await using receiver = await WebhookReceiver.start()
    const { subscribe, createStream, append, send } = client()
    const id = fresh('hook')
    await subscribe(id, { type: 'webhook', pattern: 'callback/*', webhook: { url: receiver.url } })
    await createStream('callback/a', { n: 1 })
    const { wake_id, generation, callback_token, streams } = (await receiver.nth(1)).json
    const offset = streams[0]!.tail_offset
    const acks = [{ stream: 'callback/a', offset }]
    await append('callback/a', { n: 2 })
    const body = { wake_id, generation, acks }
    const heartbeat = await send('POST', id, '/callback', body, callback_token)
    expect([heartbeat.status, heartbeat.json]).toEqual([200, { ok: true, next_wake: false }])
    // Something has come meanwhile, which the next wake tells of.
    const done = await send('POST', id, '/callback', { ...body, acks: [], done: true }, callback_token)
    expect([done.status, done.json]).toEqual([200, { ok: true, next_wake: true }])
    expect(errorOf(await send('POST', id, '/callback', { ...body, done: true }, callback_token))).toEqual([
      409,
      'FENCED',
    ])
    const next = (await receiver.nth(2)).json
    expect(next.generation).toBe(generation + 1)
    expect(next.wake_id).not.toBe(wake_id)
    expect(next.streams[0]).toMatchObject({ path: 'callback/a', acked_offset: offset, has_pending: true })
  })

  test.each([
    ['not the token of a wake', () => 'trw_nothing', 401, 'TOKEN_INVALID'],
    ['a token of the project', () => tributary.token('admin'), 401, 'TOKEN_INVALID'],
    ['a token of another subscription', (wake: string) => wake, 401, 'TOKEN_INVALID'],
  ])('is not spoken for with %s', async (_what, tokenOf, status, code) => {
    await using receiver = await WebhookReceiver.start()
    const { subscribe, createStream, send } = client()
    const [id, another] = [fresh('hook'), fresh('hook')]
    const name = fresh('tokens')
    const config = { type: 'webhook', pattern: `${name}/*`, webhook: { url: receiver.url } }
    await subscribe(id, config)
    await subscribe(another, config)
    await createStream(`${name}/a`, { n: 1 })
    const wakes = [(await receiver.nth(1)).json, (await receiver.nth(2)).json]
    const of = (each: string) => wakes.find(({ subscription_id }) => subscription_id === each)!
    const { wake_id, generation } = of(id)
    const token = tokenOf(of(another).callback_token)
    const response = await send('POST', id, '/callback', { wake_id, generation, done: true }, token)
    expect(errorOf(response)).toEqual([status, code])
    expect(response.headers['x-content-type-options']).toBe('nosniff')
  })

  test.each([
    'http://10.0.0.1/hook',
    'http://example.com/hook',
    'https://10.0.0.1/hook',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/hook',
    'https://localhost/hook',
    'http://2130706433/hook',
    'https://user:secret@example.com/hook',
    'ftp://localhost/hook',
    'not a URL',
  ])('is refused the address %s', async (url) => {
    const { subscribe } = client()
    const config = { type: 'webhook', pattern: 'unsafe/*', webhook: { url } }
    expect(errorOf(await subscribe(fresh('hook'), config))).toEqual([400, 'WEBHOOK_URL_REJECTED'])
  })
})

describe('streams of a subscription', () => {
  test('are added and removed by name; what the pattern matches stays', async () => {
    const { subscribe, createStream, send, get } = client()
    const id = fresh('names')
    await createStream('names/a', { n: 1 })
    await subscribe(id, { type: 'pull-wake', pattern: 'names/*', streams: ['far/off'], wake_stream: 'wake/names' })
    expect((await send('POST', id, '/streams', { streams: ['names/a', 'far/away'] })).status).toBe(204)
    const list = async () => (await get(id)).streams.map(({ path, link_type }) => [path, link_type])
    expect(await list()).toEqual([
      ['far/away', 'explicit'],
      ['far/off', 'explicit'],
      ['names/a', 'explicit'],
    ])
    for (const name of ['far%2Faway', 'names/a', 'never/named']) {
      expect((await send('DELETE', id, `/streams/${name}`)).status).toBe(204)
    }
    expect(await list()).toEqual([
      ['far/off', 'explicit'],
      ['names/a', 'glob'],
    ])
  })

  test('are listed a page at a time', async () => {
    const { subscribe, send, get, door } = client()
    const id = fresh('pages')
    const names = Array.from({ length: 1000 }, (_, i) => `pages/${String(i).padStart(4, '0')}`)
    await subscribe(id, { type: 'pull-wake', streams: names.slice(1), wake_stream: 'wake/pages' })
    await send('POST', id, '/streams', { streams: [names[0]] })
    const { streams, next_after: after } = await get(id)
    expect([streams.length, after]).toEqual([1000, 'pages/0999'])
    const rest = await door.get(`/v1/stream/__ds/subscriptions/${id}?after=${after}`)
    expect((rest.json as Described).streams).toEqual([])
    const middle = await door.get(`/v1/stream/__ds/subscriptions/${id}?after=pages/0997`)
    expect((middle.json as Described).streams.map(({ path }) => path)).toEqual(['pages/0998', 'pages/0999'])
    expect(errorOf(await send('POST', id, '/streams', { streams: ['pages/more'] }))).toEqual([409, 'LIMIT_EXCEEDED'])
  })

  test('that are deleted are dropped, and found anew when they are made again', async () => {
    const { subscribe, createStream, get, door } = client()
    const id = fresh('deleted')
    await createStream('deleted/a', { n: 1 })
    await subscribe(id, { type: 'pull-wake', pattern: 'deleted/*', wake_stream: 'wake/deleted' })
    await door.send('DELETE', '/v1/stream/deleted/a')
    await eventually(async () => (await get(id)).streams.length === 0)
    await createStream('deleted/a', { n: 2 })
    await eventually(async () => (await get(id)).streams.length > 0)
    expect((await get(id)).streams[0]?.acked_offset).toBe('-1')
  })
})

describe('a pull-wake subscription', () => {
  test('tells a stream, gives its work to one worker alone, and takes it back', async () => {
    const { subscribe, createStream, append, read, claim, send } = client()
    const id = fresh('pull')
    await createStream('wake/pool')
    await subscribe(id, { type: 'pull-wake', pattern: 'pull/*', wake_stream: 'wake/pool', lease_ttl_ms: 60_000 })
    expect(errorOf(await claim(id))).toEqual([409, 'NO_PENDING_WORK'])
    await createStream('pull/a', { n: 1 })
    const message = await eventually(async () =>
      (await read('wake/pool')).find((each) => each['subscription_id'] === id),
    )
    expect(message).toEqual({
      type: 'wake',
      subscription_id: id,
      stream: 'pull/a',
      generation: 1,
      ts: expect.any(Number) as number,
    })
    const claimed = await claim(id)
    expect(claimed.status).toBe(200)
    const { wake_id, generation, token, streams, lease_ttl_ms } = claimed.json as Claimed
    expect([generation, lease_ttl_ms, streams[0]?.path, streams[0]?.has_pending]).toEqual([1, 60_000, 'pull/a', true])
    const busy = await claim(id, 'worker-2')
    expect(errorOf(busy)).toEqual([409, 'ALREADY_CLAIMED'])
    expect(busy.json).toMatchObject({ error: { current_holder: 'worker-1', generation: 1 } })
    const offset = streams[0]?.tail_offset
    const body = { wake_id, generation, acks: [{ stream: 'pull/a', offset }], done: true }
    const ack = await send('POST', id, '/ack', body, token)
    expect([ack.status, ack.json]).toEqual([200, { ok: true, next_wake: false }])

    await append('pull/a', { n: 2 })
    const second = (await claim(id, 'worker-2')).json as Claimed
    expect(second.generation).toBe(2)
    // Who was replaced is fenced with their own token, and with their own generation under a new token.
    expect(errorOf(await send('POST', id, '/ack', body, token))).toEqual([409, 'FENCED'])
    expect(errorOf(await send('POST', id, '/ack', body, second.token))).toEqual([409, 'FENCED'])
    const names = { wake_id: second.wake_id, generation: 2 }
    expect(errorOf(await send('POST', id, '/release', names, token))).toEqual([409, 'FENCED'])
    expect((await send('POST', id, '/release', names, second.token)).status).toBe(204)
    // Given back undone: somebody else is told.
    await eventually(async () => (await read('wake/pool')).some((each) => each['generation'] === 3))
    expect(((await claim(id)).json as Claimed).generation).toBe(3)
  })

  test.each([
    ['beyond the end', '0000000000009999_0000000000000000'],
    ['back', '0000000000000001_0000000000000000'],
    ['inside of an event', '0000000000000003_0000000000000005'],
    ['to the beginning', '-1'],
    ['to what is no offset', 'now'],
  ])('is not acknowledged %s', async (_what, offset) => {
    const { subscribe, createStream, append, claim, send, get } = client()
    const id = fresh('offsets')
    const name = `${id}/a`
    await createStream(name, { n: 1 })
    await subscribe(id, { type: 'pull-wake', pattern: `${id}/*`, wake_stream: 'wake/offsets' })
    await append(name, { n: 2 })
    const { wake_id, generation, token } = (await claim(id)).json as Claimed
    const before = await get(id)
    const acks = [{ stream: name, offset }]
    const refused = await send('POST', id, '/ack', { wake_id, generation, acks, done: true }, token)
    expect(errorOf(refused)).toEqual([409, 'INVALID_OFFSET'])
    expect((await get(id)).streams).toEqual(before.streams)
    // Nothing of it counted: the claim is still theirs.
    expect(errorOf(await claim(id, 'worker-2'))).toEqual([409, 'ALREADY_CLAIMED'])
  })

  test('that is deleted takes nothing more, whatever the token', async () => {
    const { subscribe, createStream, claim, send, delete: remove } = client()
    const id = fresh('gone')
    const config = { type: 'pull-wake', pattern: `${id}/*`, wake_stream: 'wake/gone' }
    await subscribe(id, config)
    await createStream(`${id}/a`, { n: 1 })
    const { wake_id, generation, token } = (await claim(id)).json as Claimed
    expect([(await remove(id)).status, (await remove(id)).status]).toEqual([204, 204])
    const body = { wake_id, generation, done: true }
    expect(errorOf(await send('POST', id, '/ack', body, token))).toEqual([404, 'SUBSCRIPTION_NOT_FOUND'])
    // Made anew under its id, it knows nothing of the old one.
    await subscribe(id, config)
    expect(errorOf(await send('POST', id, '/ack', body, token))).toEqual([409, 'FENCED'])
  })
})

describe('who may', () => {
  test.each([
    ['viewer', 403, 403, 403],
    ['editor', 403, 200, 409],
    ['operator', 201, 200, 409],
  ] as const)('a %s makes, looks at and claims: %i %i %i', async (role, makes, looks, claims) => {
    const id = fresh('roles')
    const config = { type: 'pull-wake', pattern: 'roles/*', wake_stream: 'wake/roles' }
    await client().subscribe(id, config)
    const { door, subscribe, claim } = client('demo', role)
    expect((await subscribe(fresh('roles'), config)).status).toBe(makes)
    expect((await door.get(`/v1/stream/__ds/subscriptions/${id}`)).status).toBe(looks)
    expect((await claim(id)).status).toBe(claims)
  })

  test('a read token reaches no subscription, even where its path is the stream root', async () => {
    const minted = await tributary.raw('/api/read-tokens', {
      method: 'POST',
      headers: { authorization: `Bearer ${tributary.token('editor')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ project: 'demo', path: '/v1/stream' }),
    })
    const { token } = minted.json as { token: string }
    const { send } = client()
    expect((await send('GET', 'any', '', undefined, token)).status).toBe(403)
    expect((await send('PUT', 'any', '', {}, token)).status).toBe(403)
    expect((await send('POST', 'any', '/claim', { worker: 'w' }, token)).status).toBe(403)
  })

  test("another project's subscription is as good as none", async () => {
    const id = fresh('theirs')
    const config = { type: 'pull-wake', pattern: 'theirs/*', wake_stream: 'wake/theirs' }
    await client('other').subscribe(id, config)
    const { send } = client()
    const otherToken = tributary.token('admin', 'other')
    expect(errorOf(await send('GET', id, ''))).toEqual([404, 'SUBSCRIPTION_NOT_FOUND'])
    expect(errorOf(await send('GET', id, '', undefined, otherToken))).toEqual([404, 'NOT_FOUND'])
    expect((await tributary.raw(`/api/streams/demo/v1/stream/__ds/subscriptions/${id}`)).status).toBe(401)
    // The token of a wake in one project opens nothing in the other.
    await client('other').createStream('theirs/a', { n: 1 })
    const { token, wake_id, generation } = (await client('other').claim(id)).json as Claimed
    const body = { wake_id, generation, done: true }
    expect(errorOf(await send('POST', id, '/ack', body, token))).toEqual([401, 'TOKEN_INVALID'])
    expect((await client('other').send('POST', id, '/ack', body, token)).status).toBe(200)
  })

  test('each project signs with a key of its own, and a project that is not there seems to have one', async () => {
    const all = await Promise.all(['demo', 'other', 'nobody', 'nobody'].map(keysOf))
    const [demo, other, none, noneAgain] = all.flat()
    expect(new Set([demo!.kid, other!.kid, none!.kid]).size).toBe(3)
    expect(noneAgain).toEqual(none)
    expect(demo).toMatchObject({
      kty: 'OKP',
      crv: 'Ed25519',
      use: 'sig',
      alg: 'EdDSA',
      kid: expect.stringMatching(/^ds_/) as string,
    })
  })
})

describe('what is no stream', () => {
  test.each([
    ['GET', '/v1/stream/__ds', 404],
    ['GET', '/v1/stream/__ds/other', 404],
    ['GET', '/v1/stream/%5F%5Fds/subscriptions', 404],
    ['PUT', '/v1/stream/__ds/subscriptions/x/streams/%E0', 404],
    ['POST', '/v1/stream/__ds/jwks.json', 405],
    ['GET', '/v1/stream/__ds/subscriptions/x/claim', 405],
    ['POST', '/v1/stream/__ds/subscriptions/x', 405],
  ])('%s %s answers %i', async (method, path, status) => {
    expect((await client().door.send(method, path)).status).toBe(status)
  })

  test.each([
    ['no type', { pattern: 'a' }],
    ['neither pattern nor streams', { type: 'webhook', webhook: { url: 'http://localhost/' } }],
    ['no address', { type: 'webhook', pattern: 'a' }],
    ['no wake stream', { type: 'pull-wake', pattern: 'a' }],
    ['a lease that is too short', { type: 'pull-wake', pattern: 'a', wake_stream: 'w', lease_ttl_ms: 999 }],
    ['a lease that is too long', { type: 'pull-wake', pattern: 'a', wake_stream: 'w', lease_ttl_ms: 600_001 }],
    ['a pattern that is too long', { type: 'pull-wake', pattern: 'a'.repeat(513), wake_stream: 'w' }],
    ['a pattern of too many segments', { type: 'pull-wake', pattern: `${'a/'.repeat(32)}a`, wake_stream: 'w' }],
    ['a pattern that no stream can have', { type: 'pull-wake', pattern: 'a//b', wake_stream: 'w' }],
    ['a name that leads out of the root', { type: 'pull-wake', streams: ['../../secret'], wake_stream: 'w' }],
    ['a name that is reserved', { type: 'pull-wake', streams: ['__ds/x'], wake_stream: 'w' }],
    ['its own wake stream', { type: 'pull-wake', streams: ['w'], wake_stream: 'w' }],
    ['too many names', { type: 'pull-wake', streams: times(1001), wake_stream: 'w' }],
    ['a long description', { type: 'pull-wake', pattern: 'a', wake_stream: 'w', description: 'd'.repeat(1001) }],
  ])('a subscription with %s is refused', async (_what, config) => {
    expect(errorOf(await client().subscribe(fresh('bad'), config))).toEqual([400, 'INVALID_REQUEST'])
  })

  test('a body that is too large is refused before it is read', async () => {
    const response = await client().door.put('/v1/stream/__ds/subscriptions/large', `"${'x'.repeat(1024 * 1024)}"`)
    expect(errorOf(response)).toEqual([413, 'INVALID_REQUEST'])
  })
})

function times(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `name/${i}`)
}
