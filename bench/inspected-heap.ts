import { once } from 'node:events'
import { WebSocket } from 'ws'

/** Machine code is in the spaces for code, what it and the bytecode consist of in the trusted ones. */
const LIVE_BYTES = `process.getBuiltinModule('node:v8').getHeapSpaceStatistics()
  .filter(({ space_name }) => !/code|trusted|read_only/.test(space_name))
  .reduce((sum, { space_used_size }) => sum + space_used_size, process.memoryUsage().external)`

/** What a process holds that was started with `--inspect`, asked through its inspector: nothing is added to what it runs. */
export class InspectedHeap {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #asked = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => {
      const { id, result, error } = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: unknown }
      if (id === undefined) return
      const asked = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) asked?.resolve(result)
      else asked?.reject(new Error(JSON.stringify(error)))
    })
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the process that was inspected has ended'))
    })
  }

  /** @param url as the process prints it */
  static async open(url: string): Promise<InspectedHeap> {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    await once(socket, 'open')
    return new InspectedHeap(socket)
  }

  /**
   * Bytes of live objects and buffers, what was garbage collected first. What the compiler has made of the program is left
   * out: it grows for as long as the engine finds something to optimise, minutes on end, and is bounded by the program.
   */
  async live(): Promise<number> {
    // A buffer is freed a turn after the object that owned it.
    for (let i = 0; i < 2; i++) await this.#ask('HeapProfiler.collectGarbage')
    const { result, exceptionDetails } = (await this.#ask('Runtime.evaluate', {
      expression: LIVE_BYTES,
      returnByValue: true,
    })) as { result: { value?: unknown }; exceptionDetails?: unknown }
    if (typeof result.value === 'number') return result.value
    throw new Error(`the process does not tell what it holds: ${JSON.stringify(exceptionDetails)}`)
  }

  close(): void {
    this.#socket.close()
  }

  #ask(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.#asked
    const asked = Promise.withResolvers<unknown>()
    this.#waiting.set(id, asked)
    this.#socket.send(JSON.stringify({ id, method, params }))
    return asked.promise
  }
}
