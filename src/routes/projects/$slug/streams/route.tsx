import { Outlet, createFileRoute } from '@tanstack/react-router'
import { streamSearch } from '../../../../components/stream/stream-search.ts'

/** The pages of streams. */
export const Route = createFileRoute('/projects/$slug/streams')({
  validateSearch: streamSearch,
  component: Outlet,
})
