import { Link } from '@tanstack/react-router'
import { Wordmark } from '../brand/mark.tsx'
import { buttonClass } from './button.tsx'
import { Message } from './message-page.tsx'

/** An address that leads nowhere. */
export function NotFoundPage() {
  return (
    <main>
      <div className="border-b border-line bg-surface px-4 py-2">
        <Wordmark />
      </div>
      <Message mark="404" title="There is no page at this address">
        <p>The link may be old, or the address mistyped. Streams are found below their project.</p>
        <Link to="/projects" className={buttonClass('main')}>
          Projects
        </Link>
      </Message>
    </main>
  )
}
