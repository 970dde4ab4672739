import { setTimeout as wait } from 'node:timers/promises'
import { ServerProcess, eventually, runCli } from '../src/server/testing.ts'
import { InspectedHeap } from './inspected-heap.ts'
import { BenchDirectory } from './place.ts'
import { rssOf } from './process-memory.ts'

/** Short, so that idle long polls and the signs of life of event streams come by often. */
const LONG_POLL_MS = 1500
/** What a process says of itself when it is inspected; all else on its standard error is a complaint. */
const INSPECTOR = /^(?:Debugger (?:listening on|attached|ending on)|For help, see:|Waiting for the debugger)/

/** Between the end of its connections and the news that a process has ended. */
const FALL_MS = 500

export interface Held {
  /** Bytes of live objects and buffers, after a collection. */
  readonly live: number
  /** Pages of the process. */
  readonly rss: number
}

/** The real server, from the build, with an inspector: what it holds can be asked without a word of the product about it. */
export class MixedServer {
  readonly #server: ServerProcess
  readonly #directory: BenchDirectory
  readonly #heap: InspectedHeap
  readonly #pid: number
  readonly token: string
  /** Rejects when the process ends before it is told to. */
  readonly fallen: Promise<never>
  #stopping = false

  private constructor(server: ServerProcess, directory: BenchDirectory, heap: InspectedHeap, token: string) {
    const { pid } = server.child
    if (pid === undefined) throw new Error('the server has no process')
    this.#server = server
    this.#directory = directory
    this.#heap = heap
    this.#pid = pid
    this.token = token
    this.fallen = server.finished.then(({ code, signal, stderr }) => {
      if (this.#stopping) return new Promise<never>(() => {})
      throw new Error(`the server ended with ${signal ?? `code ${code}`}: ${stderr.slice(-2000)}`)
    })
    this.fallen.catch(() => {})
  }

  /** @param leak bytes that each request is to leave behind; 0 for none */
  static async start(leak: number): Promise<MixedServer> {
    const directory = new BenchDirectory()
    const planted = new URL('plant-leak.ts', import.meta.url)
    const env = { TRIBUTARY_DATA_DIR: directory.path }
    const server = await ServerProcess.ready({
      ...env,
      TRIBUTARY_LONG_POLL_MS: String(LONG_POLL_MS),
      NODE_OPTIONS: `--inspect=127.0.0.1:0${leak > 0 ? ` --import=${planted.href}` : ''}`,
      ...(leak > 0 ? { PLANTED_LEAK_BYTES: String(leak) } : {}),
    })
    const address = await eventually(() => /^Debugger listening on (ws:\S+)$/m.exec(server.stderr)?.[1])
    const heap = await InspectedHeap.open(address)
    const made = await runCli(['token', 'create', '--project', 'demo', '--role', 'admin'], { env })
    if (made.code !== 0) throw new Error(`no token for the mixed clients: ${made.stderr}`)
    return new MixedServer(server, directory, heap, made.stdout.trim())
  }

  get port(): number {
    return this.#server.port
  }

  get url(): string {
    return this.#server.url
  }

  /** What it holds once the garbage is gone. */
  async held(): Promise<Held> {
    const live = await this.#heap.live()
    return { live, rss: rssOf(this.#pid) }
  }

  /** Pages of the process as they are; none once it has ended, which is for `fallen` to say. */
  get rss(): number {
    try {
      return rssOf(this.#pid)
    } catch {
      return 0
    }
  }

  /** A failure of a client's in the light of what the server says and did. */
  async explained(failure: unknown): Promise<unknown> {
    // That it has ended is known a moment after its connections have.
    const fell: unknown = await Promise.race([this.fallen, wait(FALL_MS, null)]).catch((error: unknown) => error)
    if (fell) return new Error(fell instanceof Error ? fell.message : String(fell), { cause: failure })
    if (this.complaints.length === 0) return failure
    return new Error(`the server has complained:\n${this.complaints.slice(0, 20).join('\n')}`, { cause: failure })
  }

  /** What it has complained about so far; nobody's request is to make it. */
  get complaints(): readonly string[] {
    return this.#server.stderr.split('\n').filter((line) => line !== '' && !INSPECTOR.test(line))
  }

  /** Lets it end in order. @throws when it does not */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#heap.close()
    this.#server.kill('SIGTERM')
    const { code, signal } = await this.#server.finished
    this.#directory[Symbol.dispose]()
    if (code !== 0) throw new Error(`the server ended with ${signal ?? `code ${code}`} when it was told to stop`)
  }

  /** Ends it at once, whatever it is at. */
  async kill(): Promise<void> {
    this.#stopping = true
    this.#heap.close()
    this.#server.kill('SIGKILL')
    await this.#server.finished
    this.#directory[Symbol.dispose]()
  }
}
