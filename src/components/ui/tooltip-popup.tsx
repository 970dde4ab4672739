import { type RefObject, useEffect, useMemo } from 'react'
import { Tooltip, TooltipTriggerStateContext } from 'react-aria-components'

interface TooltipPopupProps {
  readonly id: string
  readonly text: string
  readonly place: 'top' | 'bottom' | 'start' | 'end'
  readonly control: RefObject<Element | null>
  readonly onClose: () => void
}

/** The open tooltip. Loaded by `Tooltip` of this folder alone, since React Aria comes with it. */
export function TooltipPopup({ id, text, place, control, onClose }: TooltipPopupProps) {
  useEffect(() => {
    const described = control.current
    const before = described?.getAttribute('aria-describedby')
    described?.setAttribute('aria-describedby', before ? `${before} ${id}` : id)
    return () => {
      if (before) described?.setAttribute('aria-describedby', before)
      else described?.removeAttribute('aria-describedby')
    }
  }, [control, id])
  // When it opens and closes is decided by what loaded it.
  const state = useMemo(
    () => ({ isOpen: true, shouldSkipAnimation: true, setAnchorPoint: () => {}, open: () => {}, close: onClose }),
    [onClose],
  )
  return (
    <TooltipTriggerStateContext value={state}>
      <Tooltip
        triggerRef={control}
        placement={place}
        offset={6}
        className="float max-w-xs px-2 py-1 text-small wrap-anywhere"
      >
        <span id={id}>{text}</span>
      </Tooltip>
    </TooltipTriggerStateContext>
  )
}
