import { type RefObject, type UIEvent, useCallback, useLayoutEffect, useRef } from 'react'

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
export function useEdge(scroller: RefObject<HTMLElement | null>, { following, onLeave, onReach }: EdgeOptions) {
  const touchedAt = useRef(0)
  const touch = useCallback(() => {
    touchedAt.current = performance.now()
  }, [])
  useLayoutEffect(() => {
    if (following && scroller.current) scroller.current.scrollTop = 0
  }, [scroller, following])
  const onScroll = ({ currentTarget }: UIEvent<HTMLElement>) => {
    const atEdge = Math.abs(currentTarget.scrollTop) < EDGE_PX
    if (atEdge) {
      if (!following) onReach()
    } else if (following) {
      if (performance.now() - touchedAt.current < INTENT_MS) onLeave()
      else currentTarget.scrollTop = 0
    }
  }
  return { onScroll, onWheel: touch, onTouchMove: touch, onPointerDown: touch, onPointerMove: pressed(touch), onKeyDown: touch }
}

/** Dragging a scroll bar is a pointer that moves while it is pressed. */
function pressed(touch: () => void) {
  return (event: { readonly buttons: number }) => {
    if (event.buttons !== 0) touch()
  }
}
