import type { ReactNode, RefObject } from 'react'
import { Popover } from 'react-aria-components'
import type { MenuPlace } from './menu-items.ts'

interface PopoverPopupProps {
  readonly labelledBy: string
  readonly trigger: RefObject<HTMLElement | null>
  readonly place: MenuPlace
  readonly onClose: () => void
  readonly children: ReactNode
}

/** The open popover. Loaded by `PopoverButton` alone, since React Aria comes with it. */
export function PopoverPopup({ labelledBy, trigger, place, onClose, children }: PopoverPopupProps) {
  return (
    <Popover
      isOpen
      onOpenChange={(open) => !open && onClose()}
      triggerRef={trigger}
      placement={place}
      offset={4}
      aria-labelledby={labelledBy}
      className="float max-w-[min(24rem,calc(100vw-1rem))] overflow-auto p-3 outline-none"
    >
      {children}
    </Popover>
  )
}
