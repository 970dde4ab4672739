import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError, loadConfig, withPort } from './app.config.ts'

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('an empty environment gives the defaults, and an empty value counts as unset', () => {
  const expected = {
    port: 3000,
    host: '127.0.0.1',
    dataDir: resolve('data'),
    baseUrl: undefined,
    origin: 'http://localhost:3000',
    allowedOrigins: ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000'],
    corsOrigins: [],
    bootstrap: undefined,
    trustedProxies: [],
    longPollMs: 30_000,
    processors: undefined,
    webhookLocalhost: true,
    limits: {
      maxEventBytes: 16_777_216,
      maxBatchEvents: 1000,
      maxBatchBytes: 33_554_432,
      maxMessageBytes: 50_331_648,
      openProjects: 64,
      loginsPerMinute: 5,
      callsPerSecond: 10_000,
      openHandles: 10_000,
      subscriptions: 1000,
      liveReaders: 10_000,
    },
    warnings: [],
  }
  expect(loadConfig({})).toEqual(expected)
  const empty = { PORT: '', HOST: '', TRIBUTARY_DATA_DIR: '', TRIBUTARY_BASE_URL: '', TRIBUTARY_MAX_EVENT_BYTES: '' }
  expect(loadConfig({ ...empty, TRIBUTARY_BOOTSTRAP_EMAIL: '', TRIBUTARY_BOOTSTRAP_PASSWORD: '' })).toEqual(expected)
})

test('every value can be set', () => {
  const config = loadConfig({
    PORT: '8080',
    HOST: '::',
    TRIBUTARY_DATA_DIR: 'somewhere/else',
    TRIBUTARY_BASE_URL: 'https://Streams.Example.com:443/',
    TRIBUTARY_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8 2001:db8::/32',
    TRIBUTARY_BOOTSTRAP_EMAIL: 'admin@example.test',
    TRIBUTARY_BOOTSTRAP_PASSWORD: 'correct horse battery 9',
    TRIBUTARY_LONG_POLL_MS: '50',
    TRIBUTARY_MAX_EVENT_BYTES: '2048',
    TRIBUTARY_MAX_BATCH_EVENTS: '10',
    TRIBUTARY_MAX_BATCH_BYTES: '4096',
    TRIBUTARY_MAX_MESSAGE_BYTES: '8192',
    TRIBUTARY_LOGINS_PER_MINUTE: '100',
    TRIBUTARY_CALLS_PER_SECOND: '200',
    TRIBUTARY_OPEN_HANDLES: '300',
    TRIBUTARY_SUBSCRIPTIONS: '40',
    TRIBUTARY_LIVE_READERS: '50',
    TRIBUTARY_CORS_ORIGINS: 'https://app.example.com, http://localhost:5173/',
    TRIBUTARY_PROCESSORS: './processors.ts',
    TRIBUTARY_WEBHOOK_LOCALHOST: 'true',
  })
  expect(config).toEqual({
    port: 8080,
    host: '::',
    dataDir: resolve('somewhere/else'),
    baseUrl: 'https://streams.example.com',
    origin: 'https://streams.example.com',
    allowedOrigins: ['https://streams.example.com'],
    corsOrigins: ['https://app.example.com', 'http://localhost:5173'],
    bootstrap: { email: 'admin@example.test', password: 'correct horse battery 9' },
    trustedProxies: ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'],
    longPollMs: 50,
    webhookLocalhost: true,
    processors: './processors.ts',
    limits: {
      maxEventBytes: 2048,
      maxBatchEvents: 10,
      maxBatchBytes: 4096,
      maxMessageBytes: 8192,
      openProjects: 64,
      loginsPerMinute: 100,
      callsPerSecond: 200,
      openHandles: 300,
      subscriptions: 40,
      liveReaders: 50,
    },
    warnings: [],
  })
})

test('one error lists every problem with variable, value and what is allowed', () => {
  const env = { PORT: '70000', TRIBUTARY_LONG_POLL_MS: '1e3', TRIBUTARY_BASE_URL: 'example.com', HOST: 'http://x' }
  expect(() => loadConfig(env)).toThrow(
    new ConfigError([
      'HOST is "http://x"; allowed: an IP address or a host name, without scheme, brackets or port',
      'PORT is "70000"; allowed: a whole number from 0 to 65535',
      'TRIBUTARY_BASE_URL is "example.com"; allowed: an http or https origin without path, ' +
        'such as https://streams.example.com',
      'TRIBUTARY_LONG_POLL_MS is "1e3"; allowed: a whole number from 1 to 600000',
    ]),
  )
  expect(() => loadConfig(env)).toThrow(/^4 settings are not valid:\n {2}HOST is /)
  expect(() => loadConfig({ PORT: 'x' })).toThrow(/^1 setting is not valid:\n {2}PORT is "x"/)
})

test.each(['*', 'app.example.com', 'https://a.example/x', 'https://*.example.com', 'null', 'ws://a.example'])(
  'the origin %j of another site is refused',
  (TRIBUTARY_CORS_ORIGINS) => {
    expect(() => loadConfig({ TRIBUTARY_CORS_ORIGINS: `https://a.example ${TRIBUTARY_CORS_ORIGINS}` })).toThrow(
      `TRIBUTARY_CORS_ORIGINS has "${TRIBUTARY_CORS_ORIGINS}"; allowed: http and https origins`,
    )
  },
)

test.each(['proxy', '10.0.0.0/33', '10.0.0.0/0', '::1/129', 'fe80::1%eth0', '10.0.0.0/8/8', '10.0.0.0/x', '10.0.0'])(
  'the proxy %j is refused',
  (TRIBUTARY_TRUSTED_PROXIES) => {
    expect(() => loadConfig({ TRIBUTARY_TRUSTED_PROXIES: `127.0.0.1,${TRIBUTARY_TRUSTED_PROXIES}` })).toThrow(
      `TRIBUTARY_TRUSTED_PROXIES has "${TRIBUTARY_TRUSTED_PROXIES}"; allowed: IP addresses and subnets`,
    )
  },
)

test.each(['-1', '65536', '1.5', '0x10', ' 80', 'abc', '+1', '9'.repeat(400)])('PORT %j is refused', (PORT) => {
  expect(problemsOf({ PORT })).toHaveLength(1)
})

test.each([
  'ftp://example.com',
  'https://example.com/path',
  'https://example.com/?a',
  'https://example.com#',
  'https://*.example.com',
  '//example.com',
  'localhost:3000',
])('TRIBUTARY_BASE_URL %j is refused', (TRIBUTARY_BASE_URL) => {
  expect(problemsOf({ TRIBUTARY_BASE_URL })).toHaveLength(1)
})

test('no password is ever shown', () => {
  for (const password of ['tiny-pw', 'x'.repeat(129)]) {
    const env = { TRIBUTARY_BOOTSTRAP_EMAIL: 'nobody', TRIBUTARY_BOOTSTRAP_PASSWORD: password }
    expect(problemsOf(env)).toEqual([
      'TRIBUTARY_BOOTSTRAP_EMAIL is "nobody"; allowed: an email address',
      'TRIBUTARY_BOOTSTRAP_PASSWORD is (hidden); allowed: 8 to 128 characters',
    ])
  }
  expect(problemsOf({ TRIBUTARY_BASE_URL: 'https://me:geheim@x.org' }).join()).not.toContain('geheim')
})

test('the bootstrap admin needs both values', () => {
  expect(problemsOf({ TRIBUTARY_BOOTSTRAP_EMAIL: 'a@example.test' })).toEqual([
    expect.stringMatching(/^TRIBUTARY_BOOTSTRAP_PASSWORD is not set/),
  ])
  expect(problemsOf({ TRIBUTARY_BOOTSTRAP_PASSWORD: 'long enough' })).toEqual([
    expect.stringMatching(/^TRIBUTARY_BOOTSTRAP_EMAIL is not set/),
  ])
})

test.each(['a@example.test', "o'neil+x@sub.example.org", 'a@b', 'a b@c.de', '.a@c.de', 'a..b@c.de', 'a@c.d', '@c.de'])(
  'the bootstrap email %j is judged as sign-in judges it',
  (email) => {
    const problems = problemsOf({ TRIBUTARY_BOOTSTRAP_EMAIL: email, TRIBUTARY_BOOTSTRAP_PASSWORD: 'long enough' })
    expect(problems.length === 0).toBe(z.email().safeParse(email).success)
  },
)

test('limits that contradict each other are refused', () => {
  expect(problemsOf({ TRIBUTARY_MAX_EVENT_BYTES: '40000000' })).toEqual([
    'TRIBUTARY_MAX_EVENT_BYTES is 40000000; allowed: at most TRIBUTARY_MAX_BATCH_BYTES, which is 33554432',
  ])
  expect(problemsOf({ TRIBUTARY_MAX_MESSAGE_BYTES: '1024' })).toEqual([
    'TRIBUTARY_MAX_BATCH_BYTES is 33554432; allowed: at most TRIBUTARY_MAX_MESSAGE_BYTES, which is 1024',
  ])
})

test('the printed URL follows the host, browsers are let in at localhost, and a warning says so', () => {
  for (const HOST of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) {
    expect(loadConfig({ HOST })).toMatchObject({ origin: 'http://localhost:3000', warnings: [] })
  }
  for (const HOST of ['0.0.0.0', '::']) {
    const config = loadConfig({ HOST })
    expect(config.origin).toBe('http://localhost:3000')
    expect(config.warnings).toEqual([expect.stringContaining('set TRIBUTARY_BASE_URL')])
    expect(loadConfig({ HOST, TRIBUTARY_BASE_URL: 'http://x.org' }).warnings).toEqual([])
  }
  expect(loadConfig({ HOST: '192.0.2.7' }).origin).toBe('http://192.0.2.7:3000')
  expect(loadConfig({ HOST: 'fd00::7' }).origin).toBe('http://[fd00::7]:3000')
})

test('origins are written as a browser sends them', () => {
  expect(loadConfig({ PORT: '80' }).allowedOrigins).toEqual(['http://localhost', 'http://127.0.0.1', 'http://[::1]'])
  expect(loadConfig({ TRIBUTARY_BASE_URL: 'HTTP://EXAMPLE.com:80' }).origin).toBe('http://example.com')
})

test('a port the system chose moves the origins with it, never a base URL', () => {
  expect(withPort(loadConfig({ PORT: '0' }), 4711)).toEqual(loadConfig({ PORT: '4711' }))
  const named = loadConfig({ PORT: '0', TRIBUTARY_BASE_URL: 'https://x.org' })
  expect(withPort(named, 4711)).toEqual({ ...named, port: 4711 })
})

test('an unknown variable is a warning that names the nearest known one', () => {
  const env = { TRIBUTARY_DATADIR: '/x', TRIBUTARY_LOGIN_PER_MIN: '9', PORTX: '1' }
  expect(loadConfig(env).warnings).toEqual([
    'TRIBUTARY_DATADIR is not a setting of Tributary and is ignored; the nearest one is TRIBUTARY_DATA_DIR',
    'TRIBUTARY_LOGIN_PER_MIN is not a setting of Tributary and is ignored; ' +
      'the nearest one is TRIBUTARY_LOGINS_PER_MINUTE',
  ])
  const foreign = { TRIBUTARY_URL: 'x', TRIBUTARY_TOKEN: 'x', TRIBUTARY_PROJECT: 'x', TRIBUTARY_PROCESSORS: 'x' }
  expect(loadConfig(foreign).warnings).toEqual([])
})

test('variables that reach past the configuration are a warning', () => {
  expect(loadConfig({ BETTER_AUTH_TRUSTED_ORIGINS: 'https://evil.example' }).warnings).toEqual([
    expect.stringContaining('BETTER_AUTH_TRUSTED_ORIGINS'),
  ])
})

test.each([
  [{}, true],
  [{ TRIBUTARY_BASE_URL: 'http://localhost:3000' }, true],
  [{ TRIBUTARY_BASE_URL: 'http://[::1]:3000' }, true],
  [{ TRIBUTARY_BASE_URL: 'https://streams.example.com' }, false],
  [{ TRIBUTARY_BASE_URL: 'https://streams.example.com', TRIBUTARY_WEBHOOK_LOCALHOST: 'true' }, true],
  [{ TRIBUTARY_WEBHOOK_LOCALHOST: 'false' }, false],
])('with %j webhooks to this machine are allowed: %s', (env, allowed) => {
  expect(loadConfig(env).webhookLocalhost).toBe(allowed)
})

test('webhooks to this machine are allowed or not, and nothing in between', () => {
  expect(problemsOf({ TRIBUTARY_WEBHOOK_LOCALHOST: 'yes' })).toEqual([
    'TRIBUTARY_WEBHOOK_LOCALHOST is "yes"; allowed: true or false',
  ])
})
