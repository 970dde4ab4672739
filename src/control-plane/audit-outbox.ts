import { inArray, sql } from 'drizzle-orm'
import type { AuditEvent, AuditType } from './audit.ts'
import { type ControlDatabase, type ControlQueries, writeTransaction } from './database.ts'
import { newId } from './ids.ts'
import { auditOutbox } from './schema.ts'

/** An event that waits for the server to write it to the audit stream. */
export interface WaitingAuditEvent {
  /** The idempotency key of the event in the stream: delivered twice, it is there once. */
  readonly id: string
  readonly event: AuditEvent
  /** When it happened, milliseconds since 1970. */
  readonly at: number
}

/**
 * Leaves an audit event in the transaction of the act it tells of: both are stored, or neither (decision record 018).
 */
export function leaveAudit(queries: ControlQueries, event: AuditEvent): void {
  queries
    .insert(auditOutbox)
    .values({ id: newId('row_'), type: event.type, payload: JSON.stringify(event.payload), createdAt: Date.now() })
    .run()
}

/** The events that wait, in the order in which they were committed; at most `limit`. */
export function waitingAudit({ db }: ControlDatabase, limit: number): WaitingAuditEvent[] {
  const rows = db
    .select()
    .from(auditOutbox)
    .orderBy(sql`rowid`)
    .limit(limit)
    .all()
  return rows.map(({ id, type, payload, createdAt }) => ({
    id,
    at: createdAt,
    event: { type: type as AuditType, payload: JSON.parse(payload) as never },
  }))
}

/**
 * Forgets events that are in the audit stream for good.
 *
 * @throws ItxError UNAVAILABLE when it cannot be written; they are then delivered again, under the same keys.
 */
export function forgetAudit(database: ControlDatabase, ids: readonly string[]): void {
  writeTransaction(database, (queries) =>
    queries
      .delete(auditOutbox)
      .where(inArray(auditOutbox.id, [...ids]))
      .run(),
  )
}
