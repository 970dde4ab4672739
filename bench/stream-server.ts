import { ServerProcess, runCli } from '../src/server/testing.ts'
import { BenchDirectory } from './place.ts'
import { startReference } from './reference.ts'

/** A server of Durable Streams in a process of its own, as its clients find it: ours or the published one. Stop it. */
export interface StreamServer {
  readonly port: number
  readonly pid: number
  /** Where its streams are; a name follows. */
  readonly prefix: string
  /** What every request brings. */
  readonly headers: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/** Far beyond what any measurement asks for: the default lets one credential make 10,000 requests a second. */
const REQUESTS_PER_SECOND = '1000000'

/** The real server, from the build, with a token of an editor. */
export async function startBuilt(settings: Readonly<Record<string, string>> = {}): Promise<StreamServer> {
  const directory = new BenchDirectory()
  const env = { TRIBUTARY_DATA_DIR: directory.path }
  const server = await ServerProcess.ready({ TRIBUTARY_CALLS_PER_SECOND: REQUESTS_PER_SECOND, ...env, ...settings })
  const { pid } = server.child
  const made = await runCli(['token', 'create', '--project', 'demo', '--role', 'editor'], { env })
  if (made.code !== 0 || pid === undefined) throw new Error(`no token for the benchmark: ${made.stderr}`)
  return {
    port: server.port,
    pid,
    prefix: '/api/streams/demo/',
    headers: { authorization: `Bearer ${made.stdout.trim()}` },
    stop: async () => {
      server.kill('SIGTERM')
      const { stderr } = await server.finished
      directory[Symbol.dispose]()
      if (stderr !== '') console.error(stderr)
    },
  }
}

/** The published server, with its files in a directory of its own unless one is given. */
export async function startPublished(given?: BenchDirectory): Promise<StreamServer> {
  const directory = given ?? new BenchDirectory()
  const server = await startReference(directory.path)
  return {
    ...server.started,
    prefix: '/v1/stream/',
    headers: {},
    stop: async () => {
      await server.stop()
      if (!given) directory[Symbol.dispose]()
    },
  }
}
