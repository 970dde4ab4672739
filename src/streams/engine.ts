import { existsSync, mkdirSync } from 'node:fs'
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { closedError } from './actors.ts'
import { ItxError, itxErrorCode } from './errors.ts'
import { type AppendLimits, DEFAULT_APPEND_LIMITS } from './event.ts'
import type { ProcessorRegistry } from './processors/registry.ts'
import { ProjectStreams } from './project-streams.ts'
import { nextTurn, nodeScheduler } from './scheduler.ts'
import { CommitScheduler } from './storage/sqlite/group-commit.ts'
import { SqliteStorage } from './storage/sqlite/sqlite-storage.ts'
import type { WebhookPort } from './subscriptions/ports.ts'

export interface EngineOptions {
  /** Folder of the projects' files. */
  readonly directory: string
  readonly limits?: AppendLimits
  /** Project files kept open at once; one with live readers stays open beyond it. */
  readonly openProjects?: number
  readonly now?: () => number
  readonly newId?: () => string
  /** The processors of every project, and where they are attached. */
  readonly processors?: ProcessorRegistry
  /** Projects in which none of them ever runs. */
  readonly withoutProcessors?: ReadonlySet<string>
  /** What brings the wakes of a project to webhooks; without it there are none. */
  readonly webhooks?: (projectId: string) => WebhookPort
  readonly warn?: (message: string) => void
}

const PROJECT_ID = /^[A-Za-z0-9_-]{1,64}$/

/** The streams of all projects of one process, each in a file of its own, opened on first use. */
export class StreamEngine {
  readonly #options: EngineOptions
  readonly #scheduler = new CommitScheduler()
  /** In order of last use. */
  readonly #open = new Map<string, ProjectStreams>()
  /** Whoever still holds access to one of these must not make its file anew. */
  readonly #deleted = new Set<string>()
  #warned = false
  #closed = false

  constructor(options: EngineOptions) {
    this.#options = options
    mkdirSync(options.directory, { recursive: true })
  }

  /**
   * The streams of a project. Ask again for every operation: an idle project's file may be closed in between.
   *
   * @throws {ItxError} UNAVAILABLE when shutting down or when the file cannot be opened; NOT_FOUND `project-deleted`.
   */
  project(projectId: string): ProjectStreams {
    if (this.#closed) throw closedError('shutdown')
    if (this.#deleted.has(projectId)) throw closedError('deleted')
    let streams = this.#open.get(projectId)
    if (streams) this.#open.delete(projectId)
    else streams = this.#openProject(projectId)
    this.#open.set(projectId, streams)
    return streams
  }

  /**
   * Opens projects one after another, so that their processors and subscriptions go on where a crash or a restart has
   * left them. One that cannot be opened is told of and left alone.
   */
  async resume(projectIds: readonly string[]): Promise<void> {
    for (const id of projectIds) {
      if (this.#closed) return
      try {
        // Nothing was ever stored in one without a file.
        if (!this.#deleted.has(id) && existsSync(this.#file(id))) this.project(id)
      } catch (error) {
        this.#options.warn?.(`project ${id} cannot be opened: ${String(error)}`)
      }
      await nextTurn(nodeScheduler)
    }
  }

  /**
   * Removes a project's file and all that belongs to it, for good. Its readers, scans and processors end; whoever kept the
   * project hears NOT_FOUND `project-deleted` from now on, and so does whoever asks this engine for it again.
   *
   * Deleting what is not there is no error: after a crash, or a failure, calling it again finishes the work. Once it
   * resolves, not even a power cut brings the file back.
   *
   * @throws {ItxError} BAD_REQUEST for a bad id; UNAVAILABLE when shutting down, or when the disk refuses.
   */
  async deleteProject(projectId: string): Promise<void> {
    if (this.#closed) throw closedError('shutdown')
    checkId(projectId)
    this.#deleted.add(projectId)
    const streams = this.#open.get(projectId)
    this.#open.delete(projectId)
    try {
      streams?.shutdown('deleted')
      await this.#removeFiles(projectId)
    } catch (error) {
      throw removalError(error)
    }
  }

  /** What a project's files take up on the disk, in bytes: its database, and what is not yet written back into it. */
  async bytesOf(projectId: string): Promise<number> {
    checkId(projectId)
    const sizes = ['', '-wal'].map(async (end) => {
      try {
        return (await stat(`${this.#file(projectId)}${end}`)).size
      } catch {
        // Nothing was stored in it yet, or it was deleted this moment: it takes up nothing.
        return 0
      }
    })
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  }

  /** Ends live readers, commits what is open, closes every file. */
  close(): void {
    this.#closed = true
    for (const streams of this.#open.values()) streams.shutdown()
    this.#open.clear()
  }

  #openProject(projectId: string): ProjectStreams {
    checkId(projectId)
    this.#makeRoom()
    const { processors, withoutProcessors, webhooks } = this.#options
    return new ProjectStreams(new SqliteStorage(this.#file(projectId), this.#scheduler, this.#options.warn), {
      limits: this.#options.limits ?? DEFAULT_APPEND_LIMITS,
      now: this.#options.now ?? Date.now,
      newId: this.#options.newId ?? randomUUID,
      ...(processors && !withoutProcessors?.has(projectId) ? { processors } : {}),
      ...(webhooks ? { webhooks: webhooks(projectId) } : {}),
      ...(this.#options.warn ? { warn: this.#options.warn } : {}),
    })
  }

  /** The database first: what a crash leaves behind then is never taken for a project that lacks its latest commits. */
  async #removeFiles(projectId: string): Promise<void> {
    const { directory } = this.#options
    const file = `${projectId}.db`
    await rm(join(directory, file), { force: true })
    // Its write-ahead log, the index of that, and copies of logs that were damaged.
    for (const name of await readdir(directory)) {
      if (name.startsWith(`${file}-`)) await rm(join(directory, name), { force: true })
    }
    const folder = await open(directory)
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  #file(projectId: string): string {
    return join(this.#options.directory, `${projectId}.db`)
  }

  #makeRoom(): void {
    const limit = this.#options.openProjects ?? 64
    for (const [id, streams] of this.#open) {
      if (this.#open.size < limit) return
      if (!streams.idle) continue
      this.#open.delete(id)
      streams.shutdown()
    }
    if (this.#open.size >= limit && !this.#warned) {
      this.#warned = true
      this.#options.warn?.(`more than ${limit} projects are in use at once; their files stay open`)
    }
  }
}

/** @throws {ItxError} BAD_REQUEST: the id becomes a file name. */
function checkId(projectId: string): void {
  if (!PROJECT_ID.test(projectId)) throw new ItxError('BAD_REQUEST', 'that is not a project id')
}

/** The message of a file error names folders of the server: callers get its code alone. */
function removalError(error: unknown): ItxError {
  if (itxErrorCode(error) !== undefined) return error as ItxError
  const { code } = (error ?? {}) as { code?: unknown }
  const why = typeof code === 'string' ? ` (${code})` : ''
  return new ItxError(
    'UNAVAILABLE',
    `the project's files could not be removed${why}`,
    { reason: 'io' },
    { cause: error },
  )
}
