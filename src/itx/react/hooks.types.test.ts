import { expectTypeOf, test } from 'vitest'
import type { Receipt } from '../../streams/event.ts'
import type { TailSnapshot } from '../client/stream-tail.ts'
import type { ProjectApi, ProjectInfo, ProjectsPage } from '../handle.ts'
import { projectBySlugQuery, projectsQuery } from '../queries.ts'
import { useItxMutation, useItxQuery, useStreamTail } from './hooks.ts'

// What a hook answers follows from what it is asked; nothing here is run.

test('a query has the type of its datum', () => {
  void (() => {
    expectTypeOf(useItxQuery(projectsQuery()).data).toEqualTypeOf<ProjectsPage | undefined>()
    expectTypeOf(useItxQuery(projectBySlugQuery('a')).data).toEqualTypeOf<ProjectInfo | null | undefined>()
    expectTypeOf(useItxQuery(projectsQuery()).error).toEqualTypeOf<Error | null>()
    // @ts-expect-error -- a definition brings its key
    useItxQuery({ project: null, queryFn: async () => 1, staleTime: 0 })
  })
})

test('a mutation has the types of its action', () => {
  void (() => {
    const append = useItxMutation('prj_1', async (handle: ProjectApi, type: string): Promise<readonly Receipt[]> => {
      using stream = handle.streams.get('/a')
      return await stream.append([{ type }])
    })
    expectTypeOf(append.mutateAsync).parameter(0).toEqualTypeOf<string>()
    expectTypeOf(append.data).toEqualTypeOf<readonly Receipt[] | undefined>()
    // @ts-expect-error -- of another type
    append.mutate(1)
  })
})

test('a tail is read, never written', () => {
  void (() => {
    const tail = useStreamTail('prj_1', '/a')
    expectTypeOf(tail).toEqualTypeOf<TailSnapshot>()
    // @ts-expect-error -- replaced, never changed
    tail.maxOffset = 1
  })
})
