import { expect, test } from 'vitest'
import { ClientAddresses } from './client-address.ts'

// The threat: whoever can name the address they are counted by has no limit, and blames others in the audit.

const nobody = new ClientAddresses([])
const proxied = new ClientAddresses(['10.0.0.1', '10.1.0.0/16', '2001:db8::/32'])

test('without proxies the header is never looked at', () => {
  expect(nobody.of('192.0.2.1', '198.51.100.7')).toBe('192.0.2.1')
  expect(nobody.of('127.0.0.1', '198.51.100.7, 127.0.0.1')).toBe('127.0.0.1')
})

test('a header from anybody but a named proxy is ignored', () => {
  for (const connected of ['192.0.2.1', '10.0.0.2', '10.2.0.1', '2001:db9::1', '::1']) {
    expect(proxied.of(connected, '198.51.100.7')).toBe(connected)
  }
})

test.each([
  ['198.51.100.7', '198.51.100.7'],
  ['spoofed, 203.0.113.9, 198.51.100.7', '198.51.100.7'],
  ['10.0.0.1, 198.51.100.7', '198.51.100.7'],
  // Through two named proxies: the one on the right was added by the first of them.
  ['203.0.113.9, 198.51.100.7, 10.1.2.3', '198.51.100.7'],
  ['198.51.100.7:4711', '198.51.100.7'],
  ['[2001:db9::7]:4711', '2001:db9::7'],
  ['2001:DB9::7', '2001:db9::7'],
  ['::ffff:198.51.100.7', '198.51.100.7'],
])('behind a proxy, %j comes from %s', (header, client) => {
  expect(proxied.of('10.0.0.1', header)).toBe(client)
})

test.each([null, undefined, '', ' , ', 'unknown', '198.51.100.7, _hidden', '198.51.100.7, <script>', '1.2.3.4.5'])(
  'a proxy that tells no address (%j) is the client itself',
  (header) => {
    expect(proxied.of('10.0.0.1', header)).toBe('10.0.0.1')
  },
)

test('only proxies in the header: the leftmost of them asked', () => {
  expect(proxied.of('10.0.0.1', '10.1.0.9, 10.1.0.8')).toBe('10.1.0.9')
})

test('an IPv4 proxy is known when the socket listens on IPv6 as well', () => {
  expect(proxied.of('::ffff:10.0.0.1', '198.51.100.7')).toBe('198.51.100.7')
  expect(proxied.of('::FFFF:192.0.2.1', '198.51.100.7')).toBe('192.0.2.1')
  expect(proxied.of('2001:db8::5', '198.51.100.7')).toBe('198.51.100.7')
})

test('a connection that is gone has no address', () => {
  expect(proxied.of(undefined, '198.51.100.7')).toBeNull()
})

test('a long header costs no more than its proxies', () => {
  const header = `${'1.1.1.1,'.repeat(100_000)}198.51.100.7`
  expect(proxied.of('10.0.0.1', header)).toBe('198.51.100.7')
})
