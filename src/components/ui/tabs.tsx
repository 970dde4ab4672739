import type { ReactNode } from 'react'

/** The look of a link in `Tabs`. The one that is open carries `aria-current="page"`, as the router's links do. */
export const TAB = 'tab'

interface TabsProps {
  /** What they are the parts of: "Views of this stream". */
  readonly label: string
  /** Links of class `TAB`: each view has an address of its own. */
  readonly children: ReactNode
}

/** The views of a page, as links. Where there is no room they scroll sideways. */
export function Tabs({ label, children }: TabsProps) {
  return (
    <nav aria-label={label} className="tabs flex min-w-0 overflow-x-auto border-b border-line px-1.5">
      {children}
    </nav>
  )
}
