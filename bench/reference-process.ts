/**
 * The published Durable Streams server with file storage, in a process of its own. It is installed beside the benchmarks
 * (`reference.ts`) and not with the product, so its types are not there either.
 */
import { answering, cpuMicros } from './answering.ts'

interface PublishedServer {
  start(): Promise<string>
  stop(): Promise<void>
}

interface PublishedPackage {
  readonly DurableStreamTestServer: new (options: { port: number; dataDir: string }) => PublishedServer
}

const PACKAGE: string = '@durable-streams/server'
const [dataDir = ''] = process.argv.slice(2)
// What it says of every slow append would be written to our terminal.
for (const level of ['info', 'warn'] as const) console[level] = () => {}

const { DurableStreamTestServer } = (await import(PACKAGE)) as PublishedPackage
const server = new DurableStreamTestServer({ port: 0, dataDir })
const { port } = new URL(await server.start())

const operations = { cpu: () => cpuMicros() }

export type Operations = typeof operations

answering(operations, { port: Number(port), pid: process.pid }, () => server.stop())
