import type { ProjectRole } from '../../itx/handle.ts'

const MAY: Readonly<Record<ProjectRole, string>> = {
  viewer: 'may read',
  editor: 'may read and append',
  operator: 'may read, append and operate streams',
  admin: 'may do everything in this project',
}

/** What the reader may do here. */
export function RoleBadge({ role }: { readonly role: ProjectRole }) {
  return (
    <span
      title={`Your role: ${MAY[role]}`}
      className="rounded-sm border border-bed px-1.5 text-micro leading-5 tracking-wide text-soft"
    >
      <span className="sr-only">Your role: </span>
      {role}
    </span>
  )
}
