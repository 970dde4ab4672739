import { type RequestListener, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toNodeHandler } from 'srvx/node'
import { ConfigError, loadConfig, withPort } from '../../app.config.ts'
import { withStaticFiles } from './static-files.ts'

/** The production process: one port for pages, HTTP doors and the socket. */

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
/** How long requests that are under way may take to finish after SIGTERM. */
const DRAIN_MS = 4000
/** How long to wait for the port of a predecessor that is still ending. */
const PORT_MS = 5000

async function main(): Promise<void> {
  process.chdir(ROOT)
  const configured = loadConfig()
  const bundle = join(ROOT, 'dist', 'server', 'entry.js')
  const { default: entry, ...app } = (await import(bundle)) as typeof import('./entry.ts')
  // srvx serves HTTP/2 as well, which its type insists on.
  const handle = toNodeHandler(
    withStaticFiles(join(ROOT, 'dist', 'client'), (request) => entry.fetch(request)),
  ) as RequestListener
  let stopping = false
  let underWay = 0
  let drained: (() => void) | undefined

  const server = createServer((request, response) => {
    if (stopping) {
      response.writeHead(503, { connection: 'close', 'retry-after': '1', 'content-type': 'application/json' })
      response.end('{"code":"UNAVAILABLE","message":"the server is shutting down","details":{"reason":"shutting-down"}}')
      return
    }
    underWay++
    response.once('close', () => {
      underWay--
      if (underWay === 0) drained?.()
    })
    handle(request, response)
  })
  server.on('upgrade', (request, socket, head) => {
    const isSocket = new URL(request.url ?? '/', 'http://localhost').pathname === '/api/itx'
    if (stopping || !isSocket) {
      socket.end(`HTTP/1.1 ${stopping ? '503 Service Unavailable' : '404 Not Found'}\r\nConnection: close\r\n\r\n`)
      return
    }
    void app.handleUpgrade(request, socket, head)
  })

  const stop = async () => {
    // The signal may arrive twice: from the terminal and from npm.
    if (stopping) return
    stopping = true
    server.close()
    await app.beginStop()
    if (underWay > 0) {
      await Promise.race([
        new Promise<void>((resolve) => (drained = resolve)),
        new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS)),
      ])
    }
    await app.finishStop()
    server.closeAllConnections()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())

  // The address first: links and cookies depend on the port, which may be the system's choice.
  await listen(server, configured.port, configured.host)
  const config = withPort(configured, (server.address() as AddressInfo).port)
  const instance = await app.startInstance(config)
  if (!stopping) await app.announce(instance)
}

async function listen(server: ReturnType<typeof createServer>, port: number, host: string): Promise<void> {
  const deadline = Date.now() + PORT_MS
  for (;;) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(port, host, () => {
          server.off('error', reject)
          resolve()
        })
      })
      return
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EADDRINUSE' || Date.now() > deadline) {
        throw code === 'EADDRINUSE' ? new Error(`port ${port} is in use; set PORT to another one`) : error
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

main().catch((error: unknown) => {
  const message = error instanceof ConfigError ? error.message : error instanceof Error ? (error.stack ?? error.message) : error
  console.error(message)
  process.exit(1)
})
