import { useLocation } from '@tanstack/react-router'
import { Notice } from '../ui/notice.tsx'
import { visibleName } from './foreign-text.ts'
import { leftOut } from './stream-search.ts'

/** What the address asks for and this page cannot show. */
export function LeftOut() {
  const ignored = leftOut(useLocation({ select: (location) => location.searchStr }))
  if (ignored.length === 0) return null
  return (
    <div className="px-4 py-2">
      <Notice tone="warn">
        The address asks for what cannot be shown, so it was left out: {ignored.map(visibleName).join(', ')}.
      </Notice>
    </div>
  )
}
