import { type KeyboardEvent, type MouseEvent, type ReactNode, useId, useRef, useState } from 'react'
import { type ButtonLook, buttonClass } from './button.tsx'
import { lazily, useLazily } from './lazily.ts'
import type { MenuContent, MenuPlace } from './menu-items.ts'

export type { MenuContent, MenuItem, MenuSection } from './menu-items.ts'

const popup = lazily(() => import('./menu-popup.tsx'))

/** Which item has the focus when a key opens the menu. */
const FOCUS_BY_KEY: Readonly<Record<string, 'first' | 'last'>> = {
  ArrowDown: 'first',
  ArrowUp: 'last',
  Enter: 'first',
  ' ': 'first',
}

interface MenuButtonProps extends MenuContent {
  /** What the button shows. An icon alone needs `label` as well. */
  readonly children: ReactNode
  /** The button's name, where what it shows is no name; the menu has the same. */
  readonly label?: string
  readonly look?: ButtonLook
  readonly className?: string
  readonly place?: MenuPlace
  readonly disabled?: boolean
  /** Told when the menu opens and closes: load its items from then on. */
  readonly onOpenChange?: (open: boolean) => void
  /** Told when a pointer or the focus comes near: items loaded now may be there at the press. */
  readonly onNear?: () => void
}

/**
 * A button with a menu: one of the menu's keys, typing ahead, links and choices. The menu is loaded when a pointer or
 * the focus comes near; a press before it is there opens it as soon as it is.
 */
export function MenuButton(props: MenuButtonProps) {
  const { children, label, look = 'quiet', className = '', place = 'bottom start', disabled = false } = props
  const { onOpenChange, onNear, ...content } = props
  const id = useId()
  const button = useRef<HTMLButtonElement>(null)
  /** Which item is focused as it opens; `none` for a pointer, which points at one itself. */
  const [open, setOpen] = useState<'first' | 'last' | 'none' | null>(null)
  const loaded = useLazily(popup, open !== null)
  const change = (next: typeof open) => {
    setOpen(next)
    onOpenChange?.(next !== null)
  }
  const near = () => {
    popup.preload()
    onNear?.()
  }
  const press = (event: MouseEvent) => {
    // A press on what could not be loaded tries again.
    popup.preload()
    const opens = open === null || loaded.status === 'failed'
    change(opens ? (event.detail === 0 ? 'first' : 'none') : null)
  }
  const key = (event: KeyboardEvent) => {
    const wanted = FOCUS_BY_KEY[event.key]
    if (wanted === undefined || event.repeat) return
    // By the key, not by the click that would follow: React Aria takes one without a pointer for a screen reader's own, and leaves the
    // focus on the menu as a whole.
    event.preventDefault()
    popup.preload()
    change(wanted)
  }
  return (
    <>
      <button
        ref={button}
        id={id}
        type="button"
        disabled={disabled}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open !== null && loaded.status === 'loaded'}
        aria-busy={(open !== null && loaded.status === 'waiting') || undefined}
        onPointerEnter={near}
        onFocus={near}
        onClick={press}
        onKeyDown={key}
        className={`${buttonClass(look)} ${className}`}
      >
        {children}
      </button>
      {open !== null && loaded.status === 'failed' && (
        <span role="alert" className="text-small text-danger">
          The menu could not be loaded. Press again to retry.
        </span>
      )}
      {open !== null && loaded.status === 'loaded' && (
        <loaded.module.MenuPopup
          {...content}
          labelledBy={id}
          trigger={button}
          place={place}
          focus={open}
          onClose={() => change(null)}
        />
      )}
    </>
  )
}
