import { defineProcessor, schemaOf } from '../contract.ts'

/** Types that are counted by name; the state must stay small, whatever a producer invents. */
const MAX_TYPES = 500

export interface TypeCount {
  readonly count: number
  /** Offsets of the first and the newest event of the type. */
  readonly first: number
  readonly last: number
  /** When the newest came, ISO 8601. */
  readonly lastAt: string
}

export interface EventCounts {
  readonly total: number
  readonly types: Readonly<Record<string, TypeCount>>
  /** Events of types beyond the first 500. */
  readonly other: number
}

/** Counts the events of a stream by their types, the engine's own included. */
export const eventCounter = defineProcessor({
  slug: 'event-counter',
  version: '1',
  description: 'How many events of each type there are, and where the first and the newest of each is.',
  state: schemaOf((value): value is EventCounts => typeof (value as EventCounts | null)?.total === 'number', 'count'),
  initialState: { total: 0, types: {}, other: 0 },
  consumes: ['*'],
  reduce: ({ total, types, other }, { type, offset, createdAt }) => {
    const known = Object.hasOwn(types, type) ? types[type] : undefined
    if (!known && Object.keys(types).length >= MAX_TYPES) return { total: total + 1, types, other: other + 1 }
    const counted = { count: (known?.count ?? 0) + 1, first: known?.first ?? offset, last: offset, lastAt: createdAt }
    return { total: total + 1, types: { ...types, [type]: counted }, other }
  },
})
