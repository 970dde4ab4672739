import type { ActivityBatch, ActivityClosed, ActivityOptions } from '../streams/activity.ts'
import type { ChildrenOptions, ChildrenPage, ListOptions, StreamsPage } from '../streams/directory.ts'
import type { Batch, Closed, SubscribeOptions } from '../streams/delivery/batch.ts'
import type { EncodedEvent, EncodedInput, Receipt } from '../streams/event.ts'
import type { JsonText } from '../streams/json-text.ts'
import type { ConfigChange } from '../streams/core/config.ts'
import type { EventLocator, ReadOptions, StreamState } from '../streams/project-reader.ts'
import type { ScanBatch, ScanClosed, ScanOptions } from '../streams/scan.ts'
import type { AvailableProcessor, ProcessorInfo } from '../streams/processors/host.ts'
import type { RestartFrom } from '../streams/processors/runner.ts'
import type { ActiveStream, ParkedProcessor, ProjectOverview } from '../streams/overview.ts'
import type { Refusal } from '../streams/refusals.ts'
import type { CatalogueRow, ChildrenOrder } from '../streams/storage/port.ts'
import type { ExportOptions, ExportPage, ImportChunk, Imported } from '../streams/transfer.ts'

export type {
  ActiveStream,
  ActivityBatch,
  ActivityClosed,
  ActivityOptions,
  AvailableProcessor,
  Batch,
  CatalogueRow,
  ChildrenOptions,
  ChildrenOrder,
  ChildrenPage,
  Closed,
  ConfigChange,
  EventLocator,
  ExportOptions,
  ExportPage,
  ImportChunk,
  Imported,
  ListOptions,
  ParkedProcessor,
  ProcessorInfo,
  ProjectOverview,
  ReadOptions,
  Refusal,
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
  | {
      readonly kind: 'token'
      readonly id: string
      readonly projectId: string
      readonly role: ProjectRole
      /** Of a read token: the path it reads, with what is below it, and until when (milliseconds since 1970). */
      readonly path?: string
      readonly expiresAt?: number
    }

export interface ItxApi {
  whoami(): Promise<Whoami>
  ping(): Promise<'pong'>
  readonly projects: ProjectsApi
  /** There for instance admins alone: for everybody else a name that leads nowhere, as any unknown one. */
  readonly admin: AdminApi | undefined
}

/** What an admin of the instance may do beyond their own projects. Every use is told in the audit. */
export interface AdminApi {
  readonly projects: AdminProjectsApi
}

export interface AdminProjectsApi {
  /** The projects of all organisations, by slug. @throws BAD_REQUEST for a bad option. */
  list(options?: ProjectListOptions): Promise<AdminProjectsPage>
  /**
   * Any project, with the role admin; `system` is the instance's own, whose streams (the audit, `/audit`) can only be
   * read.
   *
   * @throws NOT_FOUND for a project that does not exist.
   */
  get(idOrSlug: string): Pipelined<ProjectApi>
}

export interface AdminProjectsPage {
  readonly projects: readonly AdminProjectInfo[]
  /** The slug to pass as `after` for the next page; null on the last. */
  readonly nextAfter: string | null
}

/** A project as an instance admin sees it. */
export interface AdminProjectInfo {
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly organization: { readonly id: string; readonly name: string }
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

export interface ProjectsApi {
  /** @throws NOT_FOUND, the same for a missing and a forbidden project. */
  get(idOrSlug: string): Pipelined<ProjectApi>
  /** By slug. @throws BAD_REQUEST for a bad option. */
  list(options?: ProjectListOptions): Promise<ProjectsPage>
  /**
   * @throws BAD_REQUEST for a bad slug; CONFLICT `slug` for one that is taken; FORBIDDEN `role` for tokens, and for users
   *   who own no organisation (see `mayCreate` of `list`).
   */
  create(input: {
    readonly slug: string
    readonly name: string
    readonly organizationId?: string
  }): Promise<ProjectInfo>
}

export interface ProjectListOptions {
  /** `nextAfter` of the page before. */
  readonly after?: string
  /** 1 to 200; 100 when absent. */
  readonly limit?: number
  /** Part of the name or the slug, literally, in any case; at most 100 characters. */
  readonly match?: string
}

export interface ProjectsPage {
  readonly projects: readonly ProjectInfo[]
  /** The slug to pass as `after` for the next page; null on the last. */
  readonly nextAfter: string | null
  /** Whether `create` is for whoever asks: a user who owns an organisation. Said here so that nobody has to try. */
  readonly mayCreate: boolean
}

export interface ProjectApi {
  /** All that can be called, with arguments, answers and the role it takes: nothing else need be read to use it. */
  describe(): Promise<ProjectDescription>
  /** @throws NOT_FOUND once the project was deleted, as everything of a handle that is still held. */
  project(): Promise<ProjectInfo>
  /**
   * What the project is doing, at a glance: how much is stored, where, and what stands still.
   *
   * @throws FORBIDDEN `path` for a handle that reaches a part of the project alone.
   */
  overview(): Promise<ProjectOverview>
  /**
   * Gives the project another name, another slug, or both; its id stays, and so does every handle that is held.
   *
   * @throws BAD_REQUEST for a bad slug or name, or neither; CONFLICT `slug` for a slug that is taken; FORBIDDEN `role`.
   */
  rename(change: { readonly name?: string; readonly slug?: string }): Promise<ProjectInfo>
  /**
   * Makes a token that reads one path and what is below it, for a browser of an end user. It lives 600 s unless told
   * otherwise (86,400 at most) and cannot be taken back before.
   *
   * @throws FORBIDDEN `role` below editor; BAD_REQUEST.
   */
  createReadToken(options: { readonly path: string; readonly seconds?: number }): Promise<ReadToken>
  /** How much there is in the project: what goes when it is deleted. Counts every stream. @throws FORBIDDEN `role`. */
  contents(): Promise<ProjectContents>
  /** Deletes the project with its streams, members and tokens, for good. @throws FORBIDDEN `role`. */
  delete(): Promise<void>
  readonly streams: StreamsApi
}

/** What goes when a project is deleted. */
export interface ProjectContents {
  readonly streams: number
  /** In all of its streams. */
  readonly events: number
  /** On the disk. */
  readonly bytes: number
  /** Who has a role in it; owners of its organisation are not among them. */
  readonly members: number
  /** Tokens that were made for it and not taken back. */
  readonly tokens: number
}

export interface ReadToken {
  /** Its public name. */
  readonly id: string
  /** To be sent as `Authorization: Bearer …`. */
  readonly token: string
  readonly path: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** A JSON Schema (draft 2020-12). */
export type JsonSchema = Readonly<Record<string, unknown>>

export interface ProjectDescription {
  readonly project: ProjectInfo
  /** What holds for all of it, in sentences. */
  readonly notes: readonly string[]
  /** The objects of the handle, from the global one down. */
  readonly objects: readonly ObjectDescription[]
}

export interface ObjectDescription {
  /** `project`, `stream`, … */
  readonly name: string
  readonly summary: string
  /** How to come by it, as JavaScript: `itx.projects.get(project).streams.get(path)`. */
  readonly reachedBy: string
  readonly methods: readonly MethodDescription[]
}

export interface MethodDescription {
  readonly name: string
  readonly summary: string
  readonly parameters: readonly ParameterDescription[]
  /** What comes back, in a sentence. */
  readonly returns: string
  /** The least role; null where no role of a project decides. */
  readonly needs: ProjectRole | null
  /** Whether this handle may; null where no role of a project decides. */
  readonly allowed: boolean | null
}

export interface ParameterDescription {
  readonly name: string
  readonly optional: boolean
  /** What is accepted; for a function its description alone. */
  readonly schema: JsonSchema
}

export interface StreamsApi {
  /** @throws BAD_REQUEST for a bad path. The stream need not exist. */
  get(path: string): Pipelined<StreamApi>
  list(options?: ListOptions): Promise<StreamsPage>
  /**
   * Tells which children of some streams have changed, at most twice a second. The result of `onRows` is the
   * acknowledgement; one batch is in flight. Begin, then read the children: what is told while a page is on its way is
   * newer than the page, or will be told again.
   */
  activity(options: ActivityOptions, onRows: (batch: ActivityBatch) => unknown): Pipelined<ActivityApi>
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
  create(options?: {
    readonly contentType?: 'application/json'
  }): Promise<{ readonly created: boolean; readonly state: WireState }>
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

export interface ActivityApi {
  closed(): Promise<ActivityClosed>
  stop(): Promise<void>
}

export interface ScanApi {
  closed(): Promise<ScanClosed>
  stop(): Promise<void>
}

export interface SubscriptionApi {
  closed(): Promise<Closed>
  unsubscribe(): Promise<void>
}
