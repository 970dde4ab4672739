import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { OPERATOR } from './audit.ts'
import { ensureDefaults } from './bootstrap.ts'
import { findProject } from './projects.ts'
import { projects, tokens } from './schema.ts'
import { refusal, testDatabase } from './testing.ts'
import { createToken, listTokens, revokeToken, TokenVerifier } from './tokens.ts'

function withProject() {
  const database = testDatabase()
  ensureDefaults(database)
  const projectId = findProject(database, 'demo')?.id ?? ''
  let at = 1_000_000
  const now = () => at
  const verifier = new TokenVerifier(database, { now, maxTokens: 2 })
  return { database, projectId, now, verifier, advance: (ms: number) => void (at += ms) }
}

test('a token is shown once and stored as its hash', () => {
  const { database, projectId, verifier } = withProject()
  const { id, token } = createToken(database, { projectId, role: 'editor', name: 'ci' })
  expect(id).toMatch(/^tok_[a-z2-7]{20}$/)
  expect(token).toMatch(/^trb_[A-Za-z0-9_-]{43}$/)
  const row = database.db.select().from(tokens).get()
  expect(row).toMatchObject({ id, name: 'ci', hash: createHash('sha256').update(token).digest('hex'), createdBy: null })
  expect(JSON.stringify(row)).not.toContain(token.slice(4))
  expect(verifier.verify(token)).toEqual({ tokenId: id, projectId, role: 'editor' })
})

test('what is no token of ours is nothing', () => {
  const { database, projectId, verifier } = withProject()
  const { token } = createToken(database, { projectId, role: 'viewer' })
  const altered = `${token.slice(0, -1)}${token.endsWith('A') ? 'E' : 'A'}`
  for (const bad of ['', 'trb_', altered, `${token} `, token.slice(4), `Bearer ${token}`]) {
    expect(verifier.verify(bad)).toBeNull()
  }
})

test('a revoked token is refused after 5 s at the latest, and only by its own project', () => {
  const { database, projectId, verifier, advance } = withProject()
  const { id: tokenId, token } = createToken(database, { projectId, role: 'viewer' })
  expect(verifier.verify(token)).not.toBeNull()
  expect(revokeToken(database, { projectId: 'prj_other', tokenId, by: OPERATOR })).toBe(false)
  expect(revokeToken(database, { projectId, tokenId, by: OPERATOR })).toBe(true)
  expect(revokeToken(database, { projectId, tokenId, by: OPERATOR })).toBe(false)
  advance(4999)
  expect(verifier.verify(token)).not.toBeNull()
  advance(1)
  expect(verifier.verify(token)).toBeNull()
})

test('being asked does not keep a revoked token alive, nor does a clock set back', () => {
  const { database, projectId, verifier, advance } = withProject()
  const { id: tokenId, token } = createToken(database, { projectId, role: 'viewer' })
  verifier.verify(token)
  revokeToken(database, { projectId, tokenId, by: OPERATOR })
  advance(3000)
  verifier.verify(token)
  advance(2000)
  expect(verifier.verify(token)).toBeNull()

  const other = createToken(database, { projectId, role: 'viewer' })
  verifier.verify(other.token)
  revokeToken(database, { projectId, tokenId: other.id, by: OPERATOR })
  advance(-60_000)
  expect(verifier.verify(other.token)).toBeNull()
})

test('no is never remembered: the token of a restored row lives at once', () => {
  const { database, projectId, verifier } = withProject()
  const { id, token } = createToken(database, { projectId, role: 'viewer' })
  const row = database.db.select().from(tokens).all()
  revokeToken(database, { projectId, tokenId: id, by: OPERATOR })
  expect(verifier.verify(token)).toBeNull()
  database.db.insert(tokens).values(row).run()
  expect(verifier.verify(token)).not.toBeNull()
})

test('a token expires to the millisecond, cached or not', () => {
  const { database, projectId, verifier, now, advance } = withProject()
  const { token } = createToken(database, { projectId, role: 'viewer', expiresAt: now() + 1000 }, now)
  expect(verifier.verify(token)).not.toBeNull()
  advance(999)
  expect(verifier.verify(token)).not.toBeNull()
  advance(1)
  expect(verifier.verify(token)).toBeNull()
  advance(10_000)
  expect(verifier.verify(token)).toBeNull()
})

test('the tokens of a deleted project are gone with it', () => {
  const { database, projectId, verifier, advance } = withProject()
  const { token } = createToken(database, { projectId, role: 'viewer' })
  verifier.verify(token)
  database.db.delete(projects).run()
  advance(5000)
  expect(verifier.verify(token)).toBeNull()
})

test('the tokens of a project are listed without a trace of the secret, the newest first', () => {
  const { database, projectId, now, advance } = withProject()
  const old = createToken(database, { projectId, role: 'viewer', name: 'old' }, now)
  advance(1)
  const young = createToken(database, { projectId, role: 'editor', name: 'young', expiresAt: now() + 5 }, now)
  const unused = { createdBy: null, lastUsedAt: null }
  expect(listTokens(database, projectId)).toEqual([
    { id: young.id, name: 'young', role: 'editor', createdAt: now(), expiresAt: now() + 5, ...unused },
    { id: old.id, name: 'old', role: 'viewer', createdAt: now() - 1, expiresAt: null, ...unused },
  ])
  expect(listTokens(database, 'prj_other')).toEqual([])
})

test('refuses an unknown project, a role that is none, a long name and a past expiry', async () => {
  const { database, projectId, now } = withProject()
  const create = (change: object) => refusal(() => createToken(database, { projectId, role: 'viewer', ...change }, now))
  expect(await create({ projectId: 'prj_none' })).toBe('NOT_FOUND')
  expect(await create({ role: 'owner' })).toBe('BAD_REQUEST')
  expect(await create({ name: 'x'.repeat(101) })).toBe('BAD_REQUEST')
  for (const expiresAt of [now(), 0, Number.NaN, Infinity]) expect(await create({ expiresAt })).toBe('BAD_REQUEST')
})

test('last uses are kept in memory and written together', () => {
  const { database, projectId, verifier, now, advance } = withProject()
  const made = [1, 2].map(() => createToken(database, { projectId, role: 'viewer' }))
  for (const { token } of made) verifier.verify(token)
  advance(10)
  for (const { token } of made) verifier.verify(token)
  const lastUses = () =>
    database.db
      .select({ at: tokens.lastUsedAt })
      .from(tokens)
      .all()
      .map((row) => row.at)
  expect(lastUses()).toEqual([null, null])
  expect(verifier.flushUses()).toBe(2)
  expect(lastUses()).toEqual([now(), now()])
  expect(verifier.flushUses()).toBe(0)
})

test('memory is bounded, and answers stay right beyond the bound', () => {
  const { database, projectId, verifier } = withProject()
  const made = Array.from({ length: 5 }, () => createToken(database, { projectId, role: 'viewer' }))
  for (let round = 0; round < 2; round++) {
    for (const { id, token } of made) expect(verifier.verify(token)?.tokenId).toBe(id)
  }
  expect(verifier.flushUses()).toBeLessThanOrEqual(3)
})
