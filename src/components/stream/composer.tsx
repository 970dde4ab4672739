import { type KeyboardEvent, type SubmitEvent, useDeferredValue, useId, useMemo, useState } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { useItxMutation } from '../../itx/react/hooks.ts'
import type { EncodedInput, Receipt } from '../../streams/event.ts'
import { Button } from '../ui/button.tsx'
import { Failure } from '../ui/failure.tsx'
import { counted, formatCount } from '../ui/formats.ts'
import { lazily, useLazily } from '../ui/lazily.ts'
import type { Composed } from './composer-input.ts'

/** Loaded when somebody comes to write: most readers never do. */
const input = lazily(() => import('./composer-input.ts'))

/** What is written, as far as it is known yet. */
type Written = Composed | { readonly kind: 'unread' }

const PLACEHOLDER = '{"type": "note", "payload": {"text": "hello"}}'

interface ComposerProps {
  readonly project: ProjectInfo
  readonly path: string
  readonly exists: boolean
  /** Why the stream takes nothing now. */
  readonly refuses: 'paused' | 'closed' | null
  readonly onAppended?: () => void
}

/** Appends by hand: one event, an array, or one per line; checked while it is typed. */
export function Composer(props: ComposerProps) {
  if (props.project.role === 'viewer') {
    return (
      <p className="border-t border-line bg-surface px-4 py-3 text-small text-soft">
        You may read this project as a viewer. Appending takes the role editor; an admin of the project can give it to
        you.
      </p>
    )
  }
  return <ComposerForm {...props} />
}

function ComposerForm({ project, path, exists, refuses, onAppended }: ComposerProps) {
  const id = useId()
  const [text, setText] = useState('')
  // A pasted megabyte is read after the key was shown, not before.
  const settled = useDeferredValue(text)
  const reader = useLazily(input, text !== '')
  const composed = useMemo((): Written => {
    if (settled.trim() === '') return { kind: 'empty' }
    return reader.status === 'loaded' ? reader.module.readComposed(settled) : { kind: 'unread' }
  }, [settled, reader])
  const append = useItxMutation(project.id, async (handle, inputs: readonly EncodedInput[]) => {
    using stream = handle.streams.get(path)
    return await stream.append(inputs)
  })
  const send = async () => {
    if (append.isPending) return
    // Who types fast sends before the check has caught up, or is there at all.
    const { readComposed } = await import('./composer-input.ts')
    const now = readComposed(text)
    if (now.kind !== 'ready') return
    append.mutate(now.inputs, {
      onSuccess: () => {
        setText('')
        onAppended?.()
      },
    })
  }
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    send().catch(input.preload)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    send().catch(input.preload)
  }
  const change = (value: string) => {
    setText(value)
    // What was said about the last append is over once the next one is being written.
    if (!append.isIdle && !append.isPending) append.reset()
  }
  const wrong = composed.kind === 'wrong'
  return (
    <form onSubmit={submit} className="grid gap-2 border-t border-line bg-surface px-4 py-3" aria-label="Append events">
      {append.error && <Failure error={append.error} isAct />}
      <label htmlFor={id} className="sr-only">
        Events to append to {path}, as JSON: one, an array, or one per line
      </label>
      <textarea
        id={id}
        value={text}
        rows={Math.min(12, Math.max(2, text.split('\n', 13).length))}
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKeyDown}
        onFocus={input.preload}
        placeholder={PLACEHOLDER}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        aria-invalid={wrong ? true : undefined}
        aria-describedby={`${id}-check`}
        className="field resize-y font-mono text-small"
      />
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <p
          id={`${id}-check`}
          aria-live="polite"
          className={`min-w-0 flex-1 basis-48 text-small wrap-anywhere ${wrong ? 'text-danger' : 'text-soft'}`}
        >
          {append.data && text === ''
            ? receiptWords(append.data)
            : checkWords(composed, reader.status === 'failed', exists, refuses)}
        </p>
        <Button
          look="main"
          type="submit"
          disabled={composed.kind !== 'ready' || append.isPending}
          title="Ctrl+Enter, or ⌘ Enter"
        >
          {append.isPending ? 'Appending…' : 'Append'}
        </Button>
      </div>
    </form>
  )
}

function checkWords(composed: Written, isLost: boolean, exists: boolean, refuses: ComposerProps['refuses']): string {
  switch (composed.kind) {
    case 'unread':
      return isLost ? 'What checks it could not be loaded. Type again to retry.' : 'Checking…'
    case 'wrong':
      return composed.message
    case 'ready':
      return `${counted(composed.inputs.length, 'event')}, all or none. Ctrl+Enter appends.`
    case 'empty':
      if (refuses) return `This stream is ${refuses}: appends are refused.`
      return exists
        ? 'One event, an array of them, or one per line.'
        : 'One event, an array of them, or one per line. The first append creates the stream.'
  }
}

function receiptWords(receipts: readonly Receipt[]): string {
  const offsets = receipts.map(({ offset }) => offset)
  const [first, last] = [Math.min(...offsets), Math.max(...offsets)]
  const duplicates = receipts.filter(({ duplicate }) => duplicate).length
  const where =
    first === last ? `offset ${formatCount(first)}` : `offsets ${formatCount(first)} to ${formatCount(last)}`
  if (duplicates === receipts.length) return `Already there, by its key: ${where}.`
  const also = duplicates > 0 ? ` ${formatCount(duplicates)} of them were there already, by their key.` : ''
  return `Appended ${counted(receipts.length, 'event')}: ${where}.${also}`
}
