import { WebSocket as NodeWebSocket } from 'ws'
import { ItxError } from '../../streams/errors.ts'
import { type EventInput, type Receipt, type StreamEvent, decodeEvent, encodeInput } from '../../streams/event.ts'
import type { ProjectApi, ReadOptions, StreamApi, SubscribeAfter, WireState } from '../handle.ts'
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
 * Until there was a first connection, a call fails as soon as its dial does: a wrong address should not look like a slow
 * one. After it, waiting is the right answer.
 *
 * @throws {ItxError} BAD_REQUEST when the address is not one.
 */
export function connectItx({ url, token, project }: ConnectOptions): ItxClient {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new ItxError('BAD_REQUEST', `the address must begin with http:// or https://, not ${url}`, { field: 'url' })
  }
  const socketUrl = new URL('/api/itx', url)
  socketUrl.protocol = socketUrl.protocol === 'https:' ? 'wss:' : 'ws:'
  let reached = false
  const connection = new Connection(() => {
    const socket = new NodeWebSocket(socketUrl, {
      headers: { authorization: `Bearer ${token}` },
      maxPayload: 64 * 2 ** 20,
    })
    socket.on('open', () => (reached = true))
    socket.on('unexpected-response', (_request, { statusCode }) => {
      if (statusCode === 401) {
        connection.fail(
          new ItxError('FORBIDDEN', 'the server refused the token', { reason: 'credential', status: 401 }),
        )
      } else if (!reached)
        connection.fail(unreachable(url, `no Tributary answers at ${url} (HTTP status ${statusCode})`))
      socket.terminate()
    })
    socket.on('error', (error) => {
      if (!reached) connection.fail(unreachable(url, `nothing answers at ${url} (${causeOf(error)})`))
    })
    return socket as unknown as WebSocket
  })
  return new ItxClient(connection, project)
}

function unreachable(url: string, message: string): ItxError {
  return new ItxError('UNAVAILABLE', message, { reason: 'unreachable', url })
}

/** A name with several addresses fails with an error that has no words of its own. */
function causeOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message
}

/** A project, from a program: events and states as values, encoded and decoded at this end. */
export class ItxClient {
  readonly connection: Connection
  readonly #project: string

  constructor(connection: Connection, project: string) {
    this.connection = connection
    this.#project = project
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

  /** Appends a batch, all or nothing; a receipt per event. */
  append(path: string, events: readonly EventInput[]): Promise<readonly Receipt[]> {
    return this.onStream(path, (stream) => stream.append(events.map(encodeInput)))
  }

  /** A page of events. `nextCursor` is null on the last page. */
  async read(
    path: string,
    options: Omit<ReadOptions, 'visibleOnly'> = {},
  ): Promise<{
    readonly events: readonly StreamEvent[]
    readonly nextCursor: number | null
    readonly maxOffset: number
  }> {
    const page = await this.onStream(path, (stream) => stream.read(options))
    return { ...page, events: page.events.map(decodeEvent) }
  }

  state(path: string): Promise<WireState> {
    return this.onStream(path, (stream) => stream.state())
  }

  /** Replays events after an offset, then follows the tail through reconnects, until the signal ends it. */
  async follow(
    path: string,
    options: {
      readonly after: SubscribeAfter
      readonly signal: AbortSignal
      readonly onInterrupted?: (error: unknown) => void
    },
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
