import type { ObjectDescription, ProjectDescription, ProjectInfo } from '../../itx/handle.ts'
import { projectDescriptionQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { CodeBlock } from '../ui/code-block.tsx'
import { Failure } from '../ui/failure.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { type Place, beginnings, examplesOf } from './examples.ts'
import { Method } from './method.tsx'
import { ObjectMap } from './object-map.tsx'
import { Words } from './words.tsx'

interface ApiPageProps {
  readonly project: ProjectInfo
  /** The address of this instance, for commands to paste. */
  readonly origin: string
}

/** Everything that programs can do with the project, as `describe()` tells it. */
export function ApiPage({ project, origin }: ApiPageProps) {
  const { data, error, isFetching, refetch } = useItxQuery(projectDescriptionQuery(project.id))
  return (
    <main id="content" tabIndex={-1} className="min-w-0 flex-1 outline-none lg:min-h-0 lg:overflow-auto">
      <div className="mx-auto w-full max-w-5xl px-4 py-8 sm:px-6 lg:py-12">
        <h1 className="text-title font-semibold tracking-tight">API</h1>
        {error && (
          <div className="mt-4">
            <Failure error={error} isStale={data !== undefined} onRetry={() => void refetch()} busy={isFetching} />
          </div>
        )}
        {data && <Reference description={data} place={{ origin, slug: project.slug }} />}
        {!data && !error && (
          <div className="mt-4">
            <Skeleton label="Loading what programs can do" rows={12} />
          </div>
        )}
      </div>
    </main>
  )
}

function Reference({ description, place }: { readonly description: ProjectDescription; readonly place: Place }) {
  const { objects, notes, project } = description
  return (
    <>
      <p className="mt-2 max-w-prose text-body text-soft">
        All that programs can do with <bdi className="font-medium text-ink">{project.name}</bdi>: what{' '}
        <code className="font-mono text-ink">describe()</code> answers, for programs and agents to read as well. Your
        role here is {project.role}
        {project.role === 'admin' ? ', which may do all of it.' : '; what takes a greater one is marked.'}
      </p>
      <div className="mt-8 gap-x-12 lg:grid lg:grid-cols-[11rem_minmax(0,1fr)]">
        <nav aria-label="On this page" className="mb-8 lg:sticky lg:top-8 lg:mb-0 lg:self-start">
          <h2 className="mb-1 px-1 text-small font-semibold text-soft">Objects</h2>
          <ObjectMap objects={objects} />
        </nav>
        <div className="grid min-w-0 gap-12">
          <Beginning place={place} notes={notes} />
          {objects.map((object) => (
            <DescribedObject key={object.name} object={object} project={project} place={place} />
          ))}
        </div>
      </div>
    </>
  )
}

function Beginning({ place, notes }: { readonly place: Place; readonly notes: readonly string[] }) {
  const { typescript, cli, curl } = beginnings(place)
  return (
    <section aria-labelledby="begin" className="min-w-0">
      <h2 id="begin" className="mb-3 scroll-mt-4 text-path font-semibold">
        Begin
      </h2>
      <div className="grid gap-3">
        <CodeBlock label="TypeScript" code={typescript} />
        <CodeBlock label="CLI" code={cli} />
        <CodeBlock label="curl" code={curl} />
      </div>
      <h3 className="mt-6 mb-2 text-body font-semibold">What holds for all of it</h3>
      <ul className="grid max-w-prose list-disc gap-1.5 ps-5 text-base text-soft marker:text-bed">
        {notes.map((note) => (
          <li key={note} className="wrap-anywhere">
            <Words>{note}</Words>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Objects with more methods than this have an index of their own. */
const MANY = 8

function MethodIndex({ object, methods }: { readonly object: string; readonly methods: ObjectDescription['methods'] }) {
  return (
    <nav aria-label={`Methods of ${object}`} className="mb-5">
      <ul className="-mx-1 flex flex-wrap font-mono text-small">
        {methods.map(({ name, allowed }) => (
          <li key={name}>
            <a
              href={`#${object}.${name}`}
              className={`inline-block rounded-sm px-1 py-1 hover:text-accent ${allowed === false ? 'text-faint' : 'text-ink'}`}
            >
              {name}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

interface DescribedObjectProps {
  readonly object: ObjectDescription
  readonly project: ProjectInfo
  readonly place: Place
}

function DescribedObject({ object, project, place }: DescribedObjectProps) {
  const { name, summary, reachedBy, methods } = object
  return (
    <section aria-labelledby={name} className="min-w-0">
      <h2 id={name} className="scroll-mt-4 text-path font-semibold">
        {name}
      </h2>
      <p className="max-w-prose text-body text-soft">{summary}</p>
      <p className="mt-1 mb-4 font-mono text-small text-faint wrap-anywhere">{reachedBy}</p>
      {methods.length > MANY && <MethodIndex object={name} methods={methods} />}
      {methods.map((method) => (
        <Method
          key={method.name}
          id={`${name}.${method.name}`}
          method={method}
          examples={examplesOf(name, method.name, place)}
          role={project.role}
        />
      ))}
    </section>
  )
}
