import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ensureDefaults } from './bootstrap.ts'
import { ControlChanges } from './changes.ts'
import { openControlDatabase } from './database.ts'
import { findProject } from './projects.ts'
import { MIGRATIONS, testDatabase, testDirectory } from './testing.ts'
import { createToken } from './tokens.ts'

test('notices writes of this connection and of others, each once, and no reads', () => {
  const dataDir = testDirectory()
  const database = testDatabase(dataDir)
  ensureDefaults(database)
  const changes = new ControlChanges(database)
  const others = new ControlChanges(database)
  expect([changes.changed(), changes.changed()]).toEqual([true, false])

  const projectId = findProject(database, 'demo')?.id ?? ''
  expect(changes.changed()).toBe(false)
  createToken(database, { projectId, role: 'viewer' })
  expect([changes.changed(), changes.changed()]).toEqual([true, false])

  // As the command line does, from another process.
  const other = openControlDatabase(join(dataDir, 'control.db'), MIGRATIONS)
  findProject(other, 'demo')
  expect(changes.changed()).toBe(false)
  createToken(other, { projectId, role: 'viewer' })
  other.close()
  expect([changes.changed(), changes.changed()]).toEqual([true, false])
  // Who looks for themselves has their own memory.
  expect(others.changed()).toBe(true)
})
