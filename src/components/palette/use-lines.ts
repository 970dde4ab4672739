import { useNavigate } from '@tanstack/react-router'
import { useDeferredValue } from 'react'
import type { ProjectInfo } from '../../itx/handle.ts'
import { streamLettersQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { useItxConnection } from '../../itx/react/provider.ts'
import { ItxError } from '../../streams/errors.ts'
import { type StreamPath, ROOT_PATH, parsePath } from '../../streams/path.ts'
import { type Shortcut, useAllShortcuts } from '../shortcuts/use-shortcuts.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { offsetAt } from '../stream/offset-at.ts'
import { streamHref } from '../stream/stream-link.tsx'
import { inZone } from '../ui/formats.ts'
import { useZone } from '../ui/use-zone.ts'
import type { Asked } from './asked.ts'
import { fuzzyMatch, wordsMatch } from './fuzzy.ts'
import type { PaletteProps } from './palette.tsx'
import { recentStreams } from './recent-streams.ts'

/** Lines of one kind, at most. */
const MOST = 12

/** Something to choose. */
export interface Line {
  readonly id: string
  readonly label: string
  /** Positions of the label that match what was typed. */
  readonly at?: readonly number[]
  readonly mono?: boolean
  readonly keys?: string
  readonly run: () => void | Promise<void>
}

export interface LineGroup {
  readonly title: string
  readonly lines: readonly Line[]
}

interface Lines {
  readonly groups: readonly LineGroup[]
  readonly isSearching: boolean
  readonly error: Error | null
}

interface Wanted extends Pick<PaletteProps, 'project' | 'path' | 'onClose'> {
  readonly asked: Asked
}

/** What there is to choose from, best first. */
export function useLines({ project, path, asked, onClose }: Wanted): Lines {
  const shortcuts = useAllShortcuts()
  const zone = useZone()
  const navigate = useNavigate()
  const jumpTo = useJump()
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
  const groups: LineGroup[] = []
  if ((asked.kind === 'offset' || asked.kind === 'time') && project && path !== null) {
    const run = async () => {
      const offset = await jumpTo(project, path, asked)
      open(`${streamHref(project.slug, path)}?at=${offset}`)
    }
    groups.push({ title: visibleName(path), lines: [{ id: 'jump', label: jumpLabel(asked, zone), run }] })
  }
  if (asked.kind === 'text') {
    if (project) {
      const all = found.data?.streams.map((row) => row.path) ?? []
      groups.push(...streamLines(text, recentStreams(project.id), all, (to) => open(streamHref(project.slug, to))))
    }
    groups.push({ title: 'Actions', lines: actionLines(text, shortcuts(), onClose) })
  }
  return {
    groups: groups.filter(({ lines }) => lines.length > 0),
    isSearching: found.isFetching,
    error: text === '' ? null : found.error,
  }
}

type Jump = Extract<Asked, { kind: 'offset' | 'time' }>

/** Finds the offset that is asked for. @throws {ItxError} NOT_FOUND when every event is older than the time. */
function useJump(): (project: ProjectInfo, path: StreamPath, jump: Jump) => Promise<number> {
  const connection = useItxConnection()
  return async (project, path, jump) => {
    if (jump.kind === 'offset') return jump.offset
    if (connection === null) throw new ItxError('UNAVAILABLE', 'there is no connection yet', { reason: 'offline' })
    using handle = await connection.project(project.id)
    using stream = handle.streams.get(path)
    const offset = await offsetAt(stream, jump.time)
    if (offset === null) throw new ItxError('NOT_FOUND', 'all events of this stream are older', { path })
    return offset
  }
}

function jumpLabel(jump: Jump, zone: string): string {
  if (jump.kind === 'offset') return `Go to offset ${jump.offset}`
  const { day, clock, offset } = inZone(new Date(jump.time).toISOString(), zone)
  return `Go to ${day} ${clock} ${offset}`
}

/** Streams that were open lately, then others, then what was typed as a path: each once. */
function streamLines(
  text: string,
  recent: readonly string[],
  all: readonly string[],
  open: (path: string) => void,
): readonly LineGroup[] {
  const listed = new Set<string>()
  const group = (title: string, kind: string, found: readonly Found[]): LineGroup => {
    const fresh = found.filter(({ path }) => !listed.has(path))
    for (const { path } of fresh) listed.add(path)
    return {
      title,
      lines: fresh.map(({ path, at }) => {
        const label = visibleName(path)
        // Where something had to be made visible, positions are others.
        return { id: `${kind}-${path}`, label, at: label === path ? at : [], mono: true, run: () => open(path) }
      }),
    }
  }
  const typed = pathOf(text)
  return [
    group('Recent', 'recent', matching(text, recent)),
    group('Streams', 'stream', text === '' ? [] : matching(text, all)),
    group('By its path', 'typed', typed === null ? [] : [{ path: typed, at: [] }]),
  ]
}

interface Found {
  readonly path: string
  readonly at: readonly number[]
}

function matching(text: string, paths: readonly string[]): readonly Found[] {
  return paths
    .flatMap((path) => {
      const match = fuzzyMatch(text, path)
      return match === null ? [] : [{ path, ...match }]
    })
    .toSorted((a, b) => b.score - a.score)
    .slice(0, MOST)
}

function actionLines(text: string, shortcuts: readonly Shortcut[], onClose: () => void): readonly Line[] {
  return shortcuts
    .flatMap(({ keys, label, run }) => {
      const match = wordsMatch(text, label)
      if (match === null || keys === 'mod+k') return []
      const act = () => {
        onClose()
        run()
      }
      const id = `action-${label.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`
      return [{ id, label, at: match.at, keys, run: act, score: match.score }]
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
