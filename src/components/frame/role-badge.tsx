import type { ProjectRole } from '../../itx/handle.ts'
import { Badge } from '../ui/badge.tsx'

const MAY: Readonly<Record<ProjectRole, string>> = {
  viewer: 'may read',
  editor: 'may read and append',
  operator: 'may read, append and operate streams',
  admin: 'may do everything in this project',
}

/** What the reader may do here. */
export function RoleBadge({ role }: { readonly role: ProjectRole }) {
  return (
    <Badge before="Your role:" title={`Your role: ${MAY[role]}`}>
      {role}
    </Badge>
  )
}
