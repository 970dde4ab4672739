import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'

/** A network of the test's own between a browser and a server: it can swallow everything, and be good again. */
export class Network {
  readonly port: number
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()
  #to = 0
  #dead = false

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async open(): Promise<Network> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const network = new Network(server)
    server.on('connection', (near) => network.#join(near))
    return network
  }

  get url(): string {
    return `http://localhost:${this.port}`
  }

  /** Leads to this port from now on. */
  leadTo(port: number): void {
    this.#to = port
  }

  /** Nothing passes any more, in either direction, and nobody is told: neither end hears of a broken connection. */
  swallow(): void {
    this.#dead = true
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  /** What was on its way is lost for good; new connections pass. Ends of before stay open, and hear nothing. */
  restore(): void {
    this.#dead = false
    this.#pairs.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
    this.#server.close()
  }

  #join(near: Socket): void {
    near.on('error', () => {})
    if (this.#dead) return void near.pause()
    const far = connect(this.#to, '127.0.0.1')
    far.on('error', () => near.destroy())
    const pair = [near, far] as const
    this.#pairs.add(pair)
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (chunk) => to.write(chunk))
      from.on('end', () => to.end())
      from.on('close', () => {
        this.#pairs.delete(pair)
        to.destroy()
      })
    }
  }
}
