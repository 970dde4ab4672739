import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, type RequestListener, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newWebSocketRpcSession } from 'capnweb'
import { toNodeHandler } from 'srvx/node'
import { WebSocket } from 'ws'
import { loadConfig, withPort } from '../../app.config.ts'
import { addProjectMember, createProject, findProject, organizationsOwnedBy } from '../control-plane/projects.ts'
import type { Role } from '../control-plane/roles.ts'
import { organization } from '../control-plane/schema.ts'
import { createToken } from '../control-plane/tokens.ts'
import { createUser } from '../control-plane/users.ts'
import type { ItxApi, StreamsApi } from '../itx/handle.ts'
import type { Instance } from '../itx/instance.ts'
import { handleUpgrade, terminateSockets } from '../itx/socket.ts'
import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import { answer } from './answer.ts'
import { createHttpServer } from './http-server.ts'
import { beginStop, finishStop, startInstance } from './start.ts'

/** The root of the checkout. */
export const CHECKOUT = join(import.meta.dirname, '..', '..')

/** Calls until it answers something truthy. Waits for a condition, however long the test allows. */
export async function eventually<T>(condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (;;) {
    const value = await condition()
    if (value) return value
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Code and reason of the error that a call fails with; both undefined when it has none, or does not fail. */
export async function failureOf(call: PromiseLike<unknown>): Promise<[code: unknown, reason: unknown]> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return [itxErrorCode(error), itxErrorDetails(error)?.['reason']]
}

/** An empty directory. Whoever makes it removes it. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'tributary-server-'))
}

interface TestUser {
  readonly id: string
  readonly email: string
  readonly password: string
}

export const PASSWORD = 'correct horse battery'

/**
 * A whole Tributary in this process, on a free loopback port with a data directory of its own: everything but pages,
 * which need a build. One at a time per process.
 */
export class TestTributary {
  readonly dataDir: string
  readonly #env: Record<string, string>
  #port = 0
  #instance: Instance | null = null
  #server: ReturnType<typeof createHttpServer> | null = null
  /** What the server would have printed about errors. */
  readonly logged: unknown[] = []

  private constructor(env: Record<string, string>, dataDir: string) {
    this.#env = env
    this.dataDir = dataDir
  }

  static async start(env: Record<string, string> = {}): Promise<TestTributary> {
    const tributary = new TestTributary(env, temporaryDirectory())
    await tributary.resume()
    return tributary
  }

  get instance(): Instance {
    if (!this.#instance) throw new Error('this Tributary is stopped')
    return this.#instance
  }

  get port(): number {
    return this.#port
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Where a browser would say it comes from. */
  get origin(): string {
    return this.instance.config.origin
  }

  /** Starts again, on the same port and data. */
  async resume(): Promise<void> {
    const handle = toNodeHandler((request) => answer(request, () => new Response('a page'))) as RequestListener
    const parts = createHttpServer({ handle, handleUpgrade })
    await new Promise<void>((resolve, reject) => {
      parts.server.once('error', reject)
      parts.server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#server = parts
    this.#port = (parts.server.address() as AddressInfo).port
    const config = loadConfig({
      TRIBUTARY_LOGINS_PER_MINUTE: '10000',
      ...this.#env,
      TRIBUTARY_DATA_DIR: this.dataDir,
      PORT: String(this.#port),
    })
    const instance = await startInstance(withPort(config, this.#port))
    ;(instance as { log: Instance['log'] }).log = (message, error) => void this.logged.push([message, error])
    this.#instance = instance
  }

  /** The engine's view of a project. */
  streams(project = 'demo'): ProjectStreams {
    return this.instance.engine.project(this.projectId(project))
  }

  /** Ends as SIGTERM does; the data stays. */
  async pause(): Promise<void> {
    this.#server?.refuse()
    await beginStop()
    await this.#server?.drained(1000)
    await finishStop()
    this.#server?.server.closeAllConnections()
    this.#server = null
    this.#instance = null
  }

  /** Ends without a word to anybody: every socket is reset. */
  async kill(): Promise<void> {
    terminateSockets()
    this.#server?.server.closeAllConnections()
    await this.pause()
  }

  /** Ends, and removes the data. */
  async stop(): Promise<void> {
    if (this.#instance) await this.pause()
    rmSync(this.dataDir, { recursive: true, force: true })
  }

  projectId(slug: string): string {
    const project = findProject(this.instance.control, slug)
    if (!project) throw new Error(`there is no project ${slug}`)
    return project.id
  }

  /** Makes a project in the organisation of the first start. */
  project(slug: string): string {
    const { control } = this.instance
    const [first] = control.db.select({ id: organization.id }).from(organization).all()
    if (!first) throw new Error('there is no organisation')
    return createProject(control, { slug, name: slug, organizationId: first.id }).id
  }

  token(role: Role, project = 'demo', options: { readonly expiresAt?: number } = {}): string {
    return createToken(this.instance.control, { projectId: this.projectId(project), role, ...options }).token
  }

  async user(email: string, roles: Readonly<Record<string, Role>> = {}): Promise<TestUser> {
    const { auth, control } = this.instance
    const { id } = await createUser(auth, control, { email, password: PASSWORD, name: email })
    for (const [slug, role] of Object.entries(roles)) {
      addProjectMember(control, { projectId: this.projectId(slug), userId: id, role })
    }
    return { id, email, password: PASSWORD }
  }

  organizationsOf(userId: string): string[] {
    return organizationsOwnedBy(this.instance.control, userId)
  }

  /** Signs in over HTTP; the value of the Cookie header. */
  async signIn(user: TestUser): Promise<string> {
    const response = await fetch(`${this.url}/api/auth/sign-in/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: this.origin },
      body: JSON.stringify({ email: user.email, password: user.password }),
    })
    if (response.status !== 200) throw new Error(`signing in answered ${response.status}: ${await response.text()}`)
    return response.headers
      .getSetCookie()
      .map((cookie) => cookie.split(';', 1)[0])
      .join('; ')
  }

  /** The HTTP door of a project, with a new token. */
  door(role: Role, project = 'demo'): Door {
    return new Door(this, `/api/streams/${project}`, { authorization: `Bearer ${this.token(role, project)}` })
  }

  /** Dials the socket door. */
  dial(headers: Record<string, string>): Dialled {
    return new Dialled(`ws://127.0.0.1:${this.#port}/api/itx`, headers)
  }

  /** The global handle over a socket of its own, with a new token. */
  itx(role: Role, project = 'demo'): Dialled {
    return this.dial({ authorization: `Bearer ${this.token(role, project)}` })
  }

  /** A request whose target is sent as it is: `fetch` would resolve dots first. */
  raw(target: string, options: RawRequest = {}): Promise<RawResponse> {
    return rawRequest(this.#port, target, options)
  }
}

/** How a dialled socket ended: refused with a status, or closed with a code. */
export interface SocketEnd {
  readonly status?: number
  readonly code?: number
  readonly reason?: string
}

/** A real WebSocket with a Cap'n Web session on it. Everything that came over it is kept as it came. */
export class Dialled {
  readonly socket: WebSocket
  readonly root: ItxApi & { authenticate(token: string): ItxApi } & Disposable
  /** Messages of the server. */
  readonly received: string[] = []
  /** Messages of this side. */
  readonly sent: string[] = []
  readonly opened: Promise<'open' | SocketEnd>
  readonly ended: Promise<SocketEnd>

  constructor(url: string, headers: Record<string, string>) {
    this.socket = new WebSocket(url, { headers, maxPayload: 256 * 2 ** 20 })
    const ended = Promise.withResolvers<SocketEnd>()
    const opened = Promise.withResolvers<'open'>()
    this.socket.on('open', () => opened.resolve('open'))
    this.socket.on('message', (data) => this.received.push(String(data)))
    this.socket.on('unexpected-response', (request, response) => {
      ended.resolve({ status: response.statusCode ?? 0 })
      request.destroy()
    })
    this.socket.on('close', (code, reason) => ended.resolve({ code, reason: String(reason) }))
    this.socket.on('error', () => {})
    this.ended = ended.promise
    this.opened = Promise.race([opened.promise, this.ended])
    const send = this.socket.send.bind(this.socket) as (data: string) => void
    this.socket.send = (data: unknown) => {
      this.sent.push(String(data))
      send(String(data))
    }
    this.root = newWebSocketRpcSession(this.socket as unknown as globalThis.WebSocket) as unknown as typeof this.root
  }

  /** The streams of a project. */
  streams(project = 'demo'): StreamsApi {
    return this.root.projects.get(project).streams
  }

  close(): void {
    this.socket.close()
  }
}

/** The HTTP door of one project, as one caller uses it. Paths may carry a query. */
export class Door {
  readonly #tributary: TestTributary
  readonly #prefix: string
  readonly #headers: Record<string, string>

  constructor(tributary: TestTributary, prefix: string, headers: Record<string, string>) {
    this.#tributary = tributary
    this.#prefix = prefix
    this.#headers = headers
  }

  send(
    method: string,
    path: string,
    body?: RawRequest['body'],
    headers: Record<string, string> = {},
  ): Promise<RawResponse> {
    const request = { method, headers: { ...this.#headers, ...headers } }
    return this.#tributary.raw(this.#prefix + path, body === undefined ? request : { ...request, body })
  }

  put(path: string, body?: string): Promise<RawResponse> {
    return this.send('PUT', path, body, { 'content-type': 'application/json' })
  }

  /** Messages of a JSON stream. */
  post(path: string, body: string): Promise<RawResponse> {
    return this.send('POST', path, body, { 'content-type': 'application/json' })
  }

  get(path: string): Promise<RawResponse> {
    return this.send('GET', path)
  }

  /** Appends envelopes: values are written as JSON, text is sent as it is. */
  append(path: string, events: unknown): Promise<RawResponse> {
    const body = typeof events === 'string' ? events : JSON.stringify(events)
    return this.send('POST', path, body, { 'content-type': 'application/vnd.tributary.event+json' })
  }

  /** Reads envelopes, core events included. */
  async events(path: string): Promise<readonly Record<string, unknown>[]> {
    const { json } = await this.send('GET', path, undefined, { accept: 'application/vnd.tributary.event+json' })
    return json as Record<string, unknown>[]
  }
}

export interface RawRequest {
  readonly method?: string
  readonly headers?: Record<string, string>
  /** Sent with a length when it is one piece, chunked when it is several. */
  readonly body?: string | Buffer | readonly (string | Buffer)[]
}

export interface RawResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: unknown
}

/** One HTTP request over a connection of its own. */
export function rawRequest(
  port: number,
  target: string,
  { method = 'GET', headers = {}, body }: RawRequest,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, path: target, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const isJson = response.headers['content-type']?.includes('json') === true && text !== ''
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: isJson && !text.includes('}\n{') ? JSON.parse(text) : undefined,
          })
        })
      },
    )
    request.on('error', reject)
    if (Array.isArray(body)) for (const piece of body) request.write(piece)
    request.end(Array.isArray(body) ? undefined : body)
  })
}

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

const children = new Set<ChildProcess>()
// A test that fails leaves its children behind.
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')))

/** A child process: what it has said so far, and how it ended. */
export class TestProcess {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly finished: Promise<Finished>

  constructor(args: readonly string[], env: Record<string, string>, cwd = CHECKOUT) {
    // Nothing of the surroundings decides what a test sees.
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(TRIBUTARY_|PORT$|HOST$|VITEST|NODE_)/.test(name),
    )
    this.child = spawn(process.execPath, [...args], {
      cwd,
      env: { ...(Object.fromEntries(inherited) as Record<string, string>), ...env },
      stdio: 'pipe',
    })
    children.add(this.child)
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    // A child that ends before it has read its input is no error of the test's.
    this.child.stdin?.on('error', () => {})
    this.finished = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', (code, signal) => {
        children.delete(this.child)
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr })
      })
    })
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }
}

/** Runs the command line tool to its end. */
export function runCli(
  args: readonly string[],
  { stdin = '', env = {} }: { readonly stdin?: string | Buffer; readonly env?: Record<string, string> } = {},
): Promise<Finished> {
  const tool = startCli(args, env)
  tool.child.stdin?.end(stdin)
  return tool.finished
}

export function startCli(args: readonly string[], env: Record<string, string> = {}): TestProcess {
  return new TestProcess([join(CHECKOUT, 'src', 'cli', 'main.ts'), ...args], env)
}

/** The real server as a process of its own, from the build in `dist/`. */
export class ServerProcess extends TestProcess {
  constructor(env: Record<string, string>) {
    if (!existsSync(join(CHECKOUT, 'dist', 'server', 'entry.js'))) throw new Error('there is no build: npm run build')
    super([join(CHECKOUT, 'src', 'server', 'main.ts')], { PORT: '0', TRIBUTARY_LOGINS_PER_MINUTE: '10000', ...env })
  }

  /** Starts the server and waits until it is healthy. */
  static async ready(env: Record<string, string>): Promise<ServerProcess> {
    const server = new ServerProcess(env)
    await eventually(async () => {
      if (!server.running) throw new Error(`the server ended: ${server.stderr}`)
      return (
        server.stdout.includes('Tributary is ready at') &&
        (await rawRequest(server.port, '/healthz', {})).status === 200
      )
    })
    return server
  }

  get port(): number {
    const [, port] = /ready at http:\/\/[^:]+:(\d+)/.exec(this.stdout) ?? []
    return Number(port)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }
}
