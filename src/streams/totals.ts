import { type Scheduler, nextTurn } from './scheduler.ts'
import type { CommittedReader } from './storage/port.ts'

/** What a project holds. */
export interface ProjectTotals {
  readonly streams: number
  /** Events that can be read in them; of a fork, those it shares as well. */
  readonly events: number
}

/** Streams that are counted in one turn: a read of about a millisecond or two. */
const PAGE = 2000

export interface TotalsHost {
  readonly committed: Pick<CommittedReader, 'countEvents'>
  readonly scheduler: Scheduler
  /** @throws {ItxError} when the file was closed. */
  readonly checkOpen: () => void
}

/**
 * Counts all streams of a project and their events: a read of every row, page by page, so that others get their turns.
 * What is stored meanwhile may be counted or not.
 */
export async function countTotals({ committed, scheduler, checkOpen }: TotalsHost): Promise<ProjectTotals> {
  const total = { streams: 0, events: 0 }
  for (let after: number | null = 0; after !== null;) {
    checkOpen()
    const page = committed.countEvents(after, PAGE)
    total.streams += page.streams
    total.events += page.events
    after = page.last
    if (after !== null) await nextTurn(scheduler)
  }
  return total
}
