import { RpcStub } from 'capnweb'
import { ItxClient } from '../itx/client/connect.ts'
import type { ProcessorInfo, ProjectApi, ProjectRole } from '../itx/handle.ts'
import { ItxError } from '../streams/errors.ts'
import type { StreamPath } from '../streams/path.ts'
import { type ProcessorEntry, withBuiltIns } from '../streams/processors/builtin/index.ts'
import { type ProcessorRegistration, ProcessorRegistry } from '../streams/processors/registry.ts'
import { SoundDisk } from '../streams/storage/memory/memory-disk.ts'
import { TestClock } from './test-clock.ts'
import { TestLife } from './test-life.ts'
import { ProjectAccess } from '../itx/project-access.ts'
import { ProjectTarget } from '../itx/project-target.ts'

export interface TestServerOptions {
  /** What a module of TRIBUTARY_PROCESSORS exports by default: the built-in processors are there as well. */
  readonly processors?: readonly ProcessorEntry[]
  readonly clock?: TestClock
}

/** A processor of a stream, when nothing happens any more by itself. */
export interface SettledProcessor extends ProcessorInfo {
  readonly project: string
  readonly path: StreamPath
}

/** Events and states as values; `use` and `onStream` lead to everything else. */
export type TestClient = Pick<ItxClient, 'append' | 'read' | 'state' | 'follow' | 'use' | 'onStream'>

export interface HandleOptions {
  /** `admin` when nobody says. */
  readonly role?: ProjectRole
}

/** Streams of a project on one page while processors are looked for. */
const PAGE = 1000
const PROJECT = /^[A-Za-z0-9_-]{1,64}$/

/**
 * Tributary in memory: the engine, the processors and the project handle of the real server, over storage that is kept in
 * memory and a clock that stands still. No accounts, no HTTP, no pages; projects exist when they are asked for.
 */
export class TestServer {
  readonly clock: TestClock
  readonly #processors: readonly ProcessorRegistration[]
  /** By slug. */
  readonly #disks = new Map<string, SoundDisk>()
  readonly #lives = new Map<string, TestLife>()
  #ids = 0
  #closed = false

  constructor({ processors = [], clock = new TestClock() }: TestServerOptions) {
    this.clock = clock
    this.#processors = withBuiltIns(processors)
    // What is wrong with one of them is said here, not at the first stream.
    void new ProcessorRegistry(this.#processors)
  }

  /** The handle of a project, as somebody of a role holds it. It stays good over a restart. */
  project(slug = 'test', { role = 'admin' }: HandleOptions = {}): ProjectApi & Disposable {
    const streams = () => this.#life(slug).streams
    streams()
    const access = new ProjectAccess({ id: slug, role, info: () => ({ id: slug, slug, name: slug, role }), streams })
    const target = new ProjectTarget(access, {
      rename: () => Promise.reject(notKept('renamed')),
      contents: () => Promise.reject(notKept('counted')),
      delete: () => Promise.reject(notKept('deleted')),
      createReadToken: () => {
        throw notKept('read by token')
      },
    })
    return new RpcStub(target) as unknown as ProjectApi & Disposable
  }

  /** The same with values instead of JSON text: `append`, `read`, `state`, `follow`. */
  client(slug = 'test', options: HandleOptions = {}): TestClient {
    const connection = { project: async () => this.project(slug, options) }
    // No socket: of a connection the client needs the handle alone.
    return new ItxClient(connection as unknown as ItxClient['connection'], slug)
  }

  /**
   * Waits until no processor can go on by itself: each is done with its stream, parked, or waits for the clock (`retrying`,
   * `waiting`). Answers all that are attached, by project and path.
   *
   * @throws {AssertionError} when that takes longer than `withinMs` (4,000) of real time, naming the effects that have not
   *   ended.
   */
  async processorsSettled({ withinMs }: { readonly withinMs?: number } = {}): Promise<readonly SettledProcessor[]> {
    const settled: SettledProcessor[] = []
    for (const life of this.#lives.values()) await life.rest(withinMs)
    for (const [project, { storage, streams }] of this.#lives) {
      for (let after = ''; ;) {
        const paths = storage.committed.listProcessed(after, PAGE)
        for (const path of paths) {
          for (const info of await streams.processors.list(path)) settled.push({ project, path, ...info })
        }
        const last = paths.at(-1)
        if (last === undefined || paths.length < PAGE) break
        after = last
      }
    }
    return settled
  }

  /**
   * Ends as when the power fails, and starts again: all that was acknowledged is there, and nothing that was only in
   * memory. Calls that are under way fail with UNAVAILABLE, readers end with `shutdown`.
   */
  async restart(): Promise<void> {
    const slugs = [...this.#lives.keys()]
    for (const life of this.#lives.values()) life.end()
    this.#lives.clear()
    for (const slug of slugs) this.#life(slug)
    // Those who were told have heard of it when this returns.
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Ends for good. */
  close(): void {
    this.#closed = true
    for (const life of this.#lives.values()) life.end()
    this.#lives.clear()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #life(slug: string): TestLife {
    if (this.#closed) throw new ItxError('UNAVAILABLE', 'the test server is closed', { reason: 'shutting-down' })
    if (!PROJECT.test(slug)) {
      throw new ItxError('BAD_REQUEST', `a project is named by 1 to 64 of A-Z, a-z, 0-9, _ and -, not ${slug}`, {
        field: 'slug',
      })
    }
    let life = this.#lives.get(slug)
    if (!life) {
      const disk = this.#disks.get(slug) ?? new SoundDisk()
      this.#disks.set(slug, disk)
      const newId = () => `id-${++this.#ids}`
      life = new TestLife(disk, { clock: this.clock, processors: this.#processors, newId })
      this.#lives.set(slug, life)
    }
    return life
  }
}

/** Projects are kept by the control plane, of which there is none here. */
function notKept(what: string): ItxError {
  return new ItxError('BAD_REQUEST', `a project of a test server is not ${what}: it is there when it is asked for`, {
    reason: 'unsupported',
  })
}

/** Starts a server for tests. Close it at the end, or say `using`. @throws {ItxError} BAD_REQUEST for a bad processor. */
export function createTestServer(options: TestServerOptions = {}): TestServer {
  return new TestServer(options)
}
