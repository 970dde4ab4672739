import { itxErrorCode } from '../streams/errors.ts'
import type { ActiveStream, ParkedProcessor, ProjectOverview, Refusal } from './handle.ts'
import { catalogueRowsOf, count, fields, listOf, text } from './navigation-state.ts'

/** Numbers that are told of the whole project, one each second, and of one stream, one each 5 s. */
const PROJECT_NUMBERS = 300
const STREAM_NUMBERS = 60

/**
 * What a project is doing, read as leniently as navigation is: a home page must not break for a field that it could do
 * without. There are always 300 numbers of the project and 60 of a stream; what is missing is zero, at the old end.
 *
 * @param readAt when it was read, milliseconds since the epoch, for an answer that does not say when it was given
 */
export function overviewOf(answer: unknown, readAt: number = Date.now()): ProjectOverview {
  const told = fields(answer)
  const at = time(told['at']) ?? new Date(readAt).toISOString()
  const paused = catalogueRowsOf(told['paused'])
  const parked = listOf(told['parked']).flatMap(parkedOf)
  return {
    at,
    streams: count(told['streams']),
    appended: counts(told['appended'], PROJECT_NUMBERS),
    since: time(told['since']) ?? at,
    subscribers: count(told['subscribers']),
    subscribed: counts(told['subscribed'], PROJECT_NUMBERS),
    refused: counts(told['refused'], PROJECT_NUMBERS),
    refusals: listOf(told['refusals']).flatMap(refusalOf),
    recent: listOf(told['recent']).flatMap(activeOf),
    busiest: listOf(told['busiest']).flatMap(activeOf),
    paused,
    pausedCount: Math.max(paused.length, count(told['pausedCount'])),
    parked,
    parkedCount: Math.max(parked.length, count(told['parkedCount'])),
  }
}

function activeOf(value: unknown): ActiveStream[] {
  const active = fields(value)
  return catalogueRowsOf([active['row']]).map((row) => ({ row, appended: counts(active['appended'], STREAM_NUMBERS) }))
}

function refusalOf(value: unknown): Refusal[] {
  const told = fields(value)
  const code = itxErrorCode(told)
  return code === undefined ? [] : [{ code, reason: text(told['reason']), count: count(told['count']) }]
}

function parkedOf(value: unknown): ParkedProcessor[] {
  const told = fields(value)
  const path = text(told['path'])
  const processor = text(told['processor'])
  // Without both there is nothing that could be opened, or set going again.
  if (!path?.startsWith('/') || processor === null) return []
  return [
    {
      path: path as ParkedProcessor['path'],
      processor,
      offset: count(told['offset']),
      error: text(told['error']) ?? '',
      at: time(told['at']) ?? '',
    },
  ]
}

/** So many counts, the newest at the end. */
function counts(value: unknown, length: number): number[] {
  const told = listOf(value).slice(-length).map(count)
  return [...Array.from({ length: length - told.length }, () => 0), ...told]
}

function time(value: unknown): string | null {
  const told = text(value)
  return told === null || Number.isNaN(Date.parse(told)) ? null : told
}
