import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { ItxError } from './errors.ts'
import { type AppendLimits, DEFAULT_APPEND_LIMITS } from './event.ts'
import type { ProcessorRegistry } from './processors/registry.ts'
import { ProjectStreams } from './project-streams.ts'
import { nextTurn, nodeScheduler } from './scheduler.ts'
import { CommitScheduler } from './storage/sqlite/group-commit.ts'
import { SqliteStorage } from './storage/sqlite/sqlite-storage.ts'

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
  readonly warn?: (message: string) => void
}

const PROJECT_ID = /^[A-Za-z0-9_-]{1,64}$/

/** The streams of all projects of one process, each in a file of its own, opened on first use. */
export class StreamEngine {
  readonly #options: EngineOptions
  readonly #scheduler = new CommitScheduler()
  /** In order of last use. */
  readonly #open = new Map<string, ProjectStreams>()
  #warned = false
  #closed = false

  constructor(options: EngineOptions) {
    this.#options = options
    mkdirSync(options.directory, { recursive: true })
  }

  /**
   * The streams of a project. Ask again for every operation: an idle project's file may be closed in between.
   *
   * @throws {ItxError} UNAVAILABLE when shutting down or when the file cannot be opened.
   */
  project(projectId: string): ProjectStreams {
    if (this.#closed) throw new ItxError('UNAVAILABLE', 'the server is shutting down', { reason: 'shutting-down' })
    let streams = this.#open.get(projectId)
    if (streams) this.#open.delete(projectId)
    else streams = this.#openProject(projectId)
    this.#open.set(projectId, streams)
    return streams
  }

  /**
   * Opens projects one after another, so that their processors go on where a crash or a restart has left them. One that
   * cannot be opened is told of and left alone.
   */
  async resume(projectIds: readonly string[]): Promise<void> {
    for (const id of projectIds) {
      if (this.#closed) return
      try {
        // Nothing was ever stored in one without a file.
        if (existsSync(this.#file(id))) this.project(id)
      } catch (error) {
        this.#options.warn?.(`project ${id} cannot be opened: ${String(error)}`)
      }
      await nextTurn(nodeScheduler)
    }
  }

  /** Ends live readers, commits what is open, closes every file. */
  close(): void {
    this.#closed = true
    for (const streams of this.#open.values()) streams.shutdown()
    this.#open.clear()
  }

  #openProject(projectId: string): ProjectStreams {
    // The id becomes a file name.
    if (!PROJECT_ID.test(projectId)) throw new ItxError('BAD_REQUEST', 'that is not a project id')
    this.#makeRoom()
    return new ProjectStreams(new SqliteStorage(this.#file(projectId), this.#scheduler, this.#options.warn), {
      limits: this.#options.limits ?? DEFAULT_APPEND_LIMITS,
      now: this.#options.now ?? Date.now,
      newId: this.#options.newId ?? randomUUID,
      ...(this.#options.processors ? { processors: this.#options.processors } : {}),
      ...(this.#options.warn ? { warn: this.#options.warn } : {}),
    })
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
