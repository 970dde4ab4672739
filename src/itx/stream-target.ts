import { RpcTarget } from 'capnweb'
import { ROOT_PATH, type StreamPath } from '../streams/path.ts'
import { checkMetadata } from '../streams/core/config.ts'
import { type JsonText, parseJsonText } from '../streams/json-text.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import { ActivityTarget } from './activity-target.ts'
import type { ProjectAccess } from './project-access.ts'
import type { ActivityApi, Pipelined, ScanApi, StreamApi, StreamsApi, SubscriptionApi } from './handle.ts'
import { type Methods, STREAM, STREAMS, type Taken, taken } from './operations.ts'
import { allowOnly, members } from './rpc-target.ts'
import { ScanTarget } from './scan-target.ts'
import { SubscriptionTarget } from './subscription-target.ts'
import { wireState } from './wire-state.ts'

/** The streams of one project. */
export class StreamsTarget extends RpcTarget implements StreamsApi {
  readonly #access: ProjectAccess

  constructor(access: ProjectAccess) {
    super()
    this.#access = access
  }

  get(path: string): Pipelined<StreamApi> {
    return new StreamTarget(this.#access, this.#access.path(path)) as unknown as Pipelined<StreamApi>
  }

  async list(options?: unknown) {
    this.#access.require('list')
    const [page] = taken(STREAMS.list, 'list', [options])
    const { scope, session } = this.#access
    const prefix = this.#access.path(page.prefix ?? scope)
    return session.answer(() => this.#access.streams().list({ ...page, prefix }))
  }

  activity(options: unknown, onRows: unknown): Pipelined<ActivityApi> {
    return this.#activity(options, onRows) as unknown as Pipelined<ActivityApi>
  }

  async #activity(options: unknown, onRows: unknown) {
    this.#access.require('activity')
    const [{ paths, overview = false }, call] = taken(STREAMS.activity, 'activity', [options, onRows])
    const reached = paths.map((path) => this.#access.path(path))
    // The overview tells of the whole project: not for whoever reaches a part of it.
    if (overview) this.#access.path(ROOT_PATH)
    return ActivityTarget.open(this.#access, { paths: reached, overview }, call)
  }
}
allowOnly(StreamsTarget, members<StreamsApi>()('get', 'list', 'activity'))

/** One stream of one project, existing or not. */
export class StreamTarget extends RpcTarget implements StreamApi {
  readonly #access: ProjectAccess
  readonly #path: StreamPath

  constructor(access: ProjectAccess, path: StreamPath) {
    super()
    this.#access = access
    this.#path = path
  }

  async create(options?: unknown) {
    const [wanted] = this.#begin('create', options)
    const { created, state } = await this.#access.streams().create(this.#path, wanted)
    return { created, state: wireState({ ...state, exists: true }) }
  }

  async append(events: unknown) {
    return this.#access.appending(() => {
      const [batch] = this.#begin('append', events)
      return this.#access.streams().append(this.#path, batch, this.#access.coreTypes)
    })
  }

  async read(options?: unknown) {
    const [page] = this.#begin('read', options)
    return this.#answer((streams) => streams.read(this.#path, page))
  }

  async getEvent(by: unknown) {
    const [locator] = this.#begin('getEvent', by)
    return this.#answer((streams) => streams.getEvent(this.#path, locator))
  }

  async state() {
    this.#begin('state')
    return wireState(await this.#answer((streams) => streams.state(this.#path)))
  }

  async children(options?: unknown) {
    const [page] = this.#begin('children', options)
    return this.#answer((streams) => streams.children(this.#path, page))
  }

  subscribe(options: unknown, onBatch: unknown): Pipelined<SubscriptionApi> {
    return this.#subscribe(options, onBatch) as unknown as Pipelined<SubscriptionApi>
  }

  scan(options: unknown, onBatch: unknown): Pipelined<ScanApi> {
    return this.#scan(options, onBatch) as unknown as Pipelined<ScanApi>
  }

  async export(options?: unknown) {
    const [page] = this.#begin('export', options)
    return this.#answer((streams) => streams.export(this.#path, page))
  }

  async import(chunk: unknown) {
    const [piece] = this.#begin('import', chunk)
    return this.#access.streams().import(this.#path, piece)
  }

  async pause(reason?: unknown) {
    const [why] = this.#begin('pause', reason)
    await this.#access.streams().pause(this.#path, why)
  }

  async resume(reason?: unknown) {
    const [why] = this.#begin('resume', reason)
    await this.#access.streams().resume(this.#path, why)
  }

  async configure(change: unknown) {
    const [checked] = this.#begin('configure', change)
    await this.#access.streams().configure(this.#path, checked)
  }

  async setMetadata(metadata: unknown) {
    const [text] = this.#begin('setMetadata', metadata)
    await this.#access.streams().setMetadata(this.#path, checkMetadata(JSON.parse(parseJsonText(text, 'metadata'))))
  }

  async processors() {
    this.#begin('processors')
    return this.#answer(async ({ processors }) => ({
      attached: await processors.list(this.#path),
      available: processors.available,
    }))
  }

  async attach(processor: unknown) {
    const [slug] = this.#begin('attach', processor)
    await this.#access.streams().processors.attach(this.#path, slug)
  }

  async detach(processor: unknown) {
    const [slug] = this.#begin('detach', processor)
    await this.#access.streams().processors.detach(this.#path, slug)
  }

  async restart(processor: unknown, options?: unknown) {
    const [slug, { from = 'checkpoint' }] = this.#begin('restart', processor, options)
    await this.#access.streams().processors.restart(this.#path, slug, from)
  }

  async stateAt(options: unknown) {
    const [{ processor, offset: at }] = this.#begin('stateAt', options)
    return this.#answer(async ({ processors }) => {
      const { offset: reached, state } = await processors.stateAt(this.#path, processor, at)
      // As text: Cap'n Web would drop some keys of what users wrote.
      return { offset: reached, state: JSON.stringify(state) as JsonText }
    })
  }

  async close(reason?: unknown) {
    const [why] = this.#begin('close', reason)
    await this.#access.streams().close(this.#path, why)
  }

  async reset() {
    this.#begin('reset')
    return this.#access.streams().reset(this.#path)
  }

  async delete(options?: unknown) {
    const [{ recursive = false }] = this.#begin('delete', options)
    return this.#access.streams().delete(this.#path, { recursive })
  }

  /** Whatever is done with a stream begins here: whether it may be done, and whether its arguments are good. */
  #begin<M extends Methods<StreamApi>>(method: M, ...given: readonly unknown[]): Taken<(typeof STREAM)[M]> {
    this.#access.require(method)
    return taken(STREAM[method], method, given)
  }

  /** What may answer much waits its turn among what else the caller has asked for. */
  #answer<T>(work: (streams: ProjectStreams) => Promise<T>): Promise<T> {
    return this.#access.session.answer(() => work(this.#access.streams()))
  }

  async #scan(options: unknown, onBatch: unknown) {
    const [wanted, call] = this.#begin('scan', options, onBatch)
    return ScanTarget.open(this.#access, this.#path, wanted, call)
  }

  async #subscribe(options: unknown, onBatch: unknown) {
    const [wanted, call] = this.#begin('subscribe', options, onBatch)
    return SubscriptionTarget.open(this.#access, this.#path, wanted, call)
  }
}
allowOnly(
  StreamTarget,
  members<StreamApi>()(
    'create',
    'append',
    'read',
    'getEvent',
    'state',
    'children',
    'subscribe',
    'scan',
    'export',
    'import',
    'pause',
    'resume',
    'configure',
    'setMetadata',
    'processors',
    'attach',
    'detach',
    'restart',
    'stateAt',
    'close',
    'reset',
    'delete',
  ),
)
