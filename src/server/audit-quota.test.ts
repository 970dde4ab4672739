import { expect, test } from 'vitest'
import type { AuditEvent } from '../control-plane/audit.ts'
import { AuditQuota } from './audit-quota.ts'

// The threat: whoever is refused for free writes the disk full, or hides what somebody else does behind it.

function quota() {
  let now = 1_000_000
  return { quota: new AuditQuota(() => now), advance: (ms: number) => void (now += ms), now: () => now }
}

const failed = (address: string | null): AuditEvent => ({
  type: 'auth/sign-in-failed',
  payload: { email: null, address },
})
const denied = (tokenId: string): AuditEvent => ({
  type: 'access/denied',
  payload: { reason: 'role', by: { kind: 'token', id: tokenId }, address: '192.0.2.1' },
})
const admitted = (to: AuditQuota, event: AuditEvent, times: number) =>
  Array.from({ length: times }, () => to.admits(event)).filter(Boolean).length

test('30 of a type from one source in a minute, and the rest as a number', () => {
  const { quota: bound, advance, now } = quota()
  const since = now()
  expect(admitted(bound, failed('192.0.2.1'), 100)).toBe(30)
  // Others are told all the same, and so is another type of the same source.
  expect(admitted(bound, failed('192.0.2.2'), 5)).toBe(5)
  expect(admitted(bound, denied('tok_a'), 31)).toBe(30)
  expect(bound.summaries()).toEqual([])
  advance(60_000)
  expect(bound.summaries()).toEqual([
    {
      type: 'audit/suppressed',
      payload: { type: 'auth/sign-in-failed', count: 70, since, most: [{ source: '192.0.2.1', count: 70 }] },
    },
    {
      type: 'audit/suppressed',
      payload: { type: 'access/denied', count: 1, since, most: [{ source: 'tok_a', count: 1 }] },
    },
  ])
  expect(bound.summaries()).toEqual([])
  expect(admitted(bound, failed('192.0.2.1'), 31)).toBe(30)
})

test('300 of a type in a minute from however many sources; the worst ten are named', () => {
  const { quota: bound, advance } = quota()
  let through = 0
  for (let n = 0; n < 20_000; n++) through += bound.admits(failed(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)) ? 1 : 0
  through += admitted(bound, failed('10.0.0.5'), 50)
  expect(through).toBe(300)
  advance(60_000)
  const [summary, ...more] = bound.summaries()
  expect(more).toEqual([])
  expect(summary?.payload).toMatchObject({ count: 19_750 })
  // Beyond a thousand they are counted together: the memory is bounded.
  expect(summary?.payload.most.slice(0, 2)).toEqual([
    { source: 'others', count: 19_000 },
    { source: '10.0.0.5', count: 50 },
  ])
  expect(summary?.payload.most).toHaveLength(10)
})

test('a known principal is one source from wherever it comes, and a /64 of IPv6 is one', () => {
  const { quota: bound } = quota()
  for (const address of ['2001:db8::1', '2001:DB8:0:0::2', '2001:0db8::ffff:1', '2001:db8:0:0:1:2:3:4']) {
    admitted(bound, failed(address), 10)
  }
  expect(bound.admits(failed('2001:db8::9'))).toBe(false)
  expect(bound.admits(failed('2001:db8:0:1::9'))).toBe(true)
  expect(bound.admits(failed('::1'))).toBe(true)
  expect(admitted(bound, failed(null), 40)).toBe(30)
})

test('what takes a right is never left out', () => {
  const { quota: bound } = quota()
  const opened: AuditEvent = {
    type: 'admin/project-opened',
    payload: { projectId: 'prj_a', by: { kind: 'user', id: 'usr_a' } },
  }
  const signedIn: AuditEvent = { type: 'auth/signed-in', payload: { userId: 'u', email: 'e', address: '192.0.2.1' } }
  for (const event of [opened, signedIn]) expect(admitted(bound, event, 5000)).toBe(5000)
})

test('a clock that is set back begins a new minute, and loses no count', () => {
  const { quota: bound, advance } = quota()
  expect(admitted(bound, failed('192.0.2.1'), 31)).toBe(30)
  advance(-3_600_000)
  expect(bound.summaries()).toHaveLength(1)
  expect(admitted(bound, failed('192.0.2.1'), 30)).toBe(30)
  // Nothing was left out: the window simply ends.
  advance(60_000)
  expect(admitted(bound, failed('192.0.2.1'), 30)).toBe(30)
  expect(bound.summaries()).toEqual([])
})

test('the end of the server does not wait for the minute', () => {
  const { quota: bound } = quota()
  admitted(bound, failed('192.0.2.1'), 31)
  expect(bound.summaries({ all: true }).map(({ payload }) => payload.count)).toEqual([1])
})
