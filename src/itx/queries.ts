import { itxErrorCode } from '../streams/errors.ts'
import type { ItxApi, ProjectApi, ProjectDescription, ProjectInfo, ProjectsPage, Whoami, WirePage } from './handle.ts'
import { type NavigationState, childrenOf, navigationOf } from './navigation-state.ts'

export { type NavigationState, navigationOf } from './navigation-state.ts'

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

/** Runs a query with a handle of its own. */
export async function runQuery<T>(query: ItxQueryDefinition<T>, handles: QueryHandles): Promise<T> {
  if (query.project === null) {
    using root = await handles.root()
    return await query.queryFn(root)
  }
  using handle = await handles.project(query.project)
  return await query.queryFn(handle)
}

const STATE_FRESH_MS = 10_000
const LIST_FRESH_MS = 30_000
/** Children in the navigation state, and in each further page. */
export const CHILDREN_PAGE = 200
/** Events of the first page that a stream's page shows. */
export const NEWEST_EVENTS = 100

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

/** The newest events of a stream, newest first, as a page shows them before its socket is open. */
export function newestEventsQuery(projectId: string, path: string): ProjectQuery<WirePage> {
  return {
    project: projectId,
    queryKey: itxKey.project(projectId, 'streams', 'newest', path),
    // The live tail takes over at once: coming back to a page should not show an old tail for long.
    staleTime: 1000,
    queryFn: async (handle) => {
      using stream = handle.streams.get(path)
      return await stream.read({ order: 'desc', limit: NEWEST_EVENTS })
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

/** The first 100 projects of whoever is signed in. */
export function projectsQuery(): RootQuery<ProjectsPage> {
  return {
    project: null,
    queryKey: itxKey.root('projects'),
    staleTime: LIST_FRESH_MS,
    queryFn: (handle) => handle.projects.list(),
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
