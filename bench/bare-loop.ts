import Database from 'better-sqlite3'
import { emptyState } from '../src/streams/core/state.ts'
import { type StreamPath, parentPath, parsePath, pathName } from '../src/streams/path.ts'
import { prepareSchema } from '../src/streams/storage/sql/schema.ts'
import { connectionSql } from '../src/streams/storage/sqlite/connection-sql.ts'
import { TYPE } from './event.ts'

/**
 * The peer of an append: better-sqlite3 writing the engine's own tables, with their indexes, columns and JSON and a promise
 * per caller, and nothing else: no validation, no decision, no checksum, no state to keep right. What it reaches is what
 * disk and database allow.
 *
 * `grouped` commits once per turn of the event loop, as the engine does; otherwise each append has a commit of its own.
 */
export class BareLoop {
  readonly #db: Database.Database
  readonly #grouped: boolean
  readonly #heads = new Map<number, number>()
  readonly #dirty = new Set<number>()
  readonly #stream: Database.Statement
  readonly #event: Database.Statement
  readonly #state: Database.Statement
  readonly #begin: Database.Statement
  readonly #commit: Database.Statement
  #waiting: (() => void)[] = []

  constructor(file: string, { grouped = true } = {}) {
    this.#grouped = grouped
    this.#db = new Database(file)
    this.#db.pragma('journal_mode = wal')
    this.#db.pragma('synchronous = full')
    this.#db.transaction(() => prepareSchema(connectionSql(this.#db), file))()
    this.#stream = this.#db.prepare(
      `insert into streams (path, parent, name, incarnation, content_type, first_offset, max_offset, last_visible_offset,
         event_count, created_at, last_event_at, paused, closed, child_count, descendant_count, state, state_version, checksum)
       values (?, ?, ?, 'i', 'application/json', 1, 0, 0, 0, '', '', 0, 0, 0, 0, ?, 1, 0)`,
    )
    this.#event = this.#db.prepare(
      `insert into events (stream_id, offset, type, created_at, key, payload, raw, chunks, checksum)
       values (?, ?, ?, ?, ?, ?, 0, 0, 0)`,
    )
    this.#state = this.#db.prepare(
      'update streams set max_offset = ?, last_visible_offset = ?, event_count = ?, last_event_at = ?, state = ? where id = ?',
    )
    this.#begin = this.#db.prepare('begin immediate')
    this.#commit = this.#db.prepare('commit')
  }

  /** Adds rows of streams, in one commit. @returns their numbers. */
  addStreams(paths: readonly string[]): number[] {
    return this.#db.transaction(() => paths.map((path) => this.#addStream(parsePath(path))))()
  }

  /** Appends events to a stream; resolves once they are on the disk. */
  append(stream: number, payloads: readonly unknown[], newKey: () => string | null = () => null): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#waiting.length === 0) {
      this.#begin.run()
      if (this.#grouped) setImmediate(() => this.#end())
    }
    this.#waiting.push(resolve)
    let head = this.#heads.get(stream) ?? 0
    for (const payload of payloads) {
      this.#event.run(stream, ++head, TYPE, new Date().toISOString(), newKey(), JSON.stringify(payload))
    }
    this.#heads.set(stream, head)
    this.#dirty.add(stream)
    if (!this.#grouped) this.#end()
    return promise
  }

  close(): void {
    this.#db.close()
  }

  #addStream(path: StreamPath): number {
    const state = JSON.stringify(emptyState(path, 'i'))
    return Number(this.#stream.run(path, parentPath(path), pathName(path), state).lastInsertRowid)
  }

  #end(): void {
    const now = new Date().toISOString()
    for (const stream of this.#dirty) {
      const head = this.#heads.get(stream) ?? 0
      const state = { ...emptyState(parsePath('/agents/a1/runs/1'), 'i'), eventCount: head, maxOffset: head }
      this.#state.run(head, head, head, now, JSON.stringify(state), stream)
    }
    this.#dirty.clear()
    this.#commit.run()
    const done = this.#waiting
    this.#waiting = []
    for (const resolve of done) resolve()
  }
}
