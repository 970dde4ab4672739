import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import { lazily, useLazily } from './lazily.ts'

const modal = lazily(() => import('./dialog-modal.tsx'))

/** Begins to load the dialogs: for a button that opens one, when a pointer or the focus comes near. */
export const preloadDialogs = modal.preload

export interface DialogProps {
  readonly open: boolean
  /** By Escape, by the close button, by a press beside it. */
  readonly onClose: () => void
  readonly title: string
  /** A dialog with a lot to show. */
  readonly wide?: boolean
  /** It cannot be closed while something runs that must come to its end. */
  readonly busy?: boolean
  readonly children: ReactNode
}

/**
 * Something to answer before the page goes on. The focus goes in, stays in, and returns to where it was. What it is made
 * of is loaded when it first opens, or by `preloadDialogs`.
 */
export function Dialog(props: DialogProps) {
  const loaded = useLazily(modal, props.open)
  if (!props.open) return null
  if (loaded.status === 'loaded') return <loaded.module.DialogModal {...props} />
  return loaded.status === 'failed' ? <NotLoaded onClose={props.onClose} /> : null
}

export interface ConfirmDialogProps extends Omit<DialogProps, 'wide' | 'busy'> {
  /** What goes, with counts: shown above the question. */
  readonly children: ReactNode
  /** What must be typed before it can be done: the path of the stream, the slug of the project. */
  readonly typed?: { readonly text: string; readonly what: string }
  /** What the button says: the deed, never "OK". */
  readonly action: string
  /** A rejection stays in the dialog, as an error; else it closes. */
  readonly onConfirm: () => Promise<unknown>
}

/** Asks before something is done that cannot be undone. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const loaded = useLazily(modal, props.open)
  if (!props.open) return null
  if (loaded.status === 'loaded') return <loaded.module.ConfirmModal {...props} />
  return loaded.status === 'failed' ? <NotLoaded onClose={props.onClose} /> : null
}

/** Where the code of the dialogs could not be had, a press must not seem to have done nothing. */
function NotLoaded({ onClose }: { readonly onClose: () => void }) {
  return (
    <div role="alert" className="flex flex-wrap items-center gap-2 text-base text-danger">
      The dialog could not be loaded.
      <Button onClick={modal.preload}>Try again</Button>
      <Button look="quiet" onClick={onClose}>
        Cancel
      </Button>
    </div>
  )
}
