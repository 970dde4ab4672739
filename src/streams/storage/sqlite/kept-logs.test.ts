import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { TestFolder, failureOf } from '../../testing.ts'
import { ALL, Recorder, eventsTo, insertFork, insertStream, store } from '../contract/host.ts'
import { PROJECT_RECORDS, type StreamRef } from '../port.ts'
import { CommitScheduler } from './group-commit.ts'
import { SqliteStorage } from './sqlite-storage.ts'

// Guards what is still needed when garbage is collected: no damaged number, in a row or in an index, may lead to the
// deletion of a log that a fork reads, or of what belongs to the project.

/** A file with a source, a fork of it and a fork of that one, of which only the last is not deleted. */
class ForkedFile {
  readonly #folder = new TestFolder()
  readonly #file = `${this.#folder.path}/project.db`
  storage = this.#open()

  #open(): SqliteStorage {
    return new SqliteStorage(this.#file, new CommitScheduler())
  }

  async fill(): Promise<{ root: StreamRef; middle: StreamRef; leaf: StreamRef }> {
    const refs = await store(this.#host, (tx) => {
      const root = insertStream(tx, '/root', eventsTo(5))
      const middle = insertFork(tx, '/middle', root, 5, eventsTo(8).slice(5))
      return { root, middle, leaf: insertFork(tx, '/leaf', middle, 8) }
    })
    await this.remove(refs.root)
    await this.remove(refs.middle)
    return refs
  }

  async remove({ path }: StreamRef): Promise<void> {
    await store(this.#host, (tx) => tx.removeStreams(path, false))
  }

  async collect(): Promise<void> {
    await store(this.#host, (tx) => tx.collectGarbage(1000))
  }

  /** Changes the file while the storage has it closed. */
  damage(change: (db: Database.Database) => void): void {
    this.storage.close()
    const db = new Database(this.#file)
    change(db)
    db.close()
    this.storage = this.#open()
  }

  get #host() {
    const { storage } = this
    return { storage, reopen() {}, damage() {} }
  }

  [Symbol.dispose](): void {
    this.storage.close()
    this.#folder[Symbol.dispose]()
  }
}

/** Changes rows without their entries in an index, as damage to one page of the two does. */
function changeBesides(db: Database.Database, index: string, change: string): void {
  db.unsafeMode(true)
  db.pragma('writable_schema = on')
  const row = db
    .prepare('select type, name, tbl_name, rootpage, sql from sqlite_schema where name = ?')
    .raw()
    .get(index)
  db.prepare('delete from sqlite_schema where name = ?').run(index)
  db.pragma('writable_schema = reset')
  db.exec(change)
  db.pragma('writable_schema = on')
  db.prepare('insert into sqlite_schema (type, name, tbl_name, rootpage, sql) values (?, ?, ?, ?, ?)').run(
    row as unknown[],
  )
  db.pragma('writable_schema = reset')
}

/** Makes rows that name one log name another, in a way that holds together. */
const renumber = (from: number, to: number) =>
  `update forks set source_id = ${to}, tie = ${to} * 1000003 + fork_id where source_id = ${from}`

describe('what a fork reads is kept', () => {
  /** What can be read of a fork after garbage was collected. */
  async function left(file: ForkedFile, fork: StreamRef) {
    const before = file.storage.working.hasGarbage()
    await file.collect()
    const { events } = file.storage.committed.readEvents(fork, ALL)
    return { hasGarbage: before, events: events.length }
  }
  const everything = { hasGarbage: false, events: 8 }

  describe.each(['root', 'middle'] as const)('of the %s', (which) => {
    test('when the rows that say so name another log', async () => {
      using file = new ForkedFile()
      const refs = await file.fill()
      file.damage((db) => changeBesides(db, 'forks_source', renumber(refs[which].id, 900)))
      expect(await left(file, refs.leaf)).toEqual(everything)
    })

    test('when their entries in the index name another log', async () => {
      using file = new ForkedFile()
      const refs = await file.fill()
      file.damage((db) => {
        db.exec(renumber(refs[which].id, 900))
        changeBesides(db, 'forks_source', renumber(900, refs[which].id))
      })
      expect(await left(file, refs.leaf)).toEqual(everything)
    })
  })

  test('when the number of a discarded log is that of a fork that lives', async () => {
    using file = new ForkedFile()
    const { leaf } = await file.fill()
    file.damage((db) => db.prepare('insert into discarded_logs values (?)').run(leaf.id))
    expect(await left(file, leaf)).toEqual(everything)
  })
})

test('the project’s own records are kept when the number of a discarded log becomes theirs', async () => {
  using file = new ForkedFile()
  const { root, leaf } = await file.fill()
  const record = { key: 's', value: '{}' }
  file.storage.transactionSync(new Recorder(), (tx) => tx.saveRecord(PROJECT_RECORDS, 'subscription', record))
  await file.remove(leaf)
  file.damage((db) => db.prepare('update discarded_logs set stream_id = 0 where stream_id = ?').run(root.id))
  await file.collect()
  expect(file.storage.working.hasGarbage()).toBe(false)
  expect(file.storage.committed.findRecord(PROJECT_RECORDS, 'subscription', 's')).toBe('{}')
})

test('a fork that is not gone when it is forgotten stops the collection, and does not go on for ever', async () => {
  using file = new ForkedFile()
  const { leaf } = await file.fill()
  await file.remove(leaf)
  // As in a damaged page: what is found row by row is not found by its key.
  file.storage.connection.exec('create trigger undead before delete on forks begin select raise(ignore); end')
  expect(await failureOf(file.collect())).toMatchObject({ code: 'INTERNAL', reason: 'corrupt' })
})
