import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** What can be asked of a child; see `answering.ts`. */
export type Operations = Readonly<Record<string, (argument: never) => unknown>>

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

export interface ChildOptions {
  /** The limit of open files it should have; as many as the system allows when that is less. */
  readonly openFiles?: number
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Of Node. */
  readonly flags?: readonly string[]
}

/** A process of its own, as a benchmark drives it over the process channel. Stop it. */
export class Child<Ops extends Operations, Started> {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  /** What it said when it was ready. */
  readonly started: Started
  #asked = 0

  private constructor(child: ChildProcess, started: Started) {
    this.#process = child
    this.started = started
    child.on('message', ({ id, value, error }: Answer) => {
      const asked = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) asked?.resolve(value)
      else asked?.reject(new Error(error))
    })
    child.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`a process ended with code ${code}`))
    })
  }

  get pid(): number {
    const { pid } = this.#process
    if (pid === undefined) throw new Error('a process that was started has a number')
    return pid
  }

  /** @param file a module of this folder */
  static async start<Ops extends Operations, Started>(
    file: string,
    args: readonly string[],
    { openFiles, env = {}, flags = [] }: ChildOptions = {},
  ): Promise<Child<Ops, Started>> {
    const command = [process.execPath, ...flags, fileURLToPath(new URL(file, import.meta.url)), ...args]
    const raise = `ulimit -n ${openFiles} 2>/dev/null || ulimit -n "$(ulimit -Hn)"`
    const [program = '', ...rest] =
      openFiles === undefined ? command : ['sh', '-c', `${raise}; exec "$0" "$@"`, ...command]
    const child = spawn(program, rest, {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...env },
    })
    const first = await Promise.race([once(child, 'message'), once(child, 'exit').then(() => null)])
    if (!first) throw new Error(`${file} did not start`)
    return new Child(child, (first[0] as Answer).value as Started)
  }

  ask<Name extends keyof Ops & string>(
    name: Name,
    ...argument: Parameters<Ops[Name]>
  ): Promise<Awaited<ReturnType<Ops[Name]>>> {
    const id = ++this.#asked
    const asked = Promise.withResolvers<unknown>()
    this.#waiting.set(id, asked)
    this.#process.send({ id, name, argument: argument[0] })
    return asked.promise as Promise<Awaited<ReturnType<Ops[Name]>>>
  }

  /** Lets it end in order. */
  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.disconnect()
    await ended
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }
}
