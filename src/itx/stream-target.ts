import { RpcTarget } from 'capnweb'
import { z } from 'zod'
import type { SubscribeOptions } from '../streams/delivery/batch.ts'
import { ItxError } from '../streams/errors.ts'
import { type EncodedInput, checkEncodedInput } from '../streams/event.ts'
import { type StreamPath, parsePath } from '../streams/path.ts'
import { checkConfigChange, checkMetadata } from '../streams/core/config.ts'
import { type JsonText, parseJsonText } from '../streams/json-text.ts'
import type { ProjectAccess } from './project-access.ts'
import type {
  Pipelined,
  ScanApi,
  ScanBatch,
  ScanOptions,
  StreamApi,
  StreamsApi,
  SubscriptionApi,
  WireBatch,
} from './handle.ts'
import { allowOnly, checked, members } from './rpc-target.ts'
import { ScanTarget } from './scan-target.ts'
import { SubscriptionTarget } from './subscription-target.ts'
import { ExportArguments, ImportArguments } from './transfer-arguments.ts'
import { wireState } from './wire-state.ts'

const types = z.array(z.string().min(1).max(255)).min(1).max(100)
const offset = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const CreateOptions = z.strictObject({ contentType: z.literal('application/json').optional() }).optional()
const ReadArguments = z
  .strictObject({
    after: offset.optional(),
    before: offset.optional(),
    limit: z.number().optional(),
    order: z.enum(['asc', 'desc']).optional(),
    types: types.optional(),
  })
  .optional()
const ChildrenArguments = z
  .strictObject({
    after: z.string().optional(),
    skip: z.number().optional(),
    limit: z.number().optional(),
    match: z.string().optional(),
  })
  .optional()
const ListArguments = z
  .strictObject({
    prefix: z.string().optional(),
    after: z.string().optional(),
    limit: z.number().optional(),
    match: z.string().optional(),
  })
  .optional()
const Locator = z.union([z.strictObject({ offset }), z.strictObject({ idempotencyKey: z.string().max(255) })])
const Reason = z.string().max(1000).optional()
const Slug = z.string().min(1).max(64)
const RestartArguments = z
  .strictObject({ from: z.union([offset, z.enum(['checkpoint', 'skip'])]).optional() })
  .optional()
const StateAtArguments = z.strictObject({ processor: Slug, offset: offset.optional() })
const DeleteArguments = z.strictObject({ recursive: z.boolean().optional() }).optional()
const SubscribeArguments = z.strictObject({
  after: z.union([offset, z.enum(['start', 'now'])]).optional(),
  incarnationId: z.string().max(100).optional(),
  types: types.optional(),
  events: z.boolean().optional(),
  state: z.boolean().optional(),
})

const ScanArguments = z.strictObject({
  filter: z.string(),
  after: offset.optional(),
  before: offset.optional(),
  types: types.optional(),
  order: z.enum(['asc', 'desc']).optional(),
  incarnationId: z.string().max(100).optional(),
})

/** The streams of one project. */
export class StreamsTarget extends RpcTarget implements StreamsApi {
  readonly #access: ProjectAccess

  constructor(access: ProjectAccess) {
    super()
    this.#access = access
  }

  get(path: string): Pipelined<StreamApi> {
    return new StreamTarget(this.#access, parsePath(path)) as unknown as Pipelined<StreamApi>
  }

  async list(options?: unknown) {
    this.#access.require('list')
    return this.#access.streams().list(given(checked(ListArguments, options, 'list')))
  }
}
allowOnly(StreamsTarget, members<StreamsApi>()('get', 'list'))

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
    this.#access.require('create')
    const { created, state } = await this.#access
      .streams()
      .create(this.#path, given(checked(CreateOptions, options, 'create')))
    return { created, state: wireState({ ...state, exists: true }) }
  }

  async append(events: readonly EncodedInput[]) {
    this.#access.require('append')
    if (!Array.isArray(events))
      throw new ItxError('BAD_REQUEST', 'append takes an array of events', { field: 'events' })
    return this.#access.streams().append(this.#path, events.map(checkEncodedInput), this.#access.coreTypes)
  }

  async read(options?: unknown) {
    this.#access.require('read')
    return this.#access.streams().read(this.#path, given(checked(ReadArguments, options, 'read')))
  }

  async getEvent(by: unknown) {
    this.#access.require('getEvent')
    return this.#access.streams().getEvent(this.#path, checked(Locator, by, 'getEvent'))
  }

  async state() {
    this.#access.require('state')
    return wireState(await this.#access.streams().state(this.#path))
  }

  async children(options?: unknown) {
    this.#access.require('children')
    return this.#access.streams().children(this.#path, given(checked(ChildrenArguments, options, 'children')))
  }

  subscribe(options: unknown, onBatch: (batch: WireBatch) => unknown): Pipelined<SubscriptionApi> {
    return this.#subscribe(options, onBatch) as unknown as Pipelined<SubscriptionApi>
  }

  scan(options: unknown, onBatch: (batch: ScanBatch) => unknown): Pipelined<ScanApi> {
    return this.#scan(options, onBatch) as unknown as Pipelined<ScanApi>
  }

  async export(options?: unknown) {
    this.#access.require('export')
    return this.#access.streams().export(this.#path, given(checked(ExportArguments, options, 'export')))
  }

  async import(chunk: unknown) {
    this.#access.require('import')
    const { head, ...rest } = given(checked(ImportArguments, chunk, 'import'))
    return this.#access.streams().import(this.#path, head ? { ...rest, head: given(head) } : rest)
  }

  async pause(reason?: unknown) {
    this.#access.require('pause')
    await this.#access.streams().pause(this.#path, checked(Reason, reason, 'pause'))
  }

  async resume(reason?: unknown) {
    this.#access.require('resume')
    await this.#access.streams().resume(this.#path, checked(Reason, reason, 'resume'))
  }

  async configure(change: unknown) {
    this.#access.require('configure')
    await this.#access.streams().configure(this.#path, checkConfigChange(change))
  }

  async setMetadata(metadata: unknown) {
    this.#access.require('setMetadata')
    const text = parseJsonText(checked(z.string(), metadata, 'setMetadata'), 'metadata')
    await this.#access.streams().setMetadata(this.#path, checkMetadata(JSON.parse(text)))
  }

  async processors() {
    this.#access.require('processors')
    const { processors } = this.#access.streams()
    return { attached: await processors.list(this.#path), available: processors.available }
  }

  async attach(processor: unknown) {
    this.#access.require('attach')
    await this.#access.streams().processors.attach(this.#path, checked(Slug, processor, 'attach'))
  }

  async detach(processor: unknown) {
    this.#access.require('detach')
    await this.#access.streams().processors.detach(this.#path, checked(Slug, processor, 'detach'))
  }

  async restart(processor: unknown, options?: unknown) {
    this.#access.require('restart')
    const { from = 'checkpoint' } = checked(RestartArguments, options, 'restart') ?? {}
    await this.#access.streams().processors.restart(this.#path, checked(Slug, processor, 'restart'), from)
  }

  async stateAt(options: unknown) {
    this.#access.require('stateAt')
    const { processor, offset: at } = checked(StateAtArguments, options, 'stateAt')
    const { offset: reached, state } = await this.#access.streams().processors.stateAt(this.#path, processor, at)
    // As text: Cap'n Web would drop some keys of what users wrote.
    return { offset: reached, state: JSON.stringify(state) as JsonText }
  }

  async close(reason?: unknown) {
    this.#access.require('close')
    await this.#access.streams().close(this.#path, checked(Reason, reason, 'close'))
  }

  async reset() {
    this.#access.require('reset')
    return this.#access.streams().reset(this.#path)
  }

  async delete(options?: unknown) {
    this.#access.require('delete')
    const { recursive = false } = checked(DeleteArguments, options, 'delete') ?? {}
    return this.#access.streams().delete(this.#path, { recursive })
  }

  async #scan(options: unknown, onBatch: (batch: ScanBatch) => unknown) {
    this.#access.require('scan')
    const wanted: ScanOptions = given(checked(ScanArguments, options, 'scan'))
    if (typeof onBatch !== 'function') {
      throw new ItxError('BAD_REQUEST', 'scan takes a function as its second argument', { field: 'onBatch' })
    }
    return ScanTarget.open(this.#access.streams(), this.#path, wanted, onBatch)
  }

  async #subscribe(options: unknown, onBatch: (batch: WireBatch) => unknown) {
    this.#access.require('subscribe')
    const wanted: SubscribeOptions = given(checked(SubscribeArguments, options, 'subscribe'))
    if (typeof onBatch !== 'function') {
      throw new ItxError('BAD_REQUEST', 'subscribe takes a function as its second argument', { field: 'onBatch' })
    }
    return SubscriptionTarget.open(this.#access.streams(), this.#path, wanted, onBatch)
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

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Options without the keys that are undefined: callers may write them, the engine tells absent from undefined. */
function given<T extends object>(options: T | undefined): Given<T> {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as Given<T>
}
