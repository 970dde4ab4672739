import { type EncodedInput, type EventInput, type Receipt, type StreamEvent, decodeEvent } from '../../streams/event.ts'
import { encodeInput } from '../../streams/event-input.ts'
import { ItxError, itxErrorCode } from '../../streams/errors.ts'
import type {
  CatalogueRow,
  ChildrenOptions,
  ChildrenPage,
  EventLocator,
  ExportPage,
  ImportChunk,
  Imported,
  ListOptions,
  ProjectApi,
  ProjectInfo,
  ReadOptions,
  ScanBatch,
  ScanOptions,
  StreamApi,
  StreamsPage,
  SubscribeAfter,
  WireState,
  WireStateAt,
} from '../handle.ts'
import { type AppendSettings, AppendQueue, DEFAULT_APPEND_SETTINGS } from './append-queue.ts'
import type { Connection } from './connection.ts'
import { eventsOf } from './events-of.ts'
import { followStream } from './follow.ts'

/** Rows and events of one page when everything is wanted. */
const PAGE = 1000

export interface EventPage {
  readonly events: readonly StreamEvent[]
  /** The offset to go on after; null on the last page. */
  readonly nextCursor: number | null
  readonly maxOffset: number
  /** Null when the stream does not exist. */
  readonly incarnationId: string | null
}

export interface FollowClientOptions {
  readonly after: SubscribeAfter
  /** Only these types. */
  readonly types?: readonly string[]
  readonly signal: AbortSignal
  /** The connection broke; it is tried again. */
  readonly onInterrupted?: (error: unknown) => void
}

export interface EventsOptions {
  /** Where to begin; `start` when absent. */
  readonly after?: SubscribeAfter
  readonly types?: readonly string[]
  readonly signal?: AbortSignal
  readonly onInterrupted?: (error: unknown) => void
}

/** A project, from a program: events and states as values, encoded and decoded at this end. */
export class ItxClient {
  readonly connection: Connection
  readonly #project: string
  readonly #settings: AppendSettings
  readonly #closing = new AbortController()
  readonly #queues = new Map<string, AppendQueue>()

  constructor(connection: Connection, project: string, settings: Partial<AppendSettings> = {}) {
    this.connection = connection
    this.#project = project
    this.#settings = { ...DEFAULT_APPEND_SETTINGS, ...settings }
  }

  /** The project, by whatever this client was made with: its id or its slug. */
  get projectKey(): string {
    return this.#project
  }

  /** The streams of the project. */
  readonly streams = {
    /** A page of the catalogue, by path. */
    list: (options?: ListOptions): Promise<StreamsPage> => this.use((handle) => handle.streams.list(options)),
    /** Every stream, by path, page after page. */
    all: (options: Omit<ListOptions, 'after' | 'limit'> = {}): AsyncGenerator<CatalogueRow> =>
      pages(async (after) => {
        const page = await this.streams.list({ ...options, ...afterOf(after), limit: PAGE })
        return { rows: page.streams, nextAfter: page.nextAfter }
      }),
  }

  /** Runs something with the project's handle. */
  async use<T>(action: (handle: ProjectApi) => Promise<T>): Promise<T> {
    using handle = await this.connection.project(this.#project)
    return await action(handle)
  }

  /** Runs something with a stream's handle. */
  onStream<T>(path: string, action: (stream: StreamApi) => Promise<T>): Promise<T> {
    return this.use(async (handle) => {
      using stream = handle.streams.get(path)
      return await action(stream)
    })
  }

  /** The project, and the role that this client has in it. */
  project(): Promise<ProjectInfo> {
    return this.use((handle) => handle.project())
  }

  /** Creates a stream without an event; `created` is false when it was there. */
  create(path: string): Promise<{ readonly created: boolean; readonly state: WireState }> {
    return this.onStream(path, (stream) => stream.create())
  }

  /**
   * Appends a batch, all or nothing; a receipt per event. What is appended to one path is stored in the order of the
   * calls. While one append is on its way the next ones gather and travel together; each call gets its own answer.
   *
   * When the connection breaks before the answer, a batch whose events all carry idempotency keys is sent again by
   * itself, for 30 s (`deadlineMs`). One without is not: it **may or may not be stored**, and the call fails with
   * UNAVAILABLE `unknown-outcome`.
   *
   * @throws {ItxError} BAD_REQUEST, FORBIDDEN, CONFLICT, RATE_LIMITED, UNAVAILABLE.
   */
  async append(path: string, events: readonly EventInput[]): Promise<readonly Receipt[]> {
    return this.appendEncoded(path, events.map(encodeInput))
  }

  /** The same for events whose payloads are JSON text already: large integers keep their digits. */
  appendEncoded(path: string, inputs: readonly EncodedInput[]): Promise<readonly Receipt[]> {
    let queue = this.#queues.get(path)
    if (!queue) {
      queue = new AppendQueue({
        source: this.connection,
        project: this.#project,
        path,
        settings: this.#settings,
        signal: this.#closing.signal,
        onIdle: () => this.#queues.delete(path),
      })
      this.#queues.set(path, queue)
    }
    return queue.append(inputs)
  }

  /** A page of events. `nextCursor` is null on the last page. */
  async read(path: string, options: Omit<ReadOptions, 'visibleOnly'> = {}): Promise<EventPage> {
    const page = await this.onStream(path, (stream) => stream.read(options))
    return { ...page, events: page.events.map(decodeEvent) }
  }

  /** One event, by its offset or its key; null when there is none. */
  async getEvent(path: string, by: EventLocator): Promise<StreamEvent | null> {
    const event = await this.onStream(path, (stream) => stream.getEvent(by))
    return event && decodeEvent(event)
  }

  state(path: string): Promise<WireState> {
    return this.onStream(path, (stream) => stream.state())
  }

  /** A processor's state after an event, its newest without an offset; `core` is the stream's own. */
  stateAt(path: string, options: { readonly processor: string; readonly offset?: number }): Promise<WireStateAt> {
    return this.onStream(path, (stream) => stream.stateAt(options))
  }

  /** A page of the streams right below one, by name. */
  children(path: string, options?: ChildrenOptions): Promise<ChildrenPage> {
    return this.onStream(path, (stream) => stream.children(options))
  }

  /** Every stream right below one, by name, page after page. */
  allChildren(path: string, options: Pick<ChildrenOptions, 'match'> = {}): AsyncGenerator<CatalogueRow> {
    return pages(async (after) => {
      const page = await this.children(path, { ...options, ...afterOf(after), limit: PAGE })
      return { rows: page.children, nextAfter: page.nextAfter }
    })
  }

  /** Replays events after an offset, then follows the tail through reconnects, until the signal ends it. */
  async follow(
    path: string,
    options: FollowClientOptions,
    onEvents: (events: readonly StreamEvent[]) => unknown,
  ): Promise<void> {
    // The first contact finds out whether token and project are good; after it, waiting is the right answer.
    await this.project()
    await followStream({
      connection: this.connection,
      project: this.#project,
      path,
      ...options,
      onBatch: (batch) => onEvents(batch.events.map(decodeEvent)),
    })
  }

  /**
   * The events of a stream as they come: `for await (const event of client.events('/a'))`. The server sends no more than
   * a few batches ahead of the loop; leaving the loop ends the subscription.
   */
  events(path: string, { signal, after = 'start', ...options }: EventsOptions = {}): AsyncGenerator<StreamEvent> {
    return eventsOf(signal, (own, onEvents) => this.follow(path, { after, ...options, signal: own }, onEvents))
  }

  /**
   * Looks through a log for events that match a filter. `onBatch` is awaited before the next batch.
   *
   * @returns the last batch: how far the scan came, and what it left out
   * @throws {ItxError} BAD_REQUEST for a filter that is none; the reason why the scan ended early.
   */
  async scan(
    path: string,
    options: Omit<ScanOptions, 'visibleOnly'>,
    onBatch: (batch: ScanBatch) => unknown,
  ): Promise<ScanBatch | undefined> {
    let last: ScanBatch | undefined
    await this.onStream(path, async (stream) => {
      using scan = await stream.scan(options, async (batch) => {
        await onBatch(batch)
        last = batch
      })
      const { reason, code } = await scan.closed()
      if (reason === 'done') return
      throw new ItxError(itxErrorCode({ code }) ?? 'UNAVAILABLE', `the scan ended early: ${reason}`, { reason })
    })
    return last
  }

  /** The whole log as it is stored, page after page; all pages are of one life of the stream, or CONFLICT. */
  async *export(path: string): AsyncGenerator<ExportPage> {
    const first = await this.onStream(path, (stream) => stream.export({ limit: PAGE }))
    yield first
    const { incarnationId, maxOffset: through } = first
    for (let after = first.nextCursor; after !== null;) {
      const options = { after, incarnationId, through, limit: PAGE }
      const page = await this.onStream(path, (stream) => stream.export(options))
      yield page
      after = page.nextCursor
    }
  }

  /** Imports a piece of a log, all or nothing, where there is no stream; the first piece has the head. */
  import(path: string, chunk: ImportChunk): Promise<Imported> {
    return this.onStream(path, (stream) => stream.import(chunk))
  }

  /** Ends the socket. Appends that have no answer yet fail: those that were sent may be stored. */
  close(): void {
    this.#closing.abort()
    this.connection.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

interface Rows {
  readonly rows: readonly CatalogueRow[]
  readonly nextAfter: string | null
}

async function* pages(read: (after: string | null) => Promise<Rows>): AsyncGenerator<CatalogueRow> {
  let after: string | null = null
  do {
    const page: Rows = await read(after)
    yield* page.rows
    after = page.nextAfter
  } while (after !== null)
}

function afterOf(after: string | null): { readonly after?: string } {
  return after === null ? {} : { after }
}
