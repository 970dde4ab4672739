import { useNavigate } from '@tanstack/react-router'
import { type KeyboardEvent, type ReactNode, useDeferredValue, useId, useRef, useState } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import { streamLettersQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { useItxConnection } from '../../itx/react/provider.ts'
import { ROOT_PATH, parsePath } from '../../streams/path.ts'
import { useAllShortcuts } from '../shortcuts/use-shortcuts.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { streamHref } from '../stream/stream-link.tsx'
import { Kbd } from '../ui/kbd.tsx'
import { type Asked, askedOf } from './asked.ts'
import { fuzzyMatch } from './fuzzy.ts'
import { offsetAt } from './offset-at.ts'
import type { PaletteProps } from './palette.tsx'
import { recentStreams } from './recent-streams.ts'

/** Lines of one kind, at most. */
const MOST = 12

interface Line {
  readonly id: string
  readonly label: string
  /** Positions of the label that match what was typed. */
  readonly at?: readonly number[]
  readonly mono?: boolean
  readonly keys?: string
  readonly run: () => void | Promise<void>
}

interface Group {
  readonly title: string
  readonly lines: readonly Line[]
}

/** The open palette: one box, and a list that its keys go through (WAI-ARIA, combobox). */
export function PalettePopup({ project, path, onClose }: PaletteProps) {
  const id = useId()
  const [typed, setTyped] = useState('')
  const [at, setAt] = useState(0)
  const [problem, setProblem] = useState<string | null>(null)
  const { groups, isSearching, error } = useGroups({ project, path, typed, onClose })
  const lines = groups.flatMap((group) => group.lines)
  const active = lines[Math.min(at, lines.length - 1)]
  const list = useRef<HTMLDivElement>(null)
  const asked = askedOf(typed)
  const run = async (line: Line) => {
    setProblem(null)
    try {
      await line.run()
    } catch (failure) {
      setProblem(failure instanceof Error ? failure.message : String(failure))
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
              error?.message ??
              (asked.kind === 'wrong'
                ? asked.why
                : lines.length > 0
                  ? hint(project !== undefined)
                  : isSearching
                    ? 'Searching…'
                    : 'Nothing found')}
          </p>
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

function hint(inProject: boolean): string {
  return inProject ? 'Enter opens. #1234 goes to an offset, @2026-09-01T10:00 to a time (UTC).' : 'Enter runs it.'
}

/** What there is to choose from, best first. */
function useGroups({ project, path, typed, onClose }: Omit<PaletteProps, 'open'> & { readonly typed: string }): {
  readonly groups: readonly Group[]
  readonly isSearching: boolean
  readonly error: Error | null
} {
  const navigate = useNavigate()
  const connection = useItxConnection()
  const shortcuts = useAllShortcuts()
  const asked = askedOf(typed)
  const text = asked.kind === 'text' ? asked.text : ''
  // The server finds those that have the letters; which are the best is decided here.
  const wanted = useDeferredValue(text)
  const found = useItxQuery(streamLettersQuery(project?.id ?? '', wanted), {
    enabled: project !== undefined && wanted !== '',
  })
  const open = (href: string) => {
    onClose()
    void navigate({ href })
  }
  const jump = jumpLine(asked)
  const groups: Group[] = []
  if (jump !== null && project !== undefined && path !== null) {
    const goTo = (offset: number) => open(`${streamHref(project.slug, path)}?at=${offset}`)
    const run = async () => {
      if (jump.offset !== undefined) return goTo(jump.offset)
      if (connection === null) return
      using handle = await connection.project(project.id)
      using stream = handle.streams.get(path)
      const offset = await offsetAt(stream, jump.time)
      if (offset === null) throw new Error('All events of this stream are older')
      goTo(offset)
    }
    groups.push({ title: visibleName(path), lines: [{ id: 'jump', label: jump.label, run }] })
  }
  if (project !== undefined && asked.kind === 'text') {
    const line =
      (kind: string) =>
      ({ path: to, at }: { readonly path: string; readonly at: readonly number[] }): Line => ({
        id: `${kind}-${to}`,
        label: visibleName(to),
        at: visibleName(to) === to ? at : [],
        mono: true,
        run: () => open(streamHref(project.slug, to)),
      })
    const recent = matching(text, recentStreams(project.id))
    const others = matching(text, found.data?.streams.map((row) => row.path) ?? []).filter(
      (each) => !recent.some((other) => other.path === each.path),
    )
    if (recent.length > 0) groups.push({ title: 'Recent', lines: recent.map(line('recent')) })
    if (text !== '' && others.length > 0) groups.push({ title: 'Streams', lines: others.map(line('stream')) })
    const typedPath = pathOf(text)
    if (
      typedPath !== null &&
      !recent.some((each) => each.path === typedPath) &&
      !others.some((each) => each.path === typedPath)
    ) {
      groups.push({
        title: 'By its path',
        lines: [
          {
            id: 'typed',
            label: visibleName(typedPath),
            mono: true,
            run: () => open(streamHref(project.slug, typedPath)),
          },
        ],
      })
    }
  }
  if (asked.kind === 'text') {
    const actions = shortcuts().flatMap(({ keys, label, run }): (Line & { readonly score: number })[] => {
      const match = fuzzyMatch(text, label)
      if (match === null || keys === 'mod+k') return []
      const act = () => {
        onClose()
        run()
      }
      return [
        {
          id: `action-${label.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`,
          label,
          at: match.at,
          keys,
          run: act,
          score: match.score,
        },
      ]
    })
    const best = actions.toSorted((a, b) => b.score - a.score).slice(0, MOST)
    if (best.length > 0) groups.push({ title: 'Actions', lines: best })
  }
  return { groups, isSearching: found.isFetching, error: text === '' ? null : found.error }
}

function jumpLine(
  asked: Asked,
):
  | { readonly label: string; readonly offset: number; readonly time?: undefined }
  | { readonly label: string; readonly time: number; readonly offset?: undefined }
  | null {
  if (asked.kind === 'offset') return { label: `Go to offset ${asked.offset}`, offset: asked.offset }
  if (asked.kind === 'time') return { label: `Go to ${new Date(asked.time).toISOString()}`, time: asked.time }
  return null
}

function matching(
  text: string,
  paths: readonly string[],
): readonly { readonly path: string; readonly at: readonly number[] }[] {
  return paths
    .flatMap((path) => {
      const match = fuzzyMatch(text, path)
      return match === null ? [] : [{ path, ...match }]
    })
    .toSorted((a, b) => b.score - a.score)
    .slice(0, MOST)
}

/** A path that was typed whole; the stream need not exist. */
function pathOf(text: string): string | null {
  if (!text.startsWith('/') || text === ROOT_PATH) return null
  try {
    return parsePath(text)
  } catch {
    return null
  }
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
