import type { ReactNode } from 'react'
import { DownIcon, SortIcon, UpIcon } from './icons.tsx'

export interface Column<Row> {
  /** Unique in its table. */
  readonly id: string
  /** The head, in words. */
  readonly head: string
  /** The head is for screen readers alone: for a column of buttons. */
  readonly headHidden?: boolean
  /**
   * What a row has here. A link of class `row-link` covers its whole row; other links and buttons of the row stay
   * reachable above it.
   */
  readonly cell: (row: Row) => ReactNode
  /** Numbers: at the end of the column, digits below digits. */
  readonly numeric?: boolean
  /** What can be left out where there is little room: hidden below 48 rem. */
  readonly minor?: boolean
  /** The one that may be cut off with an ellipsis, and takes the room that is left. */
  readonly wide?: boolean
  readonly sortable?: boolean
}

export interface Sorting {
  readonly by: string
  readonly descending: boolean
}

interface TableProps<Row> {
  /** What the rows are, for a screen reader: "Members of demo". */
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly rowId: (row: Row) => string
  /** What stands in the only row when there is none. */
  readonly empty?: ReactNode
  readonly sorting?: Sorting | undefined
  readonly onSort?: (sorting: Sorting) => void
  /** The row that is open beside the table. */
  readonly current?: string | undefined
}

/** Rows and columns, as HTML knows them. Too wide a table scrolls in itself; its head stays in sight. */
export function Table<Row>({ label, columns, rows, rowId, empty, sorting, onSort, current }: TableProps<Row>) {
  return (
    // A scrolled area must be reachable by keyboard, and so needs a name. No landmark: its panel is one.
    <div role="group" aria-label={label} tabIndex={0} className="table-area">
      <table className="table">
        <caption className="sr-only">{label}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} sorting={sorting} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.length === 0 && (
            <tr className="empty">
              <td colSpan={columns.length}>{empty ?? 'Nothing here yet.'}</td>
            </tr>
          )}
          {rows.map((row) => {
            const id = rowId(row)
            return (
              <tr key={id} aria-current={id === current ? 'true' : undefined}>
                {columns.map((column) => (
                  <td key={column.id} className={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

interface HeadProps<Row> {
  readonly column: Column<Row>
  readonly sorting: Sorting | undefined
  readonly onSort: ((sorting: Sorting) => void) | undefined
}

function Head<Row>({ column, sorting, onSort }: HeadProps<Row>) {
  const { id, head, headHidden = false, sortable = false } = column
  const mine = sorting?.by === id ? sorting : undefined
  if (!sortable || !onSort) {
    return (
      <th scope="col" className={classOf(column)}>
        {headHidden ? <span className="sr-only">{head}</span> : head}
      </th>
    )
  }
  return (
    <th
      scope="col"
      className={classOf(column)}
      aria-sort={mine ? (mine.descending ? 'descending' : 'ascending') : undefined}
    >
      <button type="button" onClick={() => onSort({ by: id, descending: mine ? !mine.descending : false })}>
        {head}
        {mine ? (
          mine.descending ? (
            <DownIcon className="size-3.5" />
          ) : (
            <UpIcon className="size-3.5" />
          )
        ) : (
          <SortIcon className="size-3.5 text-edge" />
        )}
      </button>
    </th>
  )
}

function classOf<Row>({ numeric, minor, wide }: Column<Row>): string | undefined {
  return [numeric && 'numeric', minor && 'minor', wide && 'wide'].filter(Boolean).join(' ') || undefined
}
