import { createFileRoute, redirect } from '@tanstack/react-router'

export const Route = createFileRoute('/projects/$slug/')({
  beforeLoad: ({ context, params }) => {
    // A project that is not there stays at its own address, where the page above says so.
    if (context.project) throw redirect({ to: '/projects/$slug/streams', params })
  },
})
