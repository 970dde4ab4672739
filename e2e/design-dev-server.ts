import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './harness.ts'

const ROOT = join(import.meta.dirname, '..')

/**
 * Vite's server for development, with a cache and data of its own: the page of the design system is nowhere else. The
 * port is one that the system gives, told when it listens; PORT is that of Tributary's settings, and used for nothing.
 */
const PROGRAM = `
import { createServer } from 'vite'
const server = await createServer({
  root: process.cwd(),
  cacheDir: process.env.DESIGN_CACHE,
  logLevel: 'warn',
  server: { port: 0, strictPort: false, hmr: false, watch: null },
})
await server.listen()
console.log('listening ' + server.httpServer.address().port)
`

export interface DevServer extends AsyncDisposable {
  readonly url: string
}

export async function startDevServer(): Promise<DevServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tributary-design-'))
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    cwd: ROOT,
    env: {
      ...process.env,
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      PORT: '1',
      DESIGN_CACHE: join(folder, 'cache'),
      TRIBUTARY_DATA_DIR: join(folder, 'data'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const take = (chunk: Buffer) => (output += chunk.toString())
  child.stdout.on('data', take)
  child.stderr.on('data', take)
  const port = () => /listening (\d+)/.exec(output)?.[1]
  const dispose = async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await ended
    }
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await until('the server for development', async () => {
      if (child.exitCode !== null) throw new Error(`it ended:\n${output}`)
      if (port() === undefined) return false
      // It listens before it has loaded what answers.
      return await fetch(`http://127.0.0.1:${port()}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      )
    })
  } catch (error) {
    await dispose()
    throw new Error(`no server for development:\n${output}`, { cause: error })
  }
  return { url: `http://127.0.0.1:${port()}`, [Symbol.asyncDispose]: dispose }
}
