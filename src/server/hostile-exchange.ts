import { createConnection } from 'node:net'

/** What came back over a connection of its own, as far as it came. */
export interface Exchanged {
  /** 0 when the connection ended without an answer. */
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  /** Whether the answer is one of ours: what cannot be parsed as HTTP is answered by Node itself. */
  readonly ours: boolean
}

/** A request as bytes, which may say what no HTTP client would: neither names nor values are looked at. */
export function requestBytes(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer = '',
): Buffer {
  const lines = Object.entries({ host: 'x', connection: 'close', ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return Buffer.concat([
    Buffer.from([`${method} ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n'), 'latin1'),
    Buffer.from(body as string),
  ])
}

/**
 * Sends bytes as they are, which no HTTP client would, and reads one answer to the end of the connection.
 *
 * @param cut ends the connection after so many bytes: by a reset, or half of it when `politely`
 */
export async function exchange(
  port: number,
  bytes: Buffer,
  { cut, politely = false }: { readonly cut?: number; readonly politely?: boolean } = {},
): Promise<Exchanged> {
  const received: Buffer[] = []
  await new Promise<void>((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    if (cut === undefined) socket.write(bytes)
    else {
      // Once it is written, it has left this side: the server sees it, and then the end.
      socket.write(bytes.subarray(0, cut), () => (politely ? socket.end() : socket.resetAndDestroy()))
    }
  })
  return parseAnswer(Buffer.concat(received))
}

function parseAnswer(bytes: Buffer): Exchanged {
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes
    .subarray(0, end === -1 ? 0 : end)
    .toString('latin1')
    .split('\r\n')
  // "Go on" is said before the answer.
  if (first.startsWith('HTTP/1.1 100')) return parseAnswer(bytes.subarray(end + 4))
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const body = bytes.subarray(end + 4)
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0),
    headers,
    text: (headers.get('transfer-encoding') === 'chunked' ? unchunked(body) : body).toString(),
    ours: headers.has('x-content-type-options'),
  }
}

function unchunked(body: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.subarray(at, end).toString(), 16)
    if (end === -1 || !(size > 0)) return Buffer.concat(chunks)
    chunks.push(body.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
