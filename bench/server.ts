import { type ItxClient, connectItx } from '../src/itx/client/connect.ts'
import { Child, type ChildOptions } from './child.ts'
import type { Operations } from './server-process.ts'

interface Started {
  readonly url: string
  readonly token: string
  /** The id of the project `demo`, which names its file. */
  readonly projectId: string
}

export interface ServerOptions extends ChildOptions {
  /** The system's choice when absent. */
  readonly port?: number
  /** Settings, by the names that they have in the environment. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A Tributary in a process of its own (`server-process.ts`), as a benchmark drives it. Stop it. */
export class BenchServer {
  readonly #child: Child<Operations, Started>

  private constructor(child: Child<Operations, Started>) {
    this.#child = child
  }

  static async start(dataDir: string, { port = 0, settings = {}, ...rest }: ServerOptions = {}): Promise<BenchServer> {
    const given = JSON.stringify({ PORT: String(port), ...settings })
    return new BenchServer(await Child.start<Operations, Started>('server-process.ts', [dataDir, given], rest))
  }

  get projectId(): string {
    return this.#child.started.projectId
  }

  get url(): string {
    return this.#child.started.url
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get token(): string {
    return this.#child.started.token
  }

  ask<Name extends keyof Operations>(
    name: Name,
    ...argument: Parameters<Operations[Name]>
  ): Promise<Awaited<ReturnType<Operations[Name]>>> {
    return this.#child.ask(name, ...argument)
  }

  /** A client of the project `demo`, over a socket of its own. */
  connect(): ItxClient {
    return connectItx({ url: this.url, token: this.token, project: 'demo' })
  }

  stop(): Promise<void> {
    return this.#child.stop()
  }

  /** Ends it as a power cut does. */
  kill(): Promise<void> {
    return this.#child.kill()
  }
}
