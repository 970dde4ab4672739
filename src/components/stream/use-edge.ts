import { type PointerEvent, type UIEvent, useCallback, useLayoutEffect, useRef } from 'react'

/** Closer to the end than this is at the end. */
const EDGE_PX = 6
/** How long after the last touch, wheel or key a scroll still counts as the person's: flings go on for a while. */
const INTENT_MS = 1500

interface EdgeOptions {
  readonly following: boolean
  readonly onLeave: () => void
  readonly onReach: () => void
}

/**
 * Keeps a log at its end while it follows, and tells when a person scrolls away from there or comes back.
 *
 * The log must be laid out bottom-up (`flex-col-reverse`): the browser itself then keeps the end in view, and the place
 * where somebody reads when older rows come in above. So nothing here computes where to scroll to, and following ends
 * by what a person does alone, never because a number did not come out right.
 */
export function useEdge({ following, onLeave, onReach }: EdgeOptions) {
  const scroller = useRef<HTMLDivElement>(null)
  const touchedAt = useRef(0)
  const touch = useCallback(() => {
    touchedAt.current = performance.now()
  }, [])
  // Dragging is a pointer that moves while it is pressed.
  const drag = useCallback((event: PointerEvent) => {
    if (event.buttons !== 0) touchedAt.current = performance.now()
  }, [])
  const toEnd = useCallback(() => {
    if (scroller.current) scroller.current.scrollTop = 0
  }, [])
  useLayoutEffect(() => {
    if (following) toEnd()
  }, [following, toEnd])
  const onScroll = useCallback(
    ({ currentTarget }: UIEvent<HTMLElement>) => {
      const atEdge = Math.abs(currentTarget.scrollTop) < EDGE_PX
      if (atEdge) {
        if (!following) onReach()
      } else if (following) {
        if (performance.now() - touchedAt.current < INTENT_MS) onLeave()
        else currentTarget.scrollTop = 0
      }
    },
    [following, onLeave, onReach],
  )
  const handlers = { onScroll, onWheel: touch, onTouchMove: touch, onPointerDown: touch, onPointerMove: drag }
  return { scroller, handlers, touch, toEnd }
}
