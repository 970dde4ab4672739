import { expect, test } from 'vitest'
import { isSigned } from '../streams/subscriptions/testing.ts'
import { WebhookKeys } from './webhook-keys.ts'

const SECRET = 'a'.repeat(64)
const GRANT = { projectId: 'prj_1', subscriptionId: 'sub/1', wakeId: 'w_1', generation: 7 }

function keysAt(now: number, secret = SECRET): WebhookKeys {
  return new WebhookKeys(secret, () => now)
}

test('keys follow from the secret: a restart changes nothing, another secret everything', () => {
  const jwk = keysAt(0).publicKey('prj_1')
  expect(keysAt(1e9).publicKey('prj_1')).toEqual(jwk)
  expect(keysAt(0, 'b'.repeat(64)).publicKey('prj_1').x).not.toBe(jwk.x)
  expect(Buffer.from(jwk.x, 'base64url')).toHaveLength(32)
  expect(jwk.kid).toMatch(/^ds_[\w-]{43}$/)
})

test("a webhook of one project never passes for another's", () => {
  const keys = keysAt(1_800_000_000_000)
  const headers = { 'webhook-signature': keys.signature('prj_1', '{"a":1}') }
  expect(headers['webhook-signature']).toMatch(/^t=1800000000,kid=ds_/)
  const [own, other, decoy] = [keys.publicKey('prj_1'), keys.publicKey('prj_2'), keys.decoyKey('prj_1')]
  expect(isSigned({ headers, text: '{"a":1}' }, [own])).toBe(true)
  expect(isSigned({ headers, text: '{"a":2}' }, [own])).toBe(false)
  // Under the name of the right key as well.
  for (const wrong of [other, decoy]) {
    expect(isSigned({ headers, text: '{"a":1}' }, [{ ...wrong, kid: own.kid }])).toBe(false)
  }
})

test('a token says what it is for, until its day is over', () => {
  const token = keysAt(0).mint(GRANT)
  expect(keysAt(0).verify(token)).toEqual(GRANT)
  expect(keysAt(24 * 3600 * 1000 - 1).verify(token)).toEqual(GRANT)
  expect(keysAt(24 * 3600 * 1000).verify(token)).toBe('expired')
})

test('a token that was changed, cut, or signed by somebody else is none', () => {
  const keys = keysAt(0)
  const token = keys.mint(GRANT)
  const [body = '', signature = ''] = token.slice('trw_'.length).split('.')
  const forged = Buffer.from(JSON.stringify(['prj_1', 'sub/1', 'w_1', 8, 9e15])).toString('base64url')
  for (const bad of [
    `trw_${forged}.${signature}`,
    `trw_${body}.`,
    `trw_${body}`,
    `trw_${body}.${signature}.${signature}`,
    `trw_${body}.${signature.slice(0, -1)}`,
    `trw_${body}.${signature}=`,
    `trr_${body}.${signature}`,
    token.toUpperCase(),
    keysAt(0, 'b'.repeat(64)).mint(GRANT),
    `trw_${'a'.repeat(2000)}`,
    '',
  ]) {
    expect(keys.verify(bad)).toBe('invalid')
  }
})
