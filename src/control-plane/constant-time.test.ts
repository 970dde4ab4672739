import type * as Crypto from 'node:crypto'
import { beforeEach, expect, test, vi } from 'vitest'
import { ensureDefaults } from './bootstrap.ts'
import { findProject } from './projects.ts'
import { ReadTokens } from './read-tokens.ts'
import { SetupGate } from './setup.ts'
import { testAuth } from './testing.ts'
import { createToken, TokenVerifier } from './tokens.ts'

// The threat: how long a refusal takes tells how much of a guess was right. A clock cannot prove the contrary in a test;
// that every guess, however right, comes to the comparison that takes the same time for all, can be seen.

const compared: [number, number][] = []
vi.mock('node:crypto', async (load) => {
  const real = await load<typeof Crypto>()
  const timingSafeEqual: typeof real.timingSafeEqual = (a, b) => {
    compared.push([a.byteLength, b.byteLength])
    return real.timingSafeEqual(a, b)
  }
  return { ...real, timingSafeEqual }
})
beforeEach(() => void (compared.length = 0))

test('a setup link: every guess is hashed, and the hashes are compared whole', () => {
  const gate = new SetupGate(testAuth())
  const token = gate.path().replace('/setup/', '')
  for (const guess of ['', 'x', token.slice(0, 42), `${token.slice(0, 42)}!`, `${token}x`, 'ä'.repeat(43)]) {
    expect(gate.accepts(guess)).toBe(false)
  }
  expect(gate.accepts(token)).toBe(true)
  expect(compared).toEqual(Array.from({ length: 7 }, () => [32, 32]))
})

test('a read token: a signature that is nearly right is compared whole', () => {
  const tokens = new ReadTokens('secret')
  const { token } = tokens.mint({ projectId: 'prj_a', path: '/a', seconds: 60 })
  const altered = (at: number) => token.slice(0, at) + (token[at] === 'A' ? 'E' : 'A') + token.slice(at + 1)
  const signature = token.lastIndexOf('.') + 1
  for (const guess of [altered(signature), altered(signature + 10)]) expect(tokens.verify(guess)).toBeNull()
  expect(tokens.verify(token)).not.toBeNull()
  expect(compared).toEqual(Array.from({ length: 3 }, () => [32, 32]))
})

test('a token is never compared: it is looked up by its hash, which tells nothing about a guess', () => {
  const { database } = testAuth()
  ensureDefaults(database)
  const { token } = createToken(database, { projectId: findProject(database, 'demo')?.id ?? '', role: 'viewer' })
  const asked: unknown[] = []
  const prepare = database.sqlite.prepare.bind(database.sqlite)
  vi.spyOn(database.sqlite, 'prepare').mockImplementation(((source: string) => {
    const statement = prepare(source)
    for (const method of ['get', 'all', 'values'] as const) {
      const run = (statement as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>)[method]
      if (!run) continue
      ;(statement as unknown as Record<string, unknown>)[method] = (...args: unknown[]) => {
        asked.push(...args)
        return run.apply(statement, args)
      }
    }
    return statement
  }) as typeof database.sqlite.prepare)
  const verifier = new TokenVerifier(database)
  expect(verifier.verify(token)).not.toBeNull()
  expect(verifier.verify(`${token.slice(0, -1)}${token.endsWith('A') ? 'E' : 'A'}`)).toBeNull()
  const texts = asked.filter((value) => typeof value === 'string')
  expect(texts.length).toBeGreaterThanOrEqual(2)
  for (const text of texts) expect(text).not.toContain(token.slice(4, 12))
})
