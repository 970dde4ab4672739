import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

const ROOT = join(import.meta.dirname, '..')
const NODE = process.execPath
const START_MS = 30_000

export const ADMIN = { email: 'admin@example.test', password: 'correct horse battery 9' } as const

/** A Tributary of a test's own: a real process, a free loopback port, a data directory that goes with it. */
export class Tributary {
  readonly dataDir: string
  readonly port: number
  readonly #env: Record<string, string>
  #child: ChildProcess | null = null
  #output = ''

  private constructor(dataDir: string, port: number, env: Record<string, string>) {
    this.dataDir = dataDir
    this.port = port
    this.#env = env
  }

  /** Starts one and waits until it is ready. `admin: false` leaves the setup to the test. */
  static async start({
    admin = true,
    env = {},
  }: { admin?: boolean; env?: Record<string, string> } = {}): Promise<Tributary> {
    const bootstrap = admin
      ? { TRIBUTARY_BOOTSTRAP_EMAIL: ADMIN.email, TRIBUTARY_BOOTSTRAP_PASSWORD: ADMIN.password }
      : {}
    const tributary = new Tributary(mkdtempSync(join(tmpdir(), 'tributary-e2e-')), await freePort(), {
      TRIBUTARY_LOGINS_PER_MINUTE: '1000',
      ...bootstrap,
      ...env,
    })
    await tributary.launch()
    return tributary
  }

  get url(): string {
    return `http://localhost:${this.port}`
  }

  /** Everything the server has printed. */
  get output(): string {
    return this.#output
  }

  /** The one-time link it printed. */
  get setupLink(): string {
    const [link] = /http\S+\/setup\/\S+/.exec(this.#output) ?? []
    if (link === undefined) throw new Error(`no setup link in:\n${this.#output}`)
    return link
  }

  /** Starts the process (again), on the same port and data. */
  async launch(): Promise<void> {
    this.#output = ''
    const child = spawn(NODE, ['src/server/main.ts'], {
      cwd: ROOT,
      env: {
        ...cleanEnvironment(),
        ...this.#env,
        PORT: String(this.port),
        HOST: '127.0.0.1',
        TRIBUTARY_DATA_DIR: this.dataDir,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const take = (chunk: Buffer) => (this.#output += chunk.toString())
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    await until(`the server to be ready:\n${this.#output}`, async () => {
      if (child.exitCode !== null) throw new Error(`the server ended:\n${this.#output}`)
      const response = await fetch(`${this.url}/healthz`).catch(() => null)
      return response?.ok === true
    })
  }

  /** Ends the process with a signal, waits for its end, and answers its exit code (null after SIGKILL). */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
    child.kill(signal)
    return ended
  }

  /** Runs the command line against this server. */
  cli(args: readonly string[], { input = '', env = {} }: { input?: string; env?: Record<string, string> } = {}) {
    return run(['src/cli/main.ts', ...args], input, {
      ...cleanEnvironment(),
      TRIBUTARY_DATA_DIR: this.dataDir,
      TRIBUTARY_URL: this.url,
      ...env,
    })
  }

  async token(role = 'editor', project = 'demo'): Promise<string> {
    const { code, stdout, stderr } = await this.cli(['token', 'create', '--project', project, '--role', role])
    if (code !== 0) throw new Error(stderr)
    return stdout.trim()
  }

  /** Appends events through the command line, which is how they come from outside. */
  async append(token: string, path: string, events: readonly unknown[], project = 'demo'): Promise<void> {
    const { code, stderr } = await this.cli(['append', path, '--token', token, '--project', project], {
      input: events.map((event) => `${JSON.stringify(event)}\n`).join(''),
    })
    if (code !== 0) throw new Error(stderr)
  }

  /** Ends the process and removes its data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** A browser of the test's own, with an empty profile. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}

/** Waits for a condition, and says which one when it does not come true. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = START_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function run(args: readonly string[], input: string, env: Record<string, string>) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(NODE, [...args], { cwd: ROOT, env, stdio: ['pipe', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.once('close', (code) => resolve({ code, stdout, stderr }))
    // A command that fails early does not read its input.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** The caller's own settings must not reach into a test. */
function cleanEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('TRIBUTARY_') && name !== 'PORT' && name !== 'HOST',
  )
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? '']))
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
