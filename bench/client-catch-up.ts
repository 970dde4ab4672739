import { type Message, checkNumbers, plainBody } from './messages.ts'
import { type Answer, Connection } from './wire.ts'

export interface CatchUp {
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
  readonly path: string
  readonly gzip: boolean
}

export interface CaughtUp {
  /** From the first request to the last byte of the last answer. */
  readonly ms: number
  readonly messages: number
  readonly pages: number
  /** Bytes of the bodies as they came. */
  readonly bytes: number
}

export interface Counted {
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
  readonly paths: readonly string[]
  readonly form: 'json' | 'text'
}

/**
 * Reads a JSON stream from its start until it is up to date, a page after the other. What is measured is the server: pages are
 * unpacked and looked at afterwards.
 *
 * @throws unless every message is there, in order
 */
export async function catchUp({ port, path, headers, gzip }: CatchUp): Promise<CaughtUp> {
  const connection = await Connection.open(port)
  const encoding = gzip ? { 'accept-encoding': 'gzip' } : {}
  const answers: Answer[] = []
  const start = performance.now()
  for await (const page of pagesOf(connection, path, { ...headers, ...encoding })) answers.push(page)
  const ms = performance.now() - start
  connection.close()
  let messages = 0
  for (const answer of answers) {
    const page = JSON.parse(plainBody(answer).toString()) as Message[]
    checkNumbers(page, messages)
    messages += page.length
  }
  const bytes = answers.reduce((sum, answer) => sum + answer.length, 0)
  return { ms, messages, pages: answers.length, bytes }
}

/** How many messages streams have, all together: JSON ones, or lines of a text. */
export async function countMessages({ port, paths, headers, form }: Counted): Promise<number> {
  const connection = await Connection.open(port)
  let count = 0
  for (const path of paths) {
    for await (const page of pagesOf(connection, path, headers)) {
      const text = page.body.toString()
      count += form === 'json' ? (JSON.parse(text) as unknown[]).length : text.split('\n').length - 1
    }
  }
  connection.close()
  return count
}

/** The pages of a stream from its start, until one says that it is the last. */
async function* pagesOf(connection: Connection, path: string, headers: CatchUp['headers']): AsyncGenerator<Answer> {
  let offset: string | undefined = '-1'
  for (let upToDate = false; !upToDate;) {
    const page: Answer = await connection.ask({ method: 'GET', path: `${path}?offset=${offset}`, headers }, 200)
    yield page
    offset = page.header('stream-next-offset')
    upToDate = page.header('stream-up-to-date') === 'true'
  }
}
