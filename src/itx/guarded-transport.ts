import { type RpcTransportWithCustomEncoding, WebSocketTransport } from 'capnweb'
import { ItxError } from '../streams/errors.ts'

/** Levels of nesting that Cap'n Web itself takes. */
const MAX_DEPTH = 256

/**
 * Values that a frame may write in Cap'n Web's special form, `["date", 0]`. What is left out has a life of its own or
 * refers to other frames, and is nothing that any operation of ours takes:
 *
 * - a `promise` that nobody waits for rejects when its session ends, and an unhandled rejection ends the process;
 * - a `pipeline` inside of a value copies a result: twenty frames, each holding the one before twice, are a million copies;
 *   so is a `remap`;
 * - a `readable` or a `blob` collects in memory whatever is written to it, without a limit.
 */
const VALUES: ReadonlySet<unknown> = new Set([
  'undefined',
  'bigint',
  'date',
  'bytes',
  'error',
  'inf',
  '-inf',
  'nan',
  'export',
])

/**
 * The frames of one socket, each checked before Cap'n Web acts on it: calls by way of handles, with plain values and
 * functions as arguments. Anything else ends the session.
 */
export class GuardedTransport implements RpcTransportWithCustomEncoding {
  // Frames are passed on as values: they are parsed once, here.
  readonly encodingLevel = 'jsonCompatible'
  readonly #socket: WebSocketTransport

  constructor(socket: WebSocket) {
    this.#socket = new WebSocketTransport(socket)
  }

  send(frame: unknown): number {
    const text = JSON.stringify(frame)
    this.#socket.send(text)
    return text.length
  }

  /** @throws {ItxError} BAD_REQUEST `frame`, which ends the session. */
  async receive(): Promise<unknown> {
    return parseFrame(await this.#socket.receive())
  }

  abort(reason: unknown): void {
    this.#socket.abort(reason)
  }
}

function parseFrame(text: unknown): unknown {
  // A binary message arrives as its bytes.
  if (typeof text !== 'string') throw badFrame('a message must be text')
  let frame: unknown
  try {
    frame = JSON.parse(text)
  } catch {
    throw badFrame('a message must be JSON')
  }
  if (!Array.isArray(frame)) throw badFrame('a message must be an array')
  checkFrame(frame)
  return frame
}

function checkFrame(frame: readonly unknown[]): void {
  const [kind, first, second] = frame
  switch (kind) {
    case 'push':
      return checkCall(first)
    case 'pull':
    case 'release':
      return
    case 'resolve':
    case 'reject':
      return checkValue(second, 0)
    case 'abort':
      return checkValue(first, 0)
    default:
      throw badFrame('a message of an unknown kind')
  }
}

/** `["pipeline", handle, path]`, with arguments when it is a call. */
function checkCall(call: unknown): void {
  if (!Array.isArray(call) || call[0] !== 'pipeline') throw badFrame('only calls can be pushed')
  const args: unknown = call[3]
  if (args === undefined) return
  if (!Array.isArray(args)) throw badFrame('the arguments of a call must be an array')
  for (const each of args) checkValue(each, 1)
}

function checkValue(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth >= MAX_DEPTH) throw badFrame(`a message is nested more than ${MAX_DEPTH} levels deep`)
  if (!Array.isArray(value)) {
    for (const each of Object.values(value)) checkValue(each, depth + 1)
    return
  }
  // An array that is one comes in another; any other array is a special form.
  const [first] = value
  if (value.length === 1 && Array.isArray(first)) {
    for (const each of first) checkValue(each, depth + 1)
    return
  }
  if (!VALUES.has(first)) throw badFrame('a message holds a value that is not taken here')
  for (const each of value) checkValue(each, depth + 1)
}

function badFrame(message: string): ItxError {
  return new ItxError('BAD_REQUEST', message, { reason: 'frame' })
}
