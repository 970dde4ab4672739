import { WebSocket as NodeWebSocket } from 'ws'
import { ItxError } from '../../streams/errors.ts'
import { type EventInput, type Receipt, type StreamEvent, decodeEvent, encodeInput } from '../../streams/event.ts'
import type { ProjectApi, ReadOptions, SubscribeAfter, WireState } from '../handle.ts'
import { Connection } from './connection.ts'
import { followStream } from './follow.ts'

export interface ConnectOptions {
  /** The server's address, such as `http://localhost:3000`. */
  readonly url: string
  /** An API token. */
  readonly token: string
  /** The project's slug or id. */
  readonly project: string
}

/**
 * Connects a program to a project. The socket is opened at the first call and reopened when it breaks; call `close`
 * at the end, or the process stays alive.
 *
 * @throws {ItxError} BAD_REQUEST when the address is not one.
 */
export function connectItx({ url, token, project }: ConnectOptions): ItxClient {
  if (!URL.canParse(url)) throw new ItxError('BAD_REQUEST', `url is not an address: ${url}`, { field: 'url' })
  const socketUrl = new URL('/api/itx', url)
  socketUrl.protocol = socketUrl.protocol === 'https:' ? 'wss:' : 'ws:'
  let refused: ItxError | null = null
  let refuse: (error: ItxError) => void = () => {}
  const whenRefused = new Promise<never>((_, reject) => (refuse = reject))
  whenRefused.catch(() => {})
  const connection = new Connection(() => {
    const socket = new NodeWebSocket(socketUrl, { headers: { authorization: `Bearer ${token}` }, maxPayload: 64 * 2 ** 20 })
    socket.on('unexpected-response', (request, response) => {
      if (response.statusCode === 401) {
        refused = new ItxError('FORBIDDEN', 'the server refused the token', { reason: 'credential', status: 401 })
        refuse(refused)
      }
      request.destroy()
    })
    return socket as unknown as WebSocket
  })
  const handle = async () => {
    if (refused) throw refused
    return Promise.race([connection.project(project), whenRefused])
  }
  return new ItxClient(connection, project, handle)
}

/** A project, from a program: events and states as values, encoded and decoded at this end. */
export class ItxClient {
  readonly connection: Connection
  readonly #project: string
  readonly #handle: () => Promise<ProjectApi & Disposable>

  constructor(connection: Connection, project: string, handle: () => Promise<ProjectApi & Disposable>) {
    this.connection = connection
    this.#project = project
    this.#handle = handle
  }

  /** Runs something with the project's handle. */
  async use<T>(action: (handle: ProjectApi) => Promise<T>): Promise<T> {
    using handle = await this.#handle()
    return await action(handle)
  }

  /** Appends a batch, all or nothing; a receipt per event. */
  append(path: string, events: readonly EventInput[]): Promise<readonly Receipt[]> {
    return this.use((handle) => handle.streams.get(path).append(events.map(encodeInput)))
  }

  /** A page of events. `nextCursor` is null on the last page. */
  async read(
    path: string,
    options: Omit<ReadOptions, 'visibleOnly'> = {},
  ): Promise<{ readonly events: readonly StreamEvent[]; readonly nextCursor: number | null; readonly maxOffset: number }> {
    const page = await this.use((handle) => handle.streams.get(path).read(options))
    return { ...page, events: page.events.map(decodeEvent) }
  }

  state(path: string): Promise<WireState> {
    return this.use((handle) => handle.streams.get(path).state())
  }

  /** Replays events after an offset, then follows the tail through reconnects, until the signal ends it. */
  async follow(
    path: string,
    options: { readonly after: SubscribeAfter; readonly signal: AbortSignal; readonly onInterrupted?: (error: unknown) => void },
    onEvents: (events: readonly StreamEvent[]) => unknown,
  ): Promise<void> {
    // The first contact finds out whether token and project are good; after it, waiting is the right answer.
    await this.use((handle) => handle.project())
    await followStream({
      connection: this.connection,
      project: this.#project,
      path,
      ...options,
      onBatch: (batch) => onEvents(batch.events.map(decodeEvent)),
    })
  }

  close(): void {
    this.connection.close()
  }
}
