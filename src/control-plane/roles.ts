/** The roles of a project, each able to do all that the ones before it can (table in `itx.md`, "The handle"). */
export const ROLES = ['viewer', 'editor', 'operator', 'admin'] as const

export type Role = (typeof ROLES)[number]

/** Whether a value from outside is one of the roles. */
export function isRole(value: unknown): value is Role {
  return (ROLES as readonly unknown[]).includes(value)
}

/** Whether a holder of `role` may do what asks for `needed`. */
export function roleAtLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed)
}
