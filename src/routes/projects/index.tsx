import { createFileRoute } from '@tanstack/react-router'
import { AppFrame } from '../../components/frame/app-frame.tsx'
import { ProjectsPage } from '../../components/projects/projects-page.tsx'
import { prefetchItxQuery } from '../../itx/prefetch.ts'
import { projectsQuery } from '../../itx/queries.ts'

export const Route = createFileRoute('/projects/')({
  loader: ({ context: { queryClient } }) => prefetchItxQuery({ queryClient, query: projectsQuery() }),
  head: () => ({ meta: [{ title: 'Projects · Tributary' }] }),
  component: Projects,
})

function Projects() {
  return (
    <AppFrame>
      <ProjectsPage />
    </AppFrame>
  )
}
