import { AUDIT_PATH, type Audit, type AuditEvent, SYSTEM_PROJECT_ID } from '../control-plane/audit.ts'
import { type WaitingAuditEvent, forgetAudit, waitingAudit } from '../control-plane/audit-outbox.ts'
import { ControlChanges } from '../control-plane/changes.ts'
import type { ControlDatabase } from '../control-plane/database.ts'
import { newId } from '../control-plane/ids.ts'
import type { StreamEngine } from '../streams/engine.ts'
import { itxErrorCode } from '../streams/errors.ts'
import type { EncodedInput } from '../streams/event.ts'
import { encodeInput } from '../streams/event-input.ts'
import { parsePath } from '../streams/path.ts'
import { AuditQuota } from './audit-quota.ts'

/** How often it looks for acts of this and other processes, and tries again what failed. */
const LOOK_EVERY_MS = 1000
/** Events of one append. */
const BATCH = 200
/** Events that are kept in memory while the disk takes nothing; beyond it they are counted only. */
const MOST_PENDING = 1000
/** Characters of a text in an event: who was refused must not write a book about it. */
const MOST_CHARACTERS = 500
/** How long the end of the server waits for the disk on the audit's account. */
const STOP_MS = 2000

const PATH = parsePath(AUDIT_PATH)

interface AuditParts {
  readonly control: ControlDatabase
  readonly engine: StreamEngine
  readonly log: (message: string, error?: unknown) => void
  readonly now?: () => number
}

/**
 * Writes the audit into the stream `/audit` of the system project: what is recorded as it happens, and what acts left in
 * the outbox of the control database, whichever process they ran in (decision record 018).
 *
 * Everything is written under a key of its own, so that a crash or a disk that refuses leads to another try and never to
 * a second event. Nobody waits for any of it.
 */
export class StreamAudit implements Audit {
  readonly #parts: AuditParts
  readonly #now: () => number
  readonly #quota: AuditQuota
  readonly #changes: ControlChanges
  readonly #timer: ReturnType<typeof setInterval>
  #pending: EncodedInput[] = []
  /** Whether the outbox was read to its end since the control database last changed. */
  #outboxRead = false
  #writing: Promise<void> | null = null
  #scheduled = false
  #failing = false
  #stopped = false

  constructor(parts: AuditParts) {
    this.#parts = parts
    this.#now = parts.now ?? Date.now
    this.#quota = new AuditQuota(this.#now)
    this.#changes = new ControlChanges(parts.control)
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS)
    this.#timer.unref()
  }

  record(event: AuditEvent): void {
    try {
      if (!this.#quota.admits(event)) return
      if (this.#pending.length < MOST_PENDING) this.#add(event)
      else this.#quota.count(event)
      this.#writeSoon()
    } catch (error) {
      this.#parts.log(`an audit event of the type ${event.type} was lost`, error)
    }
  }

  /** Writes what is owed: acts in the outbox, what was left out, what could not be written before. */
  look(): void {
    try {
      // While nothing can be written it goes on counting.
      if (this.#pending.length < MOST_PENDING) this.#quota.summaries().forEach((summary) => this.#add(summary))
      if (this.#changes.changed()) this.#outboxRead = false
      if (!this.#outboxRead || this.#pending.length > 0) void this.#write()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Writes what can be written within two seconds. To be called before the engine and the control database close. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#quota.summaries({ all: true }).forEach((summary) => this.#add(summary))
    this.#outboxRead = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const tooLate = new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_MS)))
    // One that is under way may have passed what was added just now.
    const written = Promise.resolve(this.#writing).then(() => this.#write())
    await Promise.race([written, tooLate])
    clearTimeout(timer)
    this.#stopped = true
  }

  #add(event: AuditEvent): void {
    this.#pending.push(inputOf({ id: newId('row_'), event, at: this.#now() }))
  }

  /** Later, and once for all that a turn of the event loop records: the caller goes on with its own work. */
  #writeSoon(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#write()
    })
  }

  /** One at a time: an event is taken out only when it is on the disk. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll()
      .then(() => (this.#failing = false))
      .catch((error: unknown) => this.#fail(error))
      .then(() => void (this.#writing = null))
    return this.#writing
  }

  async #writeAll(): Promise<void> {
    const { control } = this.#parts
    while (!this.#stopped && !this.#outboxRead) {
      // Set before reading: an act in between asks for another look.
      this.#outboxRead = true
      try {
        const acts = waitingAudit(control, BATCH)
        await this.#append(acts.map(inputOf))
        if (acts.length > 0 && !this.#stopped) {
          forgetAudit(
            control,
            acts.map(({ id }) => id),
          )
        }
        if (acts.length === BATCH) this.#outboxRead = false
      } catch (error) {
        this.#outboxRead = false
        throw error
      }
    }
    while (!this.#stopped && this.#pending.length > 0) {
      const batch = this.#pending.slice(0, BATCH)
      await this.#append(batch)
      this.#pending = this.#pending.slice(batch.length)
    }
  }

  /** Where the operator has set small limits, in smaller pieces; what is beyond them alone would be refused for ever. */
  async #append(batch: readonly EncodedInput[]): Promise<void> {
    if (batch.length === 0) return
    try {
      await this.#parts.engine.project(SYSTEM_PROJECT_ID).append(PATH, batch)
    } catch (error) {
      if (itxErrorCode(error) !== 'BAD_REQUEST') throw error
      if (batch.length === 1) return this.#parts.log(`an audit event of the type ${batch[0]?.type} was lost`, error)
      const half = Math.ceil(batch.length / 2)
      await this.#append(batch.slice(0, half))
      await this.#append(batch.slice(half))
    }
  }

  #fail(error: unknown): void {
    // Said once, not every second.
    if (!this.#failing) this.#parts.log('the audit cannot be written; it is tried again every second', error)
    this.#failing = true
  }
}

/** `at` is when it happened: the stream's own time is when the server came to write it. */
function inputOf({ id, event, at }: WaitingAuditEvent): EncodedInput {
  return encodeInput({ type: event.type, payload: shortened({ at, ...event.payload }), idempotencyKey: id })
}

function shortened(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, MOST_CHARACTERS)
  if (Array.isArray(value)) return value.map(shortened)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shortened(member)]))
}
