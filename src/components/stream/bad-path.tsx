import { buttonClass } from '../ui/button.tsx'
import { Message } from '../ui/message-page.tsx'
import { visibleName } from './foreign-text.ts'
import { StreamLink } from './stream-link.tsx'

interface BadPathProps {
  /** The project's slug. */
  readonly project: string
  readonly asked: string
  readonly problem: string
}

/** An address that can name no stream, and why. */
export function BadPath({ project, asked, problem }: BadPathProps) {
  return (
    <main id="content" className="min-w-0 flex-1 overflow-auto">
      <Message mark="BAD_REQUEST" title="This is not a path of a stream">
        <p>
          <code className="foreign font-mono text-ink">{visibleName(asked)}</code>
        </p>
        <p>{problem.charAt(0).toUpperCase() + problem.slice(1)}.</p>
        <StreamLink project={project} path="/" className={buttonClass('main')}>
          Root stream
        </StreamLink>
      </Message>
    </main>
  )
}
