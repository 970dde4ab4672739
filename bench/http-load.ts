import { Agent, request } from 'node:http'

/** One page, asked for again and again over connections that stay open. */
export class PageClient {
  readonly #agent: Agent
  readonly #url: string
  readonly #headers: Record<string, string>

  constructor(url: string, connections: number, headers: Record<string, string> = {}) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
    this.#url = url
    this.#headers = headers
  }

  /** The whole page. @throws for any status but 200. */
  get(): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request(this.#url, { agent: this.#agent, headers: this.#headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString())
          else reject(new Error(`${this.#url} answered ${response.statusCode}`))
        })
      })
      asked.on('error', reject)
      asked.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
