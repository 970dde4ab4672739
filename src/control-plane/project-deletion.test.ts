import { expect, test } from 'vitest'
import { OPERATOR } from './audit.ts'
import { waitingAudit } from './audit-outbox.ts'
import { ensureDefaults } from './bootstrap.ts'
import { deleteProject, finishDeletion, unfinishedDeletions } from './project-deletion.ts'
import { addProjectMember, findProject } from './projects.ts'
import { projectMembers, tokens } from './schema.ts'
import { testAuth } from './testing.ts'
import { createToken } from './tokens.ts'
import { createUser } from './users.ts'

test('a deleted project is gone with its members and tokens, and its id is remembered until its file is gone', async () => {
  const { auth, database } = testAuth()
  ensureDefaults(database)
  const projectId = findProject(database, 'demo')?.id ?? ''
  const user = await createUser(auth, database, { email: 'a@example.test', password: 'correct horse', name: 'A' })
  addProjectMember(database, { projectId, userId: user.id, role: 'admin' })
  createToken(database, { projectId, role: 'viewer' })

  expect(deleteProject(database, { projectId, by: OPERATOR })).toBe(true)
  expect([findProject(database, 'demo'), findProject(database, projectId)]).toEqual([null, null])
  expect(database.db.select().from(projectMembers).all()).toEqual([])
  expect(database.db.select().from(tokens).all()).toEqual([])
  expect(unfinishedDeletions(database)).toEqual([projectId])
  expect(waitingAudit(database, 100).at(-1)?.event).toEqual({
    type: 'project/deleted',
    payload: { projectId, slug: 'demo', name: 'Demo', by: OPERATOR },
  })

  finishDeletion(database, projectId)
  finishDeletion(database, projectId)
  expect(unfinishedDeletions(database)).toEqual([])
  // Gone, and not made again by the next start.
  expect([deleteProject(database, { projectId, by: OPERATOR }), ensureDefaults(database)]).toEqual([false, false])
})

test('neither row nor memory of it when the deletion fails', () => {
  const { database } = testAuth()
  ensureDefaults(database)
  const projectId = findProject(database, 'demo')?.id ?? ''
  const before = waitingAudit(database, 100).length
  database.sqlite.exec("CREATE TRIGGER t BEFORE INSERT ON audit_outbox BEGIN SELECT raise(ABORT, 'not now'); END")
  expect(() => deleteProject(database, { projectId, by: OPERATOR })).toThrow('not now')
  expect([findProject(database, projectId)?.slug, unfinishedDeletions(database)]).toEqual(['demo', []])
  expect(waitingAudit(database, 100)).toHaveLength(before)
})
