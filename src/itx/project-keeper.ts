import { countBelongings, deleteProject, finishDeletion } from '../control-plane/project-deletion.ts'
import { renameProject } from '../control-plane/projects.ts'
import type { Instance } from './instance.ts'
import type { ProjectAccess } from './project-access.ts'
import { type ProjectKeeper, ProjectTarget } from './project-target.ts'
import { mintReadToken } from './read-token.ts'

/** The handle of a project of this instance. */
export function projectHandle(instance: Instance, access: ProjectAccess): ProjectTarget {
  return new ProjectTarget(access, projectKeeper(instance, access))
}

function projectKeeper(instance: Instance, access: ProjectAccess): ProjectKeeper {
  const { control, engine } = instance
  const { id: projectId, by } = access
  return {
    async rename(change) {
      access.info()
      renameProject(control, { projectId, by, ...change })
      return access.info()
    },

    createReadToken: (options) => mintReadToken(instance, access, options),

    async contents() {
      // One that is gone is missed as `resolveProject` misses it.
      access.info()
      const totals = await access.streams().totals()
      return { ...totals, bytes: await engine.bytesOf(projectId), ...countBelongings(control, projectId) }
    },

    async delete() {
      // One that is gone already is missed as `resolveProject` misses it.
      access.info()
      // First its row, in one transaction: from here on it is there for nobody. A crash after this leaves the id for the
      // next start, which goes on with its file.
      deleteProject(control, { projectId, by })
      await engine.deleteProject(projectId)
      finishDeletion(control, projectId)
    },
  }
}
