import type { Role } from './roles.ts'

/**
 * The port through which everything that must be accountable is told (design page `itx.md`, "Security"): every sign-in,
 * every denial, every administrative act. `src/server` writes them to a stream that instance admins can read.
 *
 * An act that writes the control database leaves its event in the outbox instead, within the same transaction
 * (`audit-outbox.ts`), so that there is never one without the other.
 */

/** The instance's own project. It has no row in `projects`, so no name leads to it: instance admins alone reach it. */
export const SYSTEM_PROJECT_ID = 'prj_system'

/** The stream of the system project that holds the audit. */
export const AUDIT_PATH = '/audit'

/** Who did something. `operator`: whoever runs the command line, or starts the server, on the machine itself. */
export type Actor =
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'token'; readonly id: string }
  | { readonly kind: 'operator' }

export const OPERATOR: Actor = { kind: 'operator' }

/**
 * Why somebody was refused: `credential` a token or session that is not valid, `origin` a page of another site,
 * `project` one that is missing or not theirs, `role` too small a one, `setup` a setup link that is wrong or used,
 * `scope` outside of what a token was made for.
 */
export type DenialReason = 'credential' | 'origin' | 'project' | 'role' | 'setup' | 'scope'

/** The ways in. */
export type Door = 'socket' | 'batch' | 'http' | 'page' | 'auth' | 'setup'

interface OfProject {
  readonly projectId: string
  readonly by: Actor
}

/**
 * The types of events with what each tells. No secret is ever part of one: no password, token, cookie or setup link.
 * Text that a stranger wrote is cut before it gets here.
 */
export interface AuditPayloads {
  'auth/signed-in': { readonly userId: string; readonly email: string; readonly address: string | null }
  /** `email` is what was typed, at most 254 characters; null when nothing that could be one came. */
  'auth/sign-in-failed': { readonly email: string | null; readonly address: string | null }
  'auth/rate-limited': { readonly path: string; readonly address: string | null }
  'auth/signed-out': { readonly userId: string; readonly address: string | null }
  /** Anything else that a signed-in user changed at `/api/auth`: a password, a session, an organisation. */
  'auth/changed': { readonly userId: string; readonly path: string; readonly address: string | null }

  'access/denied': {
    readonly reason: DenialReason
    /** Null before anybody is known. */
    readonly by: Actor | null
    readonly door?: Door
    readonly address?: string | null
    /** The id or slug that was asked for, at most 100 characters. */
    readonly project?: string
    readonly operation?: string
    /** The origin a page came from, at most 254 characters. */
    readonly origin?: string
  }
  /** An instance admin opened a project through `itx.admin`. */
  'admin/project-opened': OfProject
  /** An instance admin did more than look in a project opened so; `operation` as in errors, `append` say. */
  'admin/project-changed': OfProject & { readonly operation: string }

  'setup/completed': { readonly userId: string; readonly email: string; readonly by: Actor }
  'user/created': {
    readonly userId: string
    readonly email: string
    readonly instanceAdmin: boolean
    readonly by: Actor
  }
  'project/created': OfProject & { readonly slug: string; readonly name: string; readonly organizationId: string }
  'project/renamed': OfProject & { readonly from: ProjectNames; readonly to: ProjectNames }
  'project/deleted': OfProject & { readonly slug: string; readonly name: string }
  /** Also when a role was changed. */
  'project/member-added': OfProject & { readonly userId: string; readonly role: Role }
  'token/created': OfProject & {
    readonly tokenId: string
    readonly name: string
    readonly role: Role
    readonly expiresAt: number | null
  }
  'token/revoked': OfProject & { readonly tokenId: string; readonly name: string; readonly role: Role }

  /** How many events of a type were left out since then, because there were too many, and who caused most of them. */
  'audit/suppressed': {
    readonly type: string
    readonly count: number
    /** Milliseconds since 1970. */
    readonly since: number
    readonly most: readonly { readonly source: string; readonly count: number }[]
  }
}

interface ProjectNames {
  readonly slug: string
  readonly name: string
}

export type AuditType = keyof AuditPayloads

/** Something that happened, of one of the known types. */
export type AuditEvent<T extends AuditType = AuditType> = {
  readonly [K in T]: { readonly type: K; readonly payload: Readonly<AuditPayloads[K]> }
}[T]

export interface Audit {
  /**
   * Tells what happened. Never throws, and never makes its caller wait: what cannot be written now is written later, or
   * counted and left out when there is too much of it.
   */
  record(event: AuditEvent): void
}

/** For the command line, where nobody signs in and nobody is refused: what it does goes through the outbox. */
export const NO_AUDIT: Audit = { record: () => undefined }

const EMAIL_LENGTH = 254

/** What was typed as an email address, fit for an event. */
export function auditableEmail(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, EMAIL_LENGTH) : null
}
