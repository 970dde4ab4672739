import { median } from './figures.ts'
import { messageJson, messageText } from './messages.ts'
import { Connection } from './wire.ts'

export interface AppendLoad {
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
  /** Connections, each of which waits for its answer before it sends again, take turns on these. */
  readonly paths: readonly string[]
  readonly connections: number
  readonly form: 'json' | 'text'
  /** Each connection is an idempotent producer, of this epoch; null for none. */
  readonly epoch: number | null
  /** The status of every answer. */
  readonly expected: number
  /** How long it goes on before it is measured, and after. */
  readonly warmUpMs: number
  readonly ms: number
}

/** What came of it: acknowledged messages, all of them, and those a second while it was measured. */
export interface AppendsMade {
  readonly acknowledged: number
  readonly perSecond: number
  /** Milliseconds from sending to the answer, in the middle. */
  readonly p50: number
  /** The share of one processor that this process has used meanwhile. */
  readonly busy: number
}

/** From here on all numbers have as many digits, and all messages one length. */
const FIRST_NUMBER = 100_000

/** Appends one message a request, over connections that stay open. */
export async function appendAsFastAsItGoes(load: AppendLoad): Promise<AppendsMade> {
  const connections = await Promise.all(Array.from({ length: load.connections }, () => Connection.open(load.port)))
  const over = new AbortController()
  let acknowledged = 0
  let latencies: number[] = []
  const senders = connections.map(async (connection, i) => {
    const request = requests(load, i)
    for (let seq = 0; !over.signal.aborted; seq++) {
      const sent = performance.now()
      const { status, body } = await connection.send(request(seq))
      if (status !== load.expected) throw new Error(`${load.paths[i % load.paths.length]} answered ${status}: ${body}`)
      latencies.push(performance.now() - sent)
      acknowledged++
    }
  })
  const running = Promise.all(senders)
  await Promise.race([running, after(load.warmUpMs)])
  latencies = []
  const before = acknowledged
  const cpu = process.cpuUsage()
  const start = performance.now()
  await Promise.race([running, after(load.ms)])
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const p50 = median(latencies)
  const measured = acknowledged - before
  over.abort()
  await running
  for (const connection of connections) connection.close()
  return { acknowledged, perSecond: (measured / ms) * 1000, p50, busy: (user + system) / 1000 / ms }
}

/** The requests of one connection, all but their changing parts made beforehand. */
function requests({ paths, headers, form, epoch }: AppendLoad, i: number): (seq: number) => string {
  const text = form === 'json' ? messageJson : messageText
  const fixed = {
    host: 'localhost',
    ...headers,
    'content-type': form === 'json' ? 'application/json' : 'text/plain',
    'content-length': String(text(FIRST_NUMBER).length),
    ...(epoch === null ? {} : { 'producer-id': `producer-${i}`, 'producer-epoch': String(epoch) }),
  }
  const lines = Object.entries(fixed).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST ${paths[i % paths.length]} HTTP/1.1\r\n${lines.join('')}`
  return (seq) => `${head}${epoch === null ? '' : `producer-seq: ${seq}\r\n`}\r\n${text(FIRST_NUMBER + seq)}`
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
