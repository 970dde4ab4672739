import { itxErrorCode } from '../streams/errors.ts'
import type { EncodedEvent } from '../streams/event.ts'
import type {
  CatalogueRow,
  ChildrenOrder,
  ItxApi,
  ProjectApi,
  ProjectContents,
  ProjectDescription,
  ProjectInfo,
  ProjectOverview,
  ProjectsPage,
  Whoami,
  WirePage,
} from './handle.ts'
import { handleInTime, inTime } from './client/in-time.ts'
import { type NavigationState, catalogueRowsOf, childrenOf, count, fields, navigationOf } from './navigation-state.ts'
import { overviewOf } from './project-overview.ts'

export { type NavigationState, navigationOf } from './navigation-state.ts'
export { overviewOf } from './project-overview.ts'

/** A datum of one project: its key, how to get it from the project's handle, and for how long it is fresh. */
export interface ProjectQuery<T> {
  /** The project's id. */
  readonly project: string
  readonly queryKey: readonly unknown[]
  readonly queryFn: (handle: ProjectApi) => Promise<T>
  /** Milliseconds. */
  readonly staleTime: number
}

/** A datum that belongs to no project. */
export interface RootQuery<T> {
  readonly project: null
  readonly queryKey: readonly unknown[]
  readonly queryFn: (handle: ItxApi) => Promise<T>
  readonly staleTime: number
}

/** Each datum has one definition, below, shared by loaders, hooks, tree and breadcrumbs. */
export type ItxQueryDefinition<T> = ProjectQuery<T> | RootQuery<T>

/** Where the handles of a query come from. */
export interface QueryHandles {
  root(): Promise<ItxApi & Disposable>
  project(id: string): Promise<ProjectApi & Disposable>
}

/** Runs a query with a handle of its own. @throws {ItxError} UNAVAILABLE `no-answer`, see `inTime`. */
export async function runQuery<T>(query: ItxQueryDefinition<T>, handles: QueryHandles): Promise<T> {
  if (query.project === null) {
    using root = await handleInTime(handles.root())
    return await inTime(query.queryFn(root))
  }
  using handle = await handleInTime(handles.project(query.project))
  return await inTime(query.queryFn(handle))
}

const STATE_FRESH_MS = 10_000
const LIST_FRESH_MS = 30_000
/** For what is looked at while it changes: it is asked for again as soon as somebody comes back to it. */
const LIVE_FRESH_MS = 1000
/** Children in the navigation state, and in each further page of either order. */
export const CHILDREN_PAGE = 200
/** Events of the first page that a stream's page shows. */
export const NEWEST_EVENTS = 100
/** Streams that a search finds, at most. */
export const SEARCH_RESULTS = 50

export const itxKey = {
  root: (...parts: readonly unknown[]) => ['itx', ...parts] as const,
  /** Always by the project's id, never by its slug: two spellings would be two entries. */
  project: (projectId: string, ...parts: readonly unknown[]) => ['itx', 'project', projectId, ...parts] as const,
}

export function streamStateQuery(projectId: string, path: string): ProjectQuery<NavigationState> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'streams', 'state', path),
    staleTime: STATE_FRESH_MS,
    queryFn: async (handle) => {
      using stream = handle.streams.get(path)
      const [state, page] = await Promise.all([stream.state(), stream.children({ limit: CHILDREN_PAGE })])
      return { ...navigationOf(state, path), ...childrenOf(page) }
    },
  }
}

/** A further page of a stream's children, after the given name. */
export function streamChildrenQuery(
  projectId: string,
  path: string,
  after: string,
): ProjectQuery<Pick<NavigationState, 'children' | 'nextAfter'>> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'streams', 'children', path, after),
    staleTime: STATE_FRESH_MS,
    queryFn: async (handle) => {
      using stream = handle.streams.get(path)
      return childrenOf(await stream.children({ after, limit: CHILDREN_PAGE }))
    },
  }
}

/** One page of a stream's children, wherever it begins. */
export interface StreamChildrenPage {
  readonly children: readonly CatalogueRow[]
  /** Children on all pages. */
  readonly total: number
}

/** The page of a stream's children that begins after so many, in either order: for a tree that is scrolled anywhere. */
export function streamChildrenPageQuery(
  projectId: string,
  path: string,
  { order, skip }: { readonly order: ChildrenOrder; readonly skip: number },
): ProjectQuery<StreamChildrenPage> {
  return {
    project: projectId,
    // Below the key of all children of the stream: what makes one page stale makes each.
    queryKey: itxKey.project(projectId, 'streams', 'children', path, order, skip),
    staleTime: STATE_FRESH_MS,
    queryFn: async (handle) => {
      using stream = handle.streams.get(path)
      const page = fields(await stream.children({ order, skip, limit: CHILDREN_PAGE }))
      const children = catalogueRowsOf(page['children'])
      return { children, total: Math.max(count(page['total']), children.length) }
    },
  }
}

/** Streams whose path has a text in it, in any case, by path. */
export function streamSearchQuery(
  projectId: string,
  text: string,
): ProjectQuery<{ readonly streams: readonly CatalogueRow[] }> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'streams', 'search', text),
    staleTime: STATE_FRESH_MS,
    queryFn: async (handle) => {
      const page = fields(await handle.streams.list({ match: text, limit: SEARCH_RESULTS }))
      return { streams: catalogueRowsOf(page['streams']) }
    },
  }
}

/** Letters of a fuzzy search that the server takes. */
const MOST_LETTERS = 16

/** Streams whose path has these letters in their order, in any case, by path. */
export function streamLettersQuery(
  projectId: string,
  text: string,
): ProjectQuery<{ readonly streams: readonly CatalogueRow[] }> {
  const match = text.replaceAll(/\s+/g, '').slice(0, MOST_LETTERS)
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'streams', 'letters', match.toLowerCase()),
    staleTime: STATE_FRESH_MS,
    queryFn: async (handle) => {
      const page = fields(await handle.streams.list({ match, fuzzy: true, limit: 4 * SEARCH_RESULTS }))
      return { streams: catalogueRowsOf(page['streams']) }
    },
  }
}

/** What a project is doing. */
export function projectOverviewQuery(projectId: string): ProjectQuery<ProjectOverview> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'overview'),
    staleTime: LIVE_FRESH_MS,
    queryFn: async (handle) => overviewOf(await handle.overview()),
  }
}

/** The newest events of a stream, newest first, as a page shows them before its socket is open. */
export function newestEventsQuery(projectId: string, path: string): ProjectQuery<WirePage> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'streams', 'newest', path),
    // The live tail takes over at once: coming back to a page should not show an old tail for long.
    staleTime: LIVE_FRESH_MS,
    queryFn: async (handle) => {
      using stream = handle.streams.get(path)
      return await stream.read({ order: 'desc', limit: NEWEST_EVENTS })
    },
  }
}

/** The event at an offset; null when there is none. What is stored does not change, but a stream may be made anew. */
export function eventAtQuery(projectId: string, path: string, offset: number): ProjectQuery<EncodedEvent | null> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'streams', 'event', path, offset),
    staleTime: STATE_FRESH_MS,
    queryFn: async (handle) => {
      using stream = handle.streams.get(path)
      return await stream.getEvent({ offset })
    },
  }
}

/** A project by its slug, or null: missing and forbidden are the same. */
export function projectBySlugQuery(slug: string): RootQuery<ProjectInfo | null> {
  return {
    project: null,
    queryKey: itxKey.root('project-by-slug', slug),
    staleTime: LIST_FRESH_MS,
    queryFn: async (handle) => {
      try {
        using project = handle.projects.get(slug)
        return await project.project()
      } catch (error) {
        const code = itxErrorCode(error)
        // A slug that cannot exist is as missing as any other.
        if (code === 'NOT_FOUND' || code === 'BAD_REQUEST') return null
        throw error
      }
    },
  }
}

/** All that can be called in a project, and whether the reader may. */
export function projectDescriptionQuery(projectId: string): ProjectQuery<ProjectDescription> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'describe'),
    staleTime: LIST_FRESH_MS,
    queryFn: (handle) => handle.describe(),
  }
}

/** A page of the projects of whoever is signed in, by slug: those that have a text in their name or slug, all for none. */
export function projectsQuery(match = '', after: string | null = null): RootQuery<ProjectsPage> {
  return {
    project: null,
    queryKey: itxKey.root('projects', match, after),
    staleTime: LIST_FRESH_MS,
    queryFn: (handle) =>
      handle.projects.list({ ...(match === '' ? {} : { match }), ...(after === null ? {} : { after }) }),
  }
}

/** How much there is in a project, counted when it is asked. */
export function projectContentsQuery(projectId: string): ProjectQuery<ProjectContents> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'contents'),
    staleTime: 0,
    queryFn: (handle) => handle.contents(),
  }
}

/** Who is signed in. */
export function whoamiQuery(): RootQuery<Whoami> {
  return {
    project: null,
    queryKey: itxKey.root('whoami'),
    staleTime: LIST_FRESH_MS,
    queryFn: (handle) => handle.whoami(),
  }
}
