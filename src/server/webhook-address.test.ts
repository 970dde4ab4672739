import { describe, expect, test } from 'vitest'
import { failureOf } from '../streams/testing.ts'
import { type Resolve, checkWebhookUrl, isPublic, webhookTarget } from './webhook-address.ts'

// The threat: a subscription that makes the server itself send requests to what only the server can reach.

const REFUSED = { code: 'BAD_REQUEST', reason: 'webhook-url', field: 'webhook.url' }
const nowhere: Resolve = async () => []

/** Names that lead where a table says. */
function names(table: Readonly<Record<string, readonly string[]>>): Resolve {
  return async (name) => (table[name] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
}

function judge(url: string, resolve: Resolve = nowhere, localhost = true) {
  return webhookTarget(url, { localhost, resolve })
}

describe('an address', () => {
  test.each([
    '0.0.0.0',
    '10.0.0.1',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:10.0.0.1',
    '::ffff:8.8.8.8',
    '::8.8.8.8',
    '64:ff9b::a00:1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:a00:1::1',
    '3fff::1',
    'not an address',
  ])('%s is none that a webhook reaches', (address) => {
    expect(isPublic(address)).toBe(false)
  })

  test.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450::1',
  ])('%s is one of the internet at large', (address) => {
    expect(isPublic(address)).toBe(true)
  })
})

describe('a URL', () => {
  test.each([
    'http://10.0.0.1/hook',
    'https://10.0.0.1/hook',
    'https://127.0.0.1/hook',
    'https://169.254.169.254/',
    'https://[::1]/hook',
    'http://[::1]/hook',
    'https://[::ffff:127.0.0.1]/hook',
    'https://[::ffff:a00:1]/hook',
    'https://[fd00::1]/hook',
    'https://0.0.0.0/',
    'http://0.0.0.0/',
    // The same addresses by other spellings: decimal, octal, hexadecimal, with fewer dots.
    'http://2130706433/hook',
    'http://0177.0.0.1/hook',
    'http://0x7f.0.0.1/hook',
    'http://0x7f000001/hook',
    'http://127.1/hook',
    'https://134744072/hook',
    'https://0x8.8.8.8/hook',
    'http://127.0.0.1./hook',
    'http://127.1/127.0.0.1',
    // Names of this machine but for the one that is meant.
    'https://localhost/hook',
    'https://localhost./hook',
    'https://a.localhost/hook',
    'http://a.localhost/hook',
    'http://localhost./hook',
    'http://localhost.example.com/hook',
    'http://127.0.0.1.nip.io/hook',
    'http://example.com/hook',
    'ftp://example.com/hook',
    'file:///etc/passwd',
    'gopher://localhost/',
    'https://user@example.com/',
    'https://user:secret@example.com/',
    'https://@example.com/',
    'https:\\\\example.com\\hook',
    'https://example.com\\@localhost/',
    ' https://example.com/',
    'https://exa\tmple.com/',
    'https://ⓔxample.com/',
    'example.com/hook',
    'https://',
    '',
  ])('%j is refused', async (url) => {
    expect(await failureOf(judge(url, names({ 'example.com': ['1.1.1.1'] })))).toEqual(REFUSED)
  })

  test.each(['http://localhost:8080/hook', 'http://127.0.0.1:1/', 'http://127.8.9.10/hook'])(
    '%s is for receivers on this machine, where they are allowed',
    async (url) => {
      const here = names({ localhost: ['127.0.0.1', '::1'] })
      expect((await judge(url, here)).url.href).toBe(new URL(url).href)
      expect(await failureOf(judge(url, here, false))).toEqual(REFUSED)
    },
  )

  test('with an address of the internet leads there without anybody being asked', async () => {
    const { addresses } = await judge('https://1.1.1.1/hook')
    expect(addresses).toEqual([{ address: '1.1.1.1', family: 4 }])
    const six = await judge('https://[2606:4700::1111]:8443/hook')
    expect(six.addresses).toEqual([{ address: '2606:4700::1111', family: 6 }])
  })

  test('says why it is refused, and never with the password in it', () => {
    expect(() => checkWebhookUrl('http://127.1/hook', { localhost: true })).toThrow(
      'must spell the IP address as 127.0.0.1',
    )
    expect(() => checkWebhookUrl('http://localhost/', { localhost: false })).toThrow('TRIBUTARY_WEBHOOK_LOCALHOST=true')
  })
})

describe('a name', () => {
  test('leads to the addresses that were looked at', async () => {
    const { addresses } = await judge('https://hooks.example/', names({ 'hooks.example': ['1.1.1.1', '2606:4700::1'] }))
    expect(addresses).toEqual([
      { address: '1.1.1.1', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ])
  })

  test.each([
    ['10.0.0.1'],
    ['1.1.1.1', '10.0.0.1'],
    ['1.1.1.1', '::ffff:10.0.0.1'],
    ['169.254.169.254'],
    ['127.0.0.1'],
    ['fd00:ec2::254'],
    ['0.0.0.0'],
  ])('that leads to %s, and wherever else, is refused', async (...addresses) => {
    expect(await failureOf(judge('https://hooks.example/', names({ 'hooks.example': addresses })))).toEqual(REFUSED)
  })

  test('of this machine must lead to this machine', async () => {
    for (const address of ['10.0.0.1', '1.1.1.1']) {
      expect(await failureOf(judge('http://localhost/', names({ localhost: [address] })))).toEqual(REFUSED)
    }
  })
})
