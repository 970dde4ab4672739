import type { Refusal } from '../../itx/handle.ts'
import { visibleName } from '../stream/foreign-text.ts'
import { formatCount } from '../ui/formats.ts'
import { Panel } from '../ui/panel.tsx'
import { type Column, Table } from '../ui/table.tsx'

/** What the reasons of our errors mean, for those that stand here most. */
const WORDS: Readonly<Record<string, string>> = {
  'CONFLICT paused': 'The stream is paused',
  'CONFLICT breaker': 'More came than its breaker lets through',
  'CONFLICT closed': 'The stream is closed',
  'CONFLICT precondition': 'Not at the offset that was expected',
  'CONFLICT content-type': 'Not of the content type of the stream',
  'CONFLICT producer-gap': 'A number of its producer was left out',
  'CONFLICT stream-seq': 'Not after the one before, by its sequence',
  'FORBIDDEN producer-fenced': 'A newer producer has taken over',
  'FORBIDDEN role': 'The role may not append',
  'BAD_REQUEST too-large': 'Too large',
}
/** The same for what has no reason, or another. */
const BY_CODE: Readonly<Record<Refusal['code'], string>> = {
  BAD_REQUEST: 'Not a valid event',
  CONFLICT: 'In conflict with what the stream holds',
  FORBIDDEN: 'Not allowed',
  NOT_FOUND: 'There is no such stream',
  RATE_LIMITED: 'Too many calls',
  UNAVAILABLE: 'The server could not store it',
  INTERNAL: 'The server failed',
}

const COLUMNS: readonly Column<Refusal>[] = [
  {
    id: 'cause',
    head: 'Why',
    wide: true,
    cell: ({ code, reason }) => (
      <>
        {WORDS[`${code} ${reason}`] ?? BY_CODE[code]}{' '}
        <span className="font-mono text-micro text-faint">
          {code}
          {reason !== null && ` ${visibleName(reason)}`}
        </span>
      </>
    ),
  },
  { id: 'count', head: 'Appends', numeric: true, cell: ({ count }) => formatCount(count) },
]

/** Why appends were refused lately, the most frequent first; nothing where none was. */
export function RefusalCauses({ refusals }: { readonly refusals: readonly Refusal[] }) {
  if (refusals.length === 0) return null
  return (
    <Panel title="Why appends were refused" about="In the last 5 minutes" flush>
      <Table
        label="Why appends were refused"
        columns={COLUMNS}
        rows={refusals}
        rowId={({ code, reason }) => `${code} ${reason}`}
      />
    </Panel>
  )
}
