import { Link, type LinkComponentProps } from '@tanstack/react-router'

interface StreamLinkProps extends Omit<LinkComponentProps<'a'>, 'to' | 'params' | 'search' | 'hash' | 'from'> {
  /** The project's slug. */
  readonly project: string
  readonly path: string
}

/** A link to the page of a stream. The root has an address of its own: the splat is never empty. */
export function StreamLink({ project, path, ...rest }: StreamLinkProps) {
  if (path === '/') return <Link {...rest} to="/projects/$slug/streams" params={{ slug: project }} />
  return <Link {...rest} to="/projects/$slug/streams/$" params={{ slug: project, _splat: path.slice(1) }} />
}

/** The address of the same page, for what takes no link of the router. */
export function streamHref(project: string, path: string): string {
  const below = path === '/' ? '' : path.split('/').map(encodeURIComponent).join('/')
  return `/projects/${project}/streams${below}`
}
