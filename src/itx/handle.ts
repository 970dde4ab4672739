import type { ChildrenOptions, ChildrenPage, ListOptions, StreamsPage } from '../streams/directory.ts'
import type { Batch, Closed, SubscribeOptions } from '../streams/delivery/batch.ts'
import type { EncodedEvent, EncodedInput, Receipt } from '../streams/event.ts'
import type { JsonText } from '../streams/json-text.ts'
import type { ConfigChange } from '../streams/core/config.ts'
import type { EventLocator, ReadOptions, StreamState } from '../streams/project-reader.ts'
import type { ScanBatch, ScanClosed, ScanOptions } from '../streams/scan.ts'
import type { AvailableProcessor, ProcessorInfo } from '../streams/processors/host.ts'
import type { RestartFrom } from '../streams/processors/runner.ts'
import type { CatalogueRow } from '../streams/storage/port.ts'
import type { ExportOptions, ExportPage, ImportChunk, Imported } from '../streams/transfer.ts'

export type {
  AvailableProcessor,
  Batch,
  CatalogueRow,
  ChildrenOptions,
  ChildrenPage,
  Closed,
  ConfigChange,
  EventLocator,
  ExportOptions,
  ExportPage,
  ImportChunk,
  Imported,
  ListOptions,
  ProcessorInfo,
  ReadOptions,
  RestartFrom,
  ScanBatch,
  ScanClosed,
  ScanOptions,
  StreamsPage,
  SubscribeOptions,
}
export type { SubscribeAfter } from '../streams/delivery/batch.ts'

/**
 * The public interface of itx, the one handle of every door: types alone, so that browser, server and CLI share them.
 *
 * Every method is asynchronous on every door. A method that answers another handle can be called through at once
 * (`Pipelined`): the calls travel together.
 */

/**
 * A handle that is on its way: await it, or call through it without waiting. Dispose it (`using`): what is not disposed
 * stays in the tables of both ends until the socket closes.
 */
export type Pipelined<T> = Promise<T & Disposable> & T & Disposable

export type ProjectRole = 'viewer' | 'editor' | 'operator' | 'admin'

/** A project as one principal sees it. */
export interface ProjectInfo {
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly role: ProjectRole
}

export type Whoami =
  | {
      readonly kind: 'user'
      readonly id: string
      readonly email: string
      readonly name: string
      readonly instanceAdmin: boolean
    }
  | { readonly kind: 'token'; readonly id: string; readonly projectId: string; readonly role: ProjectRole }

export interface ItxApi {
  whoami(): Promise<Whoami>
  ping(): Promise<'pong'>
  readonly projects: ProjectsApi
}

export interface ProjectsApi {
  /** @throws NOT_FOUND, the same for a missing and a forbidden project. */
  get(idOrSlug: string): Pipelined<ProjectApi>
  list(options?: { readonly after?: string; readonly limit?: number }): Promise<ProjectsPage>
  /** @throws BAD_REQUEST for a bad slug, CONFLICT `slug` for one that is taken, FORBIDDEN for tokens. */
  create(input: {
    readonly slug: string
    readonly name: string
    readonly organizationId?: string
  }): Promise<ProjectInfo>
}

export interface ProjectsPage {
  readonly projects: readonly ProjectInfo[]
  /** The slug to pass as `after` for the next page; null on the last. */
  readonly nextAfter: string | null
}

export interface ProjectApi {
  /** What this handle can do: operations, and whether its role allows them. */
  describe(): Promise<ProjectDescription>
  project(): Promise<ProjectInfo>
  readonly streams: StreamsApi
}

export interface ProjectDescription {
  readonly project: ProjectInfo
  readonly operations: readonly { readonly name: string; readonly needs: ProjectRole; readonly allowed: boolean }[]
}

export interface StreamsApi {
  /** @throws BAD_REQUEST for a bad path. The stream need not exist. */
  get(path: string): Pipelined<StreamApi>
  list(options?: ListOptions): Promise<StreamsPage>
}

/** State as it crosses the wire: what users wrote stays JSON text, as Cap'n Web would drop some of its keys. */
export type WireState = Omit<StreamState, 'config' | 'metadata'> & {
  readonly config: JsonText
  readonly metadata: JsonText
}

export interface WireBatch extends Omit<Batch, 'state'> {
  readonly state?: WireState
}

export interface WirePage {
  readonly events: readonly EncodedEvent[]
  readonly nextCursor: number | null
  readonly maxOffset: number
  readonly incarnationId: string | null
}

export interface StreamProcessors {
  readonly attached: readonly ProcessorInfo[]
  readonly available: readonly AvailableProcessor[]
}

export interface WireStateAt {
  readonly offset: number
  readonly state: JsonText
}

export interface StreamApi {
  create(options?: { readonly contentType?: string }): Promise<{ readonly created: boolean; readonly state: WireState }>
  /** Atomic; a receipt per event, at its position. Resolves once the batch is on the disk. */
  append(events: readonly EncodedInput[]): Promise<readonly Receipt[]>
  read(options?: Omit<ReadOptions, 'visibleOnly'>): Promise<WirePage>
  /** One event, by its offset or its key; null when there is none. */
  getEvent(by: EventLocator): Promise<EncodedEvent | null>
  state(): Promise<WireState>
  children(options?: ChildrenOptions): Promise<ChildrenPage>
  /** Replay, then tail. The result of `onBatch` is the acknowledgement; at most 4 batches are in flight. */
  subscribe(options: SubscribeOptions, onBatch: (batch: WireBatch) => unknown): Pipelined<SubscriptionApi>
  /**
   * Looks through the log, up to its head of now, for events that match a CEL filter. The result of `onBatch` is the
   * acknowledgement; one batch is in flight. `closed` tells `done` when everything was looked at.
   */
  scan(options: Omit<ScanOptions, 'visibleOnly'>, onBatch: (batch: ScanBatch) => unknown): Pipelined<ScanApi>
  /** A page of the whole log as it is stored, to be imported elsewhere. All pages are of one life, or CONFLICT. */
  export(options?: ExportOptions): Promise<ExportPage>
  /** Imports a piece of a log, all or nothing, where there is no stream; see `ImportChunk`. */
  import(chunk: ImportChunk): Promise<Imported>
  /** Refuses callers' events from now on. @throws NOT_FOUND for a stream that does not exist, as all that follow. */
  pause(reason?: string): Promise<void>
  resume(reason?: string): Promise<void>
  /** Changes settings; null takes one back to its default. */
  configure(change: ConfigChange): Promise<void>
  /** Replaces the metadata: a JSON object, as text. */
  setMetadata(metadata: JsonText): Promise<void>
  /** The processors attached to the stream and how they get on, and those that this server has. */
  processors(): Promise<StreamProcessors>
  /** Attaches a processor: it reduces the whole log, its effects begin with what comes next. */
  attach(processor: string): Promise<void>
  /** Detaches a processor: its state and checkpoint are forgotten. */
  detach(processor: string): Promise<void>
  /**
   * Sets a processor going again: from its checkpoint (default), past the event it is parked at (`skip`), or back from an
   * offset, from where its effects run once more.
   */
  restart(processor: string, options?: { readonly from?: RestartFrom }): Promise<void>
  /** A processor's state after any event, its newest without an offset; `core` is the stream's own state. */
  stateAt(options: { readonly processor: string; readonly offset?: number }): Promise<WireStateAt>
  /** Ends the stream for good: no caller's event passes again. */
  close(reason?: string): Promise<void>
  /** Wipes the log and begins a new life; what is below stays. */
  reset(): Promise<{ readonly incarnationId: string }>
  /** @throws CONFLICT `children` when there are streams below and `recursive` is not set. */
  delete(options?: { readonly recursive?: boolean }): Promise<{ readonly deleted: number }>
}

export interface ScanApi {
  closed(): Promise<ScanClosed>
  stop(): Promise<void>
}

export interface SubscriptionApi {
  closed(): Promise<Closed>
  unsubscribe(): Promise<void>
}
