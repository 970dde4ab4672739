import { type Collection, type SyncConfig, createCollection } from '@tanstack/db'
import type { RowChanges, Rows } from './row-changes.ts'
import type { StandardSchema } from './standard-schema.ts'

/** What makes a collection; the type of its events tells its rows. */
export interface CollectionShape {
  readonly schema: StandardSchema<unknown, unknown>
  readonly type: string
  readonly primaryKey: string
}

type Sync = Parameters<SyncConfig<object, string>['sync']>[0]
export type StreamCollection = Collection<object, string>

/** Unique among all streams: collections of one name from two streams are joined without being taken for one. */
export function getStreamDBCollectionId(streamId: string, name: string): string {
  return `stream-db:${streamId}:${name}`
}

/**
 * The collections of a database, changed together.
 *
 * TanStack DB commits one collection at a time and tells its subscribers at once, so that they and every query over several
 * collections would see halves. Here all commits come first, with what subscribers are told held back; then a collection
 * that nobody else sees, the bell, changes, and its subscriber lets go of all that was held. What is published inside the
 * publication of another collection belongs to it, so queries run once, after all. `_deferPublication` is not of the
 * documented API of TanStack DB, which is therefore pinned: the tests of point 3 tell when it changes.
 *
 * What stays with TanStack DB: while an optimistic action on a collection is under way, changes of that collection become
 * visible when the action settles.
 */
export class CollectionSet {
  readonly collections: Readonly<Record<string, StreamCollection>>
  readonly #shapes: readonly (readonly [name: string, shape: CollectionShape])[]
  readonly #rowsOf: (type: string) => Rows
  readonly #syncs = new Map<string, Sync>()
  readonly #bell: StreamCollection
  #bellSync: Sync | null = null
  #rung = 0
  #held: { publish: () => void }[] = []
  #ready = false

  /** `rowsOf` has all rows of a type, for a collection that begins again while the database goes on. */
  constructor(id: string, state: Readonly<Record<string, CollectionShape>>, rowsOf: (type: string) => Rows) {
    this.#shapes = Object.entries(state)
    this.#rowsOf = rowsOf
    const collections = this.#shapes.map(([name, shape]) => [name, this.#create(id, name, shape)] as const)
    this.collections = Object.freeze(Object.fromEntries(collections))
    this.#bell = this.#createBell(id)
  }

  /**
   * Makes changes visible in all collections at once.
   *
   * @throws what a subscriber has thrown; all is visible nevertheless, and every other subscriber was told
   */
  commit(changes: ReadonlyMap<string, RowChanges>): void {
    const failures: unknown[] = []
    for (const [name, { type }] of this.#shapes) {
      const sync = this.#syncs.get(name)
      const rows = changes.get(type)
      const collection = this.collections[name]
      if (sync === undefined || rows === undefined || collection === undefined) continue
      // What changes alone is whole as it is.
      if (changes.size > 1) this.#held.push(collection._deferPublication())
      attempt(failures, () => write(sync, rows))
    }
    attempt(failures, () => this.#ring())
    if (failures.length > 0) throw failures[0]
  }

  /** @throws what a listener has thrown; all are ready nevertheless */
  markReady(): void {
    this.#ready = true
    const failures: unknown[] = []
    for (const sync of this.#syncs.values()) attempt(failures, () => sync.markReady())
    if (failures.length > 0) throw failures[0]
  }

  markError(error: Error): void {
    this.#ready = false
    for (const sync of this.#syncs.values()) attempt([], () => sync.markError(error))
  }

  /** Begins again after `release`. Does nothing where it has begun. */
  start(): void {
    for (const collection of [...Object.values(this.collections), this.#bell]) collection.startSyncImmediate()
  }

  /** Gives back what the collections hold: rows, indexes, what queries derived from them. */
  async release(): Promise<void> {
    this.#ready = false
    this.#held = []
    await Promise.all([...Object.values(this.collections), this.#bell].map((collection) => collection.cleanup()))
  }

  #create(id: string, name: string, { schema, type, primaryKey }: CollectionShape): StreamCollection {
    const collection = createCollection<object, string>({
      id: getStreamDBCollectionId(id, name),
      // Asked for rows that are written here before they are in the stream.
      schema: schema as never,
      getKey: (row) => keyOf(row, primaryKey),
      sync: {
        rowUpdateMode: 'full',
        sync: (sync) => {
          this.#syncs.set(name, sync)
          const rows = this.#rowsOf(type)
          if (rows.size > 0) write(sync, rows)
          if (this.#ready) sync.markReady()
          return () => {
            if (this.#syncs.get(name) === sync) this.#syncs.delete(name)
          }
        },
      },
      startSync: true,
      // One log cannot bring back one collection of several: they end together, when the database is closed.
      gcTime: 0,
    })
    return collection as unknown as StreamCollection
  }

  #createBell(id: string): StreamCollection {
    const bell = createCollection<object, string>({
      id: `${getStreamDBCollectionId(id, '')}bell`,
      getKey: () => 'bell',
      sync: {
        rowUpdateMode: 'full',
        sync: (sync) => {
          this.#bellSync = sync
          sync.markReady()
        },
      },
      startSync: true,
      gcTime: 0,
    }) as unknown as StreamCollection
    return bell
  }

  #ring(): void {
    const sync = this.#bellSync
    if (this.#held.length === 0 || sync === null) return
    // A subscription lives as long as the collection runs, and it is made anew after a release.
    const subscription = this.#bell.subscribeChanges(() => {
      for (const { publish } of this.#held.splice(0)) publish()
    })
    try {
      sync.begin()
      sync.write({ type: 'update', value: { rung: ++this.#rung } })
      sync.commit()
    } finally {
      subscription.unsubscribe()
      for (const { publish } of this.#held.splice(0)) publish()
    }
  }
}

/**
 * Everything in one commit of the collection. All that is not a delete is an update: it sets a row that is not there as
 * well, and it cannot collide with a row of a commit that TanStack DB still holds back.
 */
function write(sync: Sync, rows: RowChanges): void {
  sync.begin()
  try {
    for (const [key, row] of rows) {
      // The key is that of the event: the row may have it as a number, or not at all, and is left as it is.
      const message = row === null ? { type: 'delete' as const, key } : { type: 'update' as const, key, value: row }
      sync.write(message)
    }
  } finally {
    sync.commit()
  }
}

/** Of a row that was made here; undefined is refused by the collection. */
function keyOf(row: object, primaryKey: string): string {
  const key = (row as Record<string, unknown>)[primaryKey]
  return key === undefined ? (undefined as unknown as string) : String(key)
}

function attempt(failures: unknown[], step: () => void): void {
  try {
    step()
  } catch (error) {
    failures.push(error)
  }
}
