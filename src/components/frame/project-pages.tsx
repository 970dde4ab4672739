import { Link } from '@tanstack/react-router'

const LINK = 'rounded-sm px-1.5 py-1 text-small text-soft hover:text-accent aria-[current=page]:text-accent'

/** The pages of a project; where there is no room for them they are in the menu of the project alone. */
export function ProjectPages({ slug }: { readonly slug: string }) {
  return (
    <nav aria-label="Project" className="hidden items-center xl:flex">
      <Link to="/projects/$slug" params={{ slug }} activeOptions={{ exact: true }} className={LINK}>
        Home
      </Link>
      <Link to="/projects/$slug/streams" params={{ slug }} className={LINK}>
        Streams
      </Link>
      <Link to="/projects/$slug/api" params={{ slug }} className={LINK}>
        API
      </Link>
    </nav>
  )
}
