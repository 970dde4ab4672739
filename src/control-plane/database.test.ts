import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import { getTableName } from 'drizzle-orm'
import { expect, onTestFinished, test } from 'vitest'
import { openControlDatabase, writeTransaction } from './database.ts'
import { newId } from './ids.ts'
import { meta, organization, projects } from './schema.ts'
import { MIGRATIONS, refusal, testDatabase, testDirectory } from './testing.ts'

test('opens in WAL with full synchronisation, foreign keys and a busy timeout', () => {
  const { sqlite } = testDatabase()
  const pragma = (name: string) => sqlite.pragma(name, { simple: true })
  expect(pragma('journal_mode')).toBe('wal')
  expect(pragma('synchronous')).toBe(2)
  expect(pragma('foreign_keys')).toBe(1)
  expect(pragma('busy_timeout')).toBe(5000)
})

test('makes a missing directory, and files only its owner can read', () => {
  const dataDir = join(testDirectory(), 'deep', 'data')
  testDatabase(dataDir)
  expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  expect(statSync(join(dataDir, 'control.db')).mode & 0o777).toBe(0o600)
})

test('opens again with its rows', () => {
  const dataDir = testDirectory()
  const first = testDatabase(dataDir)
  first.db.insert(meta).values({ key: 'a', value: 'b' }).run()
  first.close()
  first.close()
  expect(testDatabase(dataDir).db.select().from(meta).all()).toEqual([{ key: 'a', value: 'b' }])
})

test('deleting an organisation deletes its projects', () => {
  const { db } = testDatabase()
  db.insert(organization).values({ id: 'o', name: 'O', slug: 'o', createdAt: new Date() }).run()
  db.insert(projects)
    .values({ id: newId('prj_'), slug: 's', name: 'S', organizationId: 'o', createdAt: 1 })
    .run()
  db.delete(organization).run()
  expect(db.select().from(projects).all()).toEqual([])
})

test('processes open a fresh directory at the same moment, and one makes the tables and demo', async () => {
  const openers = await Promise.all([startOpener(), startOpener(), startOpener()])
  for (let round = 0; round < 40; round++) {
    const path = join(testDirectory(), 'control.db')
    // A moment in the near future, on which they spin: a message alone would let the first one finish first.
    const at = Date.now() + 5
    expect(await Promise.all(openers.map((opener) => opener.open(path, at)))).toEqual(['13 1', '13 1', '13 1'])
  }
}, 60_000)

test('a write that waits too long for another process is UNAVAILABLE and leaves nothing', async () => {
  const dataDir = testDirectory()
  const database = testDatabase(dataDir)
  const other = new Database(join(dataDir, 'control.db'))
  onTestFinished(() => void other.close())
  other.exec('BEGIN IMMEDIATE')
  database.sqlite.pragma('busy_timeout = 1')
  const write = () =>
    writeTransaction(database, (queries) => queries.insert(meta).values({ key: 'a', value: 'b' }).run())
  expect(await refusal(write)).toBe('UNAVAILABLE busy')
  other.exec('ROLLBACK')
  expect(database.db.select().from(meta).all()).toEqual([])
})

test('a full disk is UNAVAILABLE and leaves nothing by half', async () => {
  const database = testDatabase()
  const pages = Number(database.sqlite.pragma('page_count', { simple: true }))
  database.sqlite.pragma(`max_page_count = ${pages}`)
  const write = () =>
    writeTransaction(database, (queries) => {
      queries.insert(meta).values({ key: 'small', value: '1' }).run()
      queries
        .insert(meta)
        .values({ key: 'large', value: 'x'.repeat(100_000) })
        .run()
    })
  expect(await refusal(write)).toBe('UNAVAILABLE storage')
  expect(database.db.select().from(meta).all()).toEqual([])
})

test('a failed decision leaves nothing behind', () => {
  const database = testDatabase()
  const write = () =>
    writeTransaction(database, (queries) => {
      queries.insert(meta).values({ key: 'a', value: 'b' }).run()
      throw new Error('changed my mind')
    })
  expect(write).toThrow('changed my mind')
  expect(database.db.select().from(meta).all()).toEqual([])
})

test('a migration that rebuilds a table keeps the rows that refer to it', () => {
  const dataDir = testDirectory()
  const first = testDatabase(dataDir)
  first.db.insert(organization).values({ id: 'o', name: 'O', slug: 'o', createdAt: new Date() }).run()
  first.db.insert(projects).values({ id: 'prj_a', slug: 's', name: 'S', organizationId: 'o', createdAt: 1 }).run()
  first.close()

  const folder = withMigration(
    'CREATE TABLE o2 AS SELECT * FROM organization;--> statement-breakpoint\nDROP TABLE organization;' +
      '--> statement-breakpoint\nALTER TABLE o2 RENAME TO organization;--> statement-breakpoint\n' +
      'CREATE UNIQUE INDEX organization_id ON organization (id);',
  )
  const second = openControlDatabase(join(dataDir, 'control.db'), folder)
  onTestFinished(() => second.close())
  expect(second.db.select({ id: projects.id }).from(projects).all()).toEqual([{ id: 'prj_a' }])
  expect(second.sqlite.pragma('foreign_keys', { simple: true })).toBe(1)
})

test('a migration that fails leaves the database as it was, and one that is newer is refused', async () => {
  const dataDir = testDirectory()
  const path = join(dataDir, 'control.db')
  testDatabase(dataDir).close()
  const failing = withMigration('CREATE TABLE half (a);--> statement-breakpoint\nCREATE TABLE nonsense;')
  expect(() => openControlDatabase(path, failing)).toThrow(/control\.db: .*syntax error/)
  const again = testDatabase(dataDir)
  expect(again.sqlite.prepare("SELECT 1 FROM sqlite_master WHERE name = 'half'").get()).toBeUndefined()
  again.close()

  openControlDatabase(path, withMigration('CREATE TABLE later (a);')).close()
  expect(() => openControlDatabase(path, MIGRATIONS)).toThrow(/control\.db: .*newer version/)
})

test('a file that is no database is an error that names it', async () => {
  const path = join(testDirectory(), 'control.db')
  writeFileSync(path, 'x'.repeat(4096))
  expect(await refusal(() => openControlDatabase(path, MIGRATIONS))).toBe('INTERNAL')
  expect(() => openControlDatabase(path, MIGRATIONS)).toThrow(path)
})

test('the migrations make exactly the tables of the schema', async () => {
  const { sqlite } = testDatabase()
  const tables = Object.values(await import('./schema.ts')).map((table) => getTableName(table))
  const made = sqlite
    .prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY name",
    )
    .pluck()
    .all()
  expect(made).toEqual(tables.toSorted())
})

interface JournalEntry {
  idx: number
  when: number
  tag: string
}

/** The migrations of the checkout and one more, in a folder of the running test. */
function withMigration(sql: string): string {
  const folder = join(testDirectory(), 'drizzle')
  cpSync(MIGRATIONS, folder, { recursive: true })
  const journalPath = join(folder, 'meta/_journal.json')
  const journal = JSON.parse(readFileSync(journalPath, 'utf8')) as { entries: JournalEntry[] }
  const [first] = journal.entries
  const when = Math.max(...journal.entries.map((entry) => entry.when)) + 1
  journal.entries.push({ ...first, idx: journal.entries.length, when, tag: '9999_test' })
  writeFileSync(journalPath, JSON.stringify(journal))
  writeFileSync(join(folder, '9999_test.sql'), sql)
  return folder
}

/** A process that opens databases when told, and answers with the number of tables and projects it found. */
async function startOpener() {
  const script = `
    const { openControlDatabase } = await import(${JSON.stringify(join(import.meta.dirname, 'database.ts'))})
    const { ensureDefaults } = await import(${JSON.stringify(join(import.meta.dirname, 'bootstrap.ts'))})
    const open = (path) => {
      const database = openControlDatabase(path, ${JSON.stringify(MIGRATIONS)})
      ensureDefaults(database)
      const count = (sql) => database.sqlite.prepare(sql).pluck().get()
      const tables = count("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '__*'")
      const projects = count('SELECT count(*) FROM projects')
      database.close()
      return tables + ' ' + projects
    }
    console.log('ready')
    for await (const line of (await import('node:readline')).createInterface({ input: process.stdin })) {
      const { path, at } = JSON.parse(line)
      while (Date.now() < at) {}
      try {
        console.log(open(path))
      } catch (error) {
        console.log(error.message)
      }
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { value, done } = await lines.next()
    return done === true ? 'the process ended' : value
  }
  await answer()
  const open = (path: string, at: number) => {
    const answered = answer()
    child.stdin.write(`${JSON.stringify({ path, at })}\n`)
    return answered
  }
  return { open }
}
