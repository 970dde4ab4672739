import { useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useRef } from 'react'

/** The id of the drawer: Enter on the row of an open event leads there. */
export const EVENT_DRAWER = 'event-drawer'

/** Rows of the log carry their offset here: its keys go by it, and the focus finds its way back. */
export const OFFSET = 'data-offset'

/** The event that is open, which the address names: a link to it opens it for everybody. */
export interface OpenEvent {
  /** Its offset; undefined while none is open. */
  readonly at: number | undefined
  /** The same function for good: rows are told apart by it. */
  readonly open: (offset: number) => void
  readonly close: () => void
}

/** @param at the offset that the address asks for */
export function useOpenEvent(at: number | undefined): OpenEvent {
  const navigate = useNavigate()
  const isOpen = useRef(at !== undefined)
  useEffect(() => {
    isOpen.current = at !== undefined
  })
  const open = useCallback(
    (offset: number) => {
      // Back closes the drawer, however many events were stepped through.
      void navigate({ to: '.', search: { at: offset }, replace: isOpen.current, resetScroll: false })
    },
    [navigate],
  )
  const close = useCallback(() => void navigate({ to: '.', search: {}, resetScroll: false }), [navigate])
  return { at, open, close }
}
