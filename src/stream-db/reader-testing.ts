import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { createLiveQueryCollection, eq } from '@tanstack/db'
import { createStreamDB } from './create-stream-db.ts'
import { type TestRow, refusalOf, rowsOf } from './database-testing.ts'
import type { StreamDBSnapshot } from './database-options.ts'
import type { StateMessage } from './messages.ts'
import { EMPTY, NaiveDatabase, type Tables, type Visible, replayed, txidOf } from './naive-testing.ts'
import { createStateSchema } from './schema.ts'
import { ScriptedSource } from './source-testing.ts'
import type { StandardSchema } from './standard-schema.ts'

// A stream, somebody who reads it through all that readers meet with, and what they must see at every step.

/** A message as it is in the stream, and as it is taken; null when it cannot be used. */
export interface Said {
  readonly raw: unknown
  readonly usable: StateMessage | null
}

export const named = (row: TestRow): TestRow => ({ name: 'nobody', ...row })
export const MISFORTUNES = ['new life', 'drop', 'failure', 'close', 'move'] as const
export type Misfortune = (typeof MISFORTUNES)[number]
export type Deed =
  | { readonly write: readonly Said[] }
  | { readonly read: number; readonly upToDate: boolean }
  | { readonly meet: Misfortune; readonly anew: boolean }

/** Refuses an age below 0, and names who has no name; at once, or some turns later. */
function schemaThat(isLate: boolean): StandardSchema<TestRow> {
  const judge = (value: unknown) => {
    const isRow = typeof value === 'object' && value !== null && ((value as TestRow).age ?? 0) >= 0
    return isRow ? { value: named(value as TestRow) } : { issues: [{ message: 'no row' }] }
  }
  const late = async (value: unknown) => {
    for (let turns = (value as TestRow | null)?.age ?? 0; turns > 0; turns -= 3) await Promise.resolve()
    return judge(value)
  }
  return { '~standard': { version: 1, vendor: 'test', validate: isLate ? late : judge } }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

function openDatabase(late: Late, from?: StreamDBSnapshot) {
  const source = new ScriptedSource()
  const state = createStateSchema({
    users: { schema: schemaThat(late.users), type: 'user', primaryKey: 'id' },
    posts: { schema: schemaThat(late.posts), type: 'post', primaryKey: 'id' },
  })
  return { source, db: createStreamDB({ state, source, from }) }
}

export interface Late {
  readonly users: boolean
  readonly posts: boolean
}

/** One stream with one reader, and what that reader must show. */
export class Reader {
  readonly #late: Late
  #log: Said[] = []
  #life = 1
  #read = 0
  #skipped = 0
  #isLoaded = false
  /** What it was made with. */
  #origin: Visible = new NaiveDatabase().now()
  /** What may be visible by now, and what was. On the way to being up to date the database need not show all at once. */
  #naive = new NaiveDatabase()
  #before = this.#origin
  /** What was visible at the place of `#before`, and how much was read when it was visible first. */
  #atPlace = this.#origin
  #shownAt = 0
  #database: ReturnType<typeof openDatabase>
  #query: ReturnType<Reader['join']> | null = null
  /** Transactions that somebody waits for. */
  readonly #waits = new Map<string, Promise<unknown>>()
  /** Transactions that were whole once: of an id that comes again, nobody can tell whether more will. */
  readonly #seen = new Set<string>()
  /** Transactions of this life of which something came. */
  readonly #heard = new Set<string>()
  readonly #wrong: unknown[] = []

  constructor(late: Late) {
    this.#late = late
    this.#database = openDatabase(late)
  }

  async do(deed: Deed): Promise<void> {
    if ('write' in deed) this.#log.push(...deed.write)
    else if ('read' in deed) await this.read(deed.read, deed.upToDate)
    else await this.#meet(deed.meet, deed.anew)
  }

  async begin(): Promise<void> {
    const { db, source } = this.#database
    for (const collection of Object.values(db.collections)) collection.subscribeChanges(() => this.#look())
    const loading = db.preload()
    loading.catch(() => undefined)
    while (!source.isOpen) await turn()
    this.#query = this.join()
    this.#query.subscribeChanges(() => this.#look())
    const from = source.openings.at(-1)?.from
    const { place } = this.#naive
    assert.equal(from?.offset, place === null ? undefined : String(place))
    this.#read = place ?? 0
    this.#isLoaded = false
    this.#check()
    if (from !== undefined && from.life !== String(this.#life)) await this.#restart()
  }

  async read(most: number, wish: boolean, closed = false): Promise<void> {
    const piece = this.#log.slice(this.#read, this.#read + most)
    this.#read += piece.length
    const upToDate = wish && this.#read === this.#log.length
    const usable = piece.flatMap((one) => one.usable ?? [])
    this.#skipped += piece.length - usable.length
    this.#naive.take(usable, upToDate, this.#read)
    for (const message of usable) this.#await(message)
    const place = { offset: String(this.#read), life: String(this.#life) }
    const values = piece.map(({ raw }) => raw)
    this.#isLoaded ||= upToDate
    await this.#database.source.push(values, { upToDate, closed, place })
    this.#check()
    // Until whoever waited has been told.
    await turn()
    if (!upToDate || this.#naive.inSnapshot || closed) return
    // All is visible, so nobody waits any more.
    assert.deepEqual(
      [...this.#waits.keys()].filter((id) => this.#heard.has(id)),
      [],
    )
  }

  /** Reads what is there, to its end. What is shown then is what the stream says from its start. */
  async readAll(closed = false): Promise<void> {
    await this.read(this.#log.length, true, closed)
    const all = this.#log.flatMap(({ usable }) => usable ?? [])
    assert.deepEqual(this.#shown(), replayed(EMPTY, all).tables)
    assert.equal(this.#database.db.status, closed ? 'closed' : 'live')
  }

  /** What was seen and should not have been. */
  async end(): Promise<readonly unknown[]> {
    await this.#close()
    await this.#refusals()
    return this.#wrong
  }

  async #meet(what: Misfortune, anew: boolean): Promise<void> {
    const { db, source } = this.#database
    switch (what) {
      case 'new life':
        this.#beginLife()
        return this.#restart()
      case 'drop':
        // A source comes back by itself, and says on what it has not said.
        await source.connected(false)
        await source.connected(true)
        return this.#check()
      case 'failure':
        await source.fail(new Error('gone'))
        await turn()
        this.#check()
        // What lies behind the place is read again, and shows nothing before it is news.
        this.#naive = new NaiveDatabase(this.#atPlace)
        if (anew) this.#shownAt = 0
        break
      case 'close':
        await this.#close()
        this.#seen.clear()
        this.#naive = new NaiveDatabase(this.#origin)
        break
      case 'move': {
        const snapshot = db.snapshot()
        await this.#close()
        this.#seen.clear()
        this.#skipped = 0
        const from = snapshot === null ? undefined : (JSON.parse(JSON.stringify(snapshot)) as StreamDBSnapshot)
        this.#origin = from === undefined ? new NaiveDatabase().now() : this.#before
        this.#naive = new NaiveDatabase(this.#origin)
        this.#database = openDatabase(this.#late, from)
      }
    }
    if (what !== 'failure') {
      this.#read = this.#naive.place ?? 0
      this.#see(this.#naive.now())
    }
    await this.#refusals()
    if (anew) this.#beginLife()
    await this.begin()
  }

  async #close(): Promise<void> {
    await this.#query?.cleanup()
    await this.#database.db.close()
  }

  #beginLife(): void {
    this.#log = []
    this.#life++
  }

  async #restart(): Promise<void> {
    this.#naive = new NaiveDatabase()
    this.#read = 0
    this.#see(this.#naive.now())
    this.#isLoaded = false
    this.#heard.clear()
    this.#seen.clear()
    await this.#database.source.restart()
    this.#check()
  }

  #await(message: StateMessage): void {
    const id = txidOf(message)
    if (id === undefined || !('type' in message) || message.type === 'other') return
    this.#heard.add(id)
    if (this.#waits.has(id) || this.#seen.has(id)) return
    const waiting = this.#database.db.utils.awaitTxId(id, 1e9).then(() => {
      this.#waits.delete(id)
      this.#seen.add(id)
      if (!this.#naive.isSeen(id)) this.#wrong.push({ early: id })
    })
    this.#waits.set(id, waiting)
    waiting.catch(() => undefined)
  }

  /** Nothing is read any more: everybody who waited has been told so. */
  async #refusals(): Promise<void> {
    await turn()
    const waits = [...this.#waits.values()]
    this.#waits.clear()
    this.#heard.clear()
    for (const wait of waits) assert.ok((await refusalOf(wait)) instanceof Error, 'somebody who waited was not refused')
  }

  join() {
    const { users, posts } = this.#database.db.collections
    return createLiveQueryCollection({
      startSync: true,
      query: (q) =>
        q
          .from({ user: users })
          .join({ post: posts }, ({ user, post }) => eq(user.id, post.id), 'inner')
          .select(({ user, post }) => ({ id: user.id, user: user.age, post: post.age })),
    })
  }

  #shown(): Tables {
    const { users, posts } = this.#database.db.collections
    return { user: rowsOf(users), post: rowsOf(posts) } as Tables
  }

  /** Whoever is told of a change sees all of what is shown with it. */
  #look(): void {
    const [shown, right] = [this.#shown(), this.#naive.tables]
    if (!isDeepStrictEqual(shown, right)) this.#wrong.push({ shown, right })
  }

  #see(now: Visible): void {
    this.#before = now
    this.#atPlace = this.#naive.atPlace
    this.#shownAt = this.#read
  }

  #check(): void {
    const { db } = this.#database
    const [now, before] = [this.#naive.now(), this.#before]
    const shown = { tables: this.#shown(), place: db.offset === '-1' ? null : Number(db.offset) }
    // Rows and place together: those of now, or still those of before.
    const isBefore = !this.#isLoaded && isDeepStrictEqual(shown, before)
    const isRepeated = !this.#isLoaded && this.#read < this.#shownAt
    assert.deepEqual(shown, isBefore || isRepeated ? before : now)
    if (!isBefore) this.#see(now)
    // After a failure queries are in error as well, until all is read again.
    if (db.collections.users.status !== 'error') assert.deepEqual(joined(this.#query), joinOf(shown.tables))
    assert.deepEqual([db.utils.skipped, this.#wrong], [this.#skipped, []])
  }
}

function joined(query: ReturnType<Reader['join']> | null) {
  const rows = query?.toArray ?? []
  return Object.fromEntries(rows.map(({ id, user, post }) => [id, [user, post]]))
}

function joinOf({ user, post }: Tables) {
  const both = Object.keys(user).filter((at) => at in post)
  return Object.fromEntries(both.map((at) => [at, [user[at], post[at]].map((one) => (one as TestRow).age)]))
}
