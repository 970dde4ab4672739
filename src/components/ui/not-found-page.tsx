import { buttonClass } from './button.tsx'
import { Message } from './message-page.tsx'

/** An address that leads nowhere. */
export function NotFoundPage() {
  return (
    <main>
      <Message mark="404" title="There is no page at this address">
        <p>The link may be old, or the address mistyped. Streams are found below their project.</p>
        <a href="/projects" className={buttonClass('main')}>
          Projects
        </a>
      </Message>
    </main>
  )
}
