import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toNodeHandler } from 'srvx/node'
import { ConfigError, loadConfig, withPort } from '../../app.config.ts'
import { ItxError, itxErrorCode } from '../streams/errors.ts'
import { createHttpServer } from './http-server.ts'
import { withStaticFiles } from './static-files.ts'

/** The production process: one port for pages, HTTP doors and the socket. */

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
/** How long requests that are under way may take to finish after SIGTERM. */
const DRAIN_MS = 4000
/** How long to wait for the port of a predecessor that is still ending. */
const PORT_MS = 5000

async function main(): Promise<void> {
  let end: () => void = () => process.exit(0)
  // The first of all: a signal may come at any time, and twice, from the terminal and from npm.
  process.on('SIGTERM', () => end())
  process.on('SIGINT', () => end())
  process.chdir(ROOT)
  // React stays outside of the bundle, and is its slow self, made for developers, unless this says otherwise.
  process.env['NODE_ENV'] ??= 'production'
  const configured = loadConfig()
  const bundle = join(ROOT, 'dist', 'server', 'entry.js')
  const { default: entry, ...app } = (await import(bundle)) as typeof import('./entry.ts')
  // srvx serves HTTP/2 as well, which its type insists on.
  const handle = toNodeHandler(
    withStaticFiles(join(ROOT, 'dist', 'client'), (request) => entry.fetch(request)),
  ) as RequestListener
  const { server, refuse, drained } = createHttpServer({ handle, handleUpgrade: app.handleUpgrade })

  // The address first: links and cookies depend on the port, which may be the system's choice.
  await listen(server, configured.port, configured.host)
  const config = withPort(configured, (server.address() as AddressInfo).port)
  const instance = await app.startInstance(config)

  let stopping = false
  const stop = async () => {
    if (stopping) return
    stopping = true
    refuse()
    await app.beginStop()
    await drained(DRAIN_MS)
    await app.finishStop()
    server.closeAllConnections()
    process.exit(0)
  }
  // Until here nothing was acknowledged to anybody, and there was nothing to finish.
  end = () => void stop()
  await app.announce(instance)
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  const deadline = Date.now() + PORT_MS
  for (;;) {
    try {
      await new Promise<void>((resolve, reject) => {
        const failed = (error: Error) => {
          server.off('listening', listening)
          reject(error)
        }
        const listening = () => {
          server.off('error', failed)
          resolve()
        }
        server.once('error', failed).once('listening', listening).listen(port, host)
      })
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EADDRINUSE' || Date.now() > deadline) {
        throw code === 'EADDRINUSE'
          ? new ItxError('UNAVAILABLE', `port ${port} is in use; set PORT to another one`)
          : error
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

main().catch((error: unknown) => {
  // What the operator can mend is said in words alone; anything else with the place it comes from.
  const expected = error instanceof ConfigError || itxErrorCode(error) !== undefined
  console.error(error instanceof Error ? (expected ? error.message : (error.stack ?? error.message)) : error)
  process.exit(1)
})
