import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type ItxClient, connectItx } from '../src/itx/client/connect.ts'
import type { Operations } from './server-process.ts'

interface Started {
  readonly url: string
  readonly token: string
  /** The id of the project `demo`, which names its file. */
  readonly projectId: string
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** A Tributary in a process of its own (`server-process.ts`), as a benchmark drives it. Stop it. */
export class BenchServer {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  readonly #started: Started
  #asked = 0

  private constructor(child: ChildProcess, started: Started) {
    this.#child = child
    this.#started = started
    child.on('message', ({ id, value, error }: Answer) => {
      const asked = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) asked?.resolve(value)
      else asked?.reject(new Error(error))
    })
    child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the server ended with code ${code}`))
    })
  }

  static async start(dataDir: string): Promise<BenchServer> {
    const child = fork(new URL('server-process.ts', import.meta.url), [dataDir])
    const first = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => null)])
    if (!first) throw new Error('the server did not start')
    return new BenchServer(child, (first[0] as Answer).value as Started)
  }

  get projectId(): string {
    return this.#started.projectId
  }

  get url(): string {
    return this.#started.url
  }

  get token(): string {
    return this.#started.token
  }

  ask<Name extends keyof Operations>(
    name: Name,
    ...argument: Parameters<Operations[Name]>
  ): Promise<Awaited<ReturnType<Operations[Name]>>> {
    const id = ++this.#asked
    const asked = Promise.withResolvers<unknown>()
    this.#waiting.set(id, asked)
    this.#child.send({ id, name, argument: argument[0] })
    return asked.promise as Promise<Awaited<ReturnType<Operations[Name]>>>
  }

  /** A client of the project `demo`, over a socket of its own. */
  connect(): ItxClient {
    return connectItx({ url: this.url, token: this.token, project: 'demo' })
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    await ended
  }
}
