import { openControlDatabase } from '../src/control-plane/database.ts'
import { projects } from '../src/control-plane/schema.ts'
import { MIGRATIONS } from '../src/control-plane/testing.ts'
import type { Tributary } from './harness.ts'

/** Makes many projects in the organisation of the first start, as the command line writes: beside the running server. */
export function addProjects(
  { dataDir }: Tributary,
  added: readonly { readonly slug: string; readonly name: string }[],
): void {
  const control = openControlDatabase(`${dataDir}/control.db`, MIGRATIONS)
  const [first] = control.db.select().from(projects).limit(1).all()
  const rows = added.map((project, i) => ({
    ...project,
    id: `prj_${String(i).padStart(20, 'a')}`,
    organizationId: first!.organizationId,
    createdAt: i,
  }))
  control.db.transaction((tx) => {
    for (let at = 0; at < rows.length; at += 500) {
      tx.insert(projects)
        .values(rows.slice(at, at + 500))
        .run()
    }
  })
  control.close()
}
