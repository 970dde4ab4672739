import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import { Kbd } from '../ui/kbd.tsx'
import { failureLine, failureWords } from '../ui/failure-words.ts'
import { zoneName } from '../ui/formats.ts'
import { useZone } from '../ui/use-zone.ts'
import { askedOf } from './asked.ts'
import type { PaletteProps } from './palette.tsx'
import { type Line, useLines } from './use-lines.ts'

/** The open palette: one box, and a list that its keys go through (WAI-ARIA, combobox). */
export function PalettePopup({ project, path, onClose }: PaletteProps) {
  const id = useId()
  const [typed, setTyped] = useState('')
  const [at, setAt] = useState(0)
  const [problem, setProblem] = useState<string | null>(null)
  const zone = useZone()
  const asked = askedOf(typed, zone)
  const { groups, isSearching, error } = useLines({ project, path, asked, onClose })
  const lines = groups.flatMap((group) => group.lines)
  const active = lines[Math.min(at, lines.length - 1)]
  const list = useRef<HTMLDivElement>(null)
  const run = async (line: Line) => {
    setProblem(null)
    try {
      await line.run()
    } catch (failure) {
      setProblem(failureWords(failure).what)
    }
  }
  const go = (to: number) => {
    setAt(to)
    list.current?.querySelector(`[data-at="${to}"]`)?.scrollIntoView({ block: 'nearest' })
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const last = lines.length - 1
    const now = Math.min(at, last)
    const to = {
      ArrowDown: now < last ? now + 1 : 0,
      ArrowUp: now > 0 ? now - 1 : last,
      PageDown: Math.min(now + 8, last),
      PageUp: Math.max(now - 8, 0),
    }[event.key]
    if (to !== undefined) go(to)
    else if (event.key === 'Enter' && !event.nativeEvent.isComposing) {
      if (active) void run(active)
    } else return
    event.preventDefault()
  }
  let position = -1
  return (
    <ModalOverlay
      isOpen
      isDismissable
      onOpenChange={(open) => !open && onClose()}
      className="veil items-start pt-[10vh]"
    >
      <Modal className="float flex max-h-[70dvh] w-full max-w-xl flex-col">
        <Dialog aria-label="Command palette" className="flex min-h-0 flex-col outline-none">
          <input
            // What it is opened for.
            autoFocus
            role="combobox"
            aria-label="Find a stream or an action"
            aria-expanded="true"
            aria-controls={`${id}-list`}
            aria-activedescendant={active && `${id}-${active.id}`}
            aria-autocomplete="list"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder={project ? 'A stream, an action, #offset or @time' : 'An action'}
            value={typed}
            onChange={(event) => {
              setTyped(event.target.value)
              setAt(0)
              setProblem(null)
            }}
            onKeyDown={onKeyDown}
            className="w-full border-b border-line bg-transparent px-4 py-3 text-body outline-none"
          />
          <div ref={list} id={`${id}-list`} role="listbox" aria-label="Found" className="min-h-0 overflow-auto py-1">
            {groups.map(({ title, lines: found }) => (
              <div key={title} role="group" aria-label={title}>
                <div aria-hidden="true" className="px-4 pt-2 pb-0.5 text-micro text-faint">
                  {title}
                </div>
                {found.map((line) => {
                  const here = ++position
                  return (
                    <div
                      key={line.id}
                      id={`${id}-${line.id}`}
                      data-at={here}
                      role="option"
                      aria-selected={line === active}
                      onPointerMove={() => setAt(here)}
                      onClick={() => void run(line)}
                      className={`flex min-h-8 cursor-default items-center justify-between gap-3 px-4 ${line === active ? 'bg-wash' : ''}`}
                    >
                      <span className={`min-w-0 truncate ${line.mono ? 'foreign font-mono' : ''}`}>
                        <Marked text={line.label} at={line.at ?? []} />
                      </span>
                      {line.keys !== undefined && <Kbd keys={line.keys} />}
                    </div>
                  )
                })}
              </div>
            ))}
          </div>
          <p role="status" className="min-h-8 border-t border-line px-4 py-1.5 text-small text-soft wrap-anywhere">
            {problem ??
              (error && failureLine(error)) ??
              (asked.kind === 'wrong'
                ? asked.why
                : lines.length > 0
                  ? hint(project !== undefined, zoneName(zone))
                  : isSearching
                    ? 'Searching…'
                    : `Nothing that is called “${typed.trim()}” is here.`)}
          </p>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

/** @param zone as the page names it */
function hint(inProject: boolean, zone: string): string {
  return inProject ? `Enter opens. #1234 goes to an offset, @2026-09-01T10:00 to a time in ${zone}.` : 'Enter runs it.'
}

function Marked({ text, at }: { readonly text: string; readonly at: readonly number[] }): ReactNode {
  if (at.length === 0) return text
  const marked = new Set(at)
  const pieces: { readonly start: number; readonly isMarked: boolean; text: string }[] = []
  for (const [i, letter] of [...text].entries()) {
    const isMarked = marked.has(i)
    const last = pieces.at(-1)
    if (last && last.isMarked === isMarked) last.text += letter
    else pieces.push({ start: i, isMarked, text: letter })
  }
  return pieces.map((piece) =>
    piece.isMarked ? (
      <mark key={piece.start} className="bg-transparent font-semibold text-accent">
        {piece.text}
      </mark>
    ) : (
      piece.text
    ),
  )
}
