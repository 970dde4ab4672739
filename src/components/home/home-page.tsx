import type { ProjectInfo } from '../../itx/handle.ts'
import { projectOverviewQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { appendSnippets } from '../stream/append-snippets.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { StreamLink } from '../stream/stream-link.tsx'
import { TreeButton } from '../stream/stream-header.tsx'
import { buttonClass } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { Failure } from '../ui/failure.tsx'
import { formatCount } from '../ui/formats.ts'
import { sumOf } from '../ui/series.ts'
import { Skeleton } from '../ui/skeleton.tsx'
import { ActiveStreams } from './active-streams.tsx'
import { ProjectSettings } from './project-settings.tsx'
import { Rates } from './rates.tsx'
import { RefusalCauses } from './refusal-causes.tsx'
import { Standstills } from './standstills.tsx'

/**
 * The tree's watching has the overview read anew whenever something happens. This often it is asked for all the same,
 * while the tab is visible: of processors that are parked nothing is told.
 */
const HEARTBEAT_MS = 15_000

interface HomePageProps {
  readonly project: ProjectInfo
  /** The address of this instance, for commands to paste. */
  readonly origin: string
}

/** What a project is doing now: how much comes in, where, and what stands still. */
export function HomePage({ project, origin }: HomePageProps) {
  const { data, error, refetch, isFetching } = useItxQuery(projectOverviewQuery(project.id), {
    refetchInterval: HEARTBEAT_MS,
  })
  const isEmpty = data !== undefined && data.streams === 0
  return (
    <main id="content" className="min-w-0 flex-1 lg:min-h-0 lg:overflow-auto">
      <div className="mx-auto grid max-w-6xl gap-4 px-4 py-5 sm:px-6">
        <header className="flex flex-wrap items-end justify-between gap-x-6 gap-y-2">
          <div className="min-w-0">
            <h1 className="text-title font-semibold tracking-tight wrap-anywhere">
              <bdi>{visibleName(project.name)}</bdi>
            </h1>
            <p className="font-mono text-small text-soft">{project.slug}</p>
          </div>
          <TreeButton />
          {data && !isEmpty && (
            <dl className="flex flex-wrap gap-x-8 gap-y-1">
              <Fact name="Streams" value={formatCount(data.streams)} />
              <Fact name="Events in 5 minutes" value={formatCount(sumOf(data.appended))} />
            </dl>
          )}
        </header>
        {error && (
          <Failure error={error} isStale={data !== undefined} onRetry={() => void refetch()} busy={isFetching} />
        )}
        {!data && !error && <Skeleton label="Loading what the project is doing" rows={8} />}
        {isEmpty && <NoStreams project={project} origin={origin} />}
        {data && !isEmpty && (
          <>
            <Rates overview={data} />
            <RefusalCauses refusals={data.refusals} />
            <Standstills project={project} overview={data} />
            <div className="grid gap-4 2xl:grid-cols-2">
              <ActiveStreams
                title="Latest activity"
                about="By their newest event"
                project={project.slug}
                streams={data.recent}
              />
              <ActiveStreams
                title="Busiest"
                about="By events of the last 5 minutes"
                project={project.slug}
                streams={data.busiest}
                empty="Nothing was appended in the last 5 minutes."
              />
            </div>
          </>
        )}
        {project.role === 'admin' && <ProjectSettings project={project} />}
      </div>
    </main>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt className="text-small text-soft">{name}</dt>
      <dd className="text-path font-medium">{value}</dd>
    </div>
  )
}

function NoStreams({ project, origin }: HomePageProps) {
  const mayAppend = project.role !== 'viewer'
  return (
    <EmptyState
      title="This project has no streams yet"
      about={
        mayAppend
          ? 'The first append creates a stream, and all that lie above it.'
          : 'What others append shows here as soon as it comes.'
      }
      {...(mayAppend && {
        action: (
          <StreamLink project={project.slug} path="/" className={buttonClass('main')}>
            Append an event
          </StreamLink>
        ),
        snippets: appendSnippets({ origin, project: project.slug, path: '/notes/first' }),
        snippetsLabel: 'Append an event',
      })}
    />
  )
}
