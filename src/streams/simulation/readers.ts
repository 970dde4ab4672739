import { isCoreType } from '../core/core-events.ts'
import type { EncodedEvent } from '../event.ts'
import { type StreamPath, isBelow, parentPath, pathName } from '../path.ts'
import type { ReadOptions } from '../project-reader.ts'
import type { CatalogueRow } from '../storage/port.ts'
import { sameState } from './same-state.ts'
import type { Call, Outcome, World } from './world.ts'

/**
 * Those who read. Nothing commits between the reading and the answer, so every answer must be what the disk holds at the
 * moment it is heard.
 */
export class Readers {
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  act(): void {
    const { random, profile } = this.#world
    const path = this.#world.pickPath()
    switch (random.weighted({ page: 5, event: 2, key: 2, state: 3, children: 2, list: 2 })) {
      case 'page':
        this.page(path, this.#options())
        return
      case 'event':
        this.#event(path, random.between(0, 20))
        return
      case 'key':
        this.#byKey(path, `key-${random.between(1, profile.keys)}`)
        return
      case 'state':
        this.state(path)
        return
      case 'children':
        this.children(path)
        return
      case 'list':
        this.list(path)
    }
  }

  #options(): ReadOptions {
    const { random } = this.#world
    return {
      ...(random.chance(0.5) ? { after: random.between(0, 20) } : {}),
      ...(random.chance(0.3) ? { before: random.between(0, 30) } : {}),
      ...(random.chance(0.6) ? { limit: random.between(1, 12) } : {}),
      ...(random.chance(0.4) ? { order: 'desc' as const } : {}),
      ...(random.chance(0.3) ? { types: ['x', 'stream/created'] } : {}),
      ...(random.chance(0.2) ? { visibleOnly: true } : {}),
    }
  }

  page(path: StreamPath, options: ReadOptions): void {
    this.#world.call(
      `read ${JSON.stringify(options)}`,
      path,
      (streams) => streams.read(path, options),
      (outcome, call) => {
        const page = this.#answer(outcome, call)
        if (!page) return
        const log = this.#world.truth.logOf(path)
        const { after = 0, before = Infinity, limit = 100, order, types, visibleOnly } = options
        const inRange = (log?.events ?? []).filter(({ offset }) => offset > after && offset < before)
        if (order === 'desc') inRange.reverse()
        const due = inRange
          .filter(({ type }) => (!types || types.includes(type)) && !(visibleOnly && isCoreType(type)))
          .slice(0, limit)
        const short = page.events.length < due.length && bytesOf(due) > 3_000_000
        const last = page.events.at(-1)?.offset
        const goesOn = page.events.length === limit && inRange.at(-1)?.offset !== last
        this.#expect(
          call,
          sameText(short ? due.slice(0, page.events.length) : due, page.events),
          'the events of its page',
        )
        this.#expect(call, page.maxOffset === (log?.head ?? 0), 'the end of the log')
        this.#expect(call, page.incarnationId === (log?.incarnationId ?? null), 'the life of the stream')
        if (!short) this.#expect(call, page.nextCursor === (goesOn ? last : null), 'the cursor of the next page')
      },
    )
  }

  #event(path: StreamPath, offset: number): void {
    // The offset 0 is refused by nobody: it is simply not there.
    this.#world.call(
      `get event ${offset}`,
      path,
      (streams) => streams.getEvent(path, { offset: offset + 1 }),
      (outcome, call) => {
        if (outcome.kind !== 'done') this.#answer(outcome, call)
        else
          this.#expect(call, sameText(this.#world.truth.logOf(path)?.events[offset] ?? null, outcome.value), 'an event')
      },
    )
  }

  #byKey(path: StreamPath, idempotencyKey: string): void {
    this.#world.call(
      `get event ${idempotencyKey}`,
      path,
      (streams) => streams.getEvent(path, { idempotencyKey }),
      (outcome, call) => {
        if (outcome.kind !== 'done') this.#answer(outcome, call)
        else {
          const first = this.#world.truth.logOf(path)?.keys.get(idempotencyKey) ?? null
          this.#expect(call, sameText(first, outcome.value), 'the event of a key')
        }
      },
    )
  }

  state(path: StreamPath): void {
    this.#world.call(
      'state of',
      path,
      (streams) => streams.state(path),
      (outcome, call) => {
        const found = this.#answer(outcome, call)
        if (!found) return
        const { exists, ...state } = found
        const log = this.#world.truth.logOf(path)
        this.#expect(call, exists === (log !== null), 'whether it exists')
        if (log) this.#expect(call, sameState(state, log.state), `the state ${JSON.stringify(log.state)}`)
      },
    )
  }

  children(path: StreamPath): void {
    this.#world.call(
      'children of',
      path,
      (streams) => streams.children(path),
      (outcome, call) => {
        const page = this.#answer(outcome, call)
        if (!page) return
        const due = this.#rows((each) => parentPath(each) === path)
        this.#expect(call, sameText(due, page.children.map(sortedRow)), `its children ${JSON.stringify(due)}`)
        this.#expect(call, page.total === due.length, 'how many children it has')
      },
    )
  }

  list(prefix: StreamPath): void {
    this.#world.call(
      'list',
      prefix,
      (streams) => streams.list({ prefix }),
      (outcome, call) => {
        const page = this.#answer(outcome, call)
        if (!page) return
        const due = this.#rows((each) => each === prefix || isBelow(each, prefix))
        this.#expect(call, sameText(due, page.streams.map(sortedRow)), `the streams below it ${JSON.stringify(due)}`)
      },
    )
  }

  /** Reads everything there is. */
  all(): void {
    const paths = [...new Set([...this.#world.profile.paths, ...this.#world.truth.streams.keys()])]
    for (const path of paths) {
      this.page(path, { limit: 1000 })
      this.state(path)
      this.children(path)
    }
    this.list('/' as StreamPath)
  }

  /** The rows that the catalogue must list: what was last written of each stream. */
  #rows(passes: (path: StreamPath) => boolean): unknown[] {
    return [...this.#world.truth.streams]
      .filter(([path]) => passes(path))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, { row }]) => sortedRow({ ...row, path, name: pathName(path) }))
  }

  #answer<T>(outcome: Outcome<T>, call: Call): T | null {
    if (outcome.kind === 'done') return outcome.value
    if (outcome.kind === 'refused') {
      this.#world.fail(`#${call.id} ${call.what} ${call.path} was refused: ${JSON.stringify(outcome)}`)
    }
    return null
  }

  #expect(call: Call, holds: boolean, what: string): void {
    // What an orderly stop commits in the same breath, the answer need not know yet.
    if (!holds && !call.run.closed)
      this.#world.fail(`#${call.id} ${call.what} ${call.path} was answered wrong: ${what}`)
  }
}

function sortedRow(row: CatalogueRow): CatalogueRow {
  return {
    path: row.path,
    name: row.name,
    incarnationId: row.incarnationId,
    contentType: row.contentType,
    eventCount: row.eventCount,
    maxOffset: row.maxOffset,
    createdAt: row.createdAt,
    lastEventAt: row.lastEventAt,
    paused: row.paused,
    closed: row.closed,
    childCount: row.childCount,
    descendantCount: row.descendantCount,
  }
}

function sameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function bytesOf(events: readonly EncodedEvent[]): number {
  return events.reduce((sum, event) => sum + (event.payload?.length ?? 0), 0)
}
