import { once } from 'node:events'
import { WebSocket } from 'ws'

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

  /** Bytes of live objects and buffers, what was garbage collected first. */
  async live(): Promise<number> {
    // A buffer is freed a turn after the object that owned it.
    for (let i = 0; i < 2; i++) await this.#ask('HeapProfiler.collectGarbage')
    const { usedSize, backingStorageSize = 0 } = (await this.#ask('Runtime.getHeapUsage')) as {
      usedSize: number
      backingStorageSize?: number
    }
    return usedSize + backingStorageSize
  }

  close(): void {
    this.#socket.close()
  }

  #ask(method: string): Promise<unknown> {
    const id = ++this.#asked
    const asked = Promise.withResolvers<unknown>()
    this.#waiting.set(id, asked)
    this.#socket.send(JSON.stringify({ id, method }))
    return asked.promise
  }
}
