import { type SubmitEvent, useId, useState } from 'react'
import { Dialog, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { Button } from './button.tsx'
import type { ConfirmDialogProps, DialogProps } from './dialog.tsx'
import { Failure } from './failure.tsx'
import { CloseIcon } from './icons.tsx'

/** The open dialog. Loaded by `Dialog` alone, since React Aria comes with it. */
export function DialogModal({ onClose, title, wide = false, busy = false, children }: DialogProps) {
  return (
    <ModalOverlay
      isOpen
      isDismissable={!busy}
      isKeyboardDismissDisabled={busy}
      onOpenChange={(open) => !open && onClose()}
      className="veil"
    >
      <Modal className={`float flex max-h-[calc(100dvh-2rem)] w-full flex-col ${wide ? 'max-w-3xl' : 'max-w-md'}`}>
        <Dialog className="flex min-h-0 flex-col outline-none">
          <header className="flex items-start justify-between gap-3 border-b border-line py-2 ps-4 pe-2">
            <Heading slot="title" className="py-0.5 text-body font-semibold wrap-anywhere">
              {title}
            </Heading>
            <Button look="quiet" onClick={onClose} disabled={busy} className="size-7 shrink-0 px-0">
              <CloseIcon />
              <span className="sr-only">Close</span>
            </Button>
          </header>
          <div ref={(content) => reachable(content)} className="min-h-0 overflow-auto px-4 py-4">
            {children}
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

/** What scrolls must be reachable by keyboard; what does not is no stop on the way. Asked anew at every render. */
function reachable(content: HTMLElement | null): void {
  if (!content) return
  if (content.scrollHeight > content.clientHeight) content.tabIndex = 0
  else content.removeAttribute('tabindex')
}

/** Asks, waits for the deed, and shows why it failed. */
export function ConfirmModal({ onClose, title, typed, action, onConfirm, children }: ConfirmDialogProps) {
  const id = useId()
  const [value, setValue] = useState('')
  const [state, setState] = useState<{ readonly busy: boolean; readonly error: unknown }>({ busy: false, error: null })
  const ready = typed === undefined || value.trim() === typed.text
  const confirm = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    if (!ready || state.busy) return
    setState({ busy: true, error: null })
    try {
      await onConfirm()
    } catch (error) {
      return setState({ busy: false, error })
    }
    onClose()
  }
  const { busy, error } = state
  return (
    <DialogModal open onClose={onClose} title={title} busy={busy}>
      <form onSubmit={(event) => void confirm(event)} className="grid gap-4">
        <div className="grid gap-2 text-base wrap-anywhere">{children}</div>
        {typed && (
          <div className="grid gap-1">
            <label htmlFor={id} className="text-base">
              To go on, type {typed.what}:{' '}
              <code className="foreign rounded-sm bg-wash px-1 font-mono text-small wrap-anywhere select-all">
                {typed.text}
              </code>
            </label>
            <input
              id={id}
              autoFocus
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              value={value}
              onChange={(event) => setValue(event.target.value)}
              className="field font-mono text-small"
            />
          </div>
        )}
        {error !== null && <Failure error={error} isAct />}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose} disabled={busy}>
            Cancel
          </Button>
          <Button look="danger" type="submit" disabled={!ready || busy}>
            {busy ? 'Working…' : action}
          </Button>
        </div>
      </form>
    </DialogModal>
  )
}
