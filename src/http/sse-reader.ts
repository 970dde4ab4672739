import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Writable } from 'node:stream'
import { itxErrorCode } from '../streams/errors.ts'
import { type EncodedEvent, encodedBytes } from '../streams/event.ts'
import type { Control, Frame } from './sse-frame.ts'
import type { SseHub } from './sse-hub.ts'
import { SseOutlet } from './sse-outlet.ts'

/** What may lie unsent for one reader that stands at the tail. It is shared with all others that have not taken it. */
const MOST_UNSENT = 1024 * 1024
/** What may lie unsent for one that reads pages, before the next is read; about the size of a page as well. */
const PAGE_BYTES = 512 * 1024
const FIRST_PAGE_EVENTS = 100
const MOST_PAGE_EVENTS = 1000

interface ReaderOptions {
  /** Where it begins: after this visible event. */
  readonly after: number
  /** The cursor it is told, where the time's own would not do (`stream-cursor.ts`). */
  readonly cursor: number
  readonly onClose: () => void
  readonly log: (message: string, error: unknown) => void
}

/**
 * One reader of an event stream: behind, it reads pages at the pace of its connection; at the tail the hub writes to it.
 * It steps back when its connection takes less than it is sent, and comes forward again when that has gone out.
 *
 * Invariant: every visible event at or below `#through` was written to it once, in order, and none above it.
 */
export class SseReader {
  readonly #hub: SseHub
  readonly #outlet: SseOutlet
  readonly #cursor: number
  readonly #log: ReaderOptions['log']
  #through: number
  /** Its last visible event. */
  #visible: number
  #atTail = false
  #catchingUp = false
  #over = false
  #told: Control | null = null
  #pageEvents = FIRST_PAGE_EVENTS

  constructor(hub: SseHub, target: Writable, { after, cursor, onClose, log }: ReaderOptions) {
    this.#hub = hub
    this.#cursor = cursor
    this.#log = log
    this.#through = after
    this.#visible = after
    this.#outlet = new SseOutlet(target, {
      onDrain: () => {
        if (!this.#atTail) void this.#catchUp()
      },
      onClose: () => {
        this.#leave()
        onClose()
      },
    })
    hub.enter(this)
    void this.#catchUp()
  }

  /** The hub has news, or nothing for so long that it says so. */
  news(frame: Frame, events: readonly EncodedEvent[], from: number): void {
    if (!this.#atTail) return
    // It read a page that reached further than the hub had come by then.
    if (this.#through > from) return this.#rest(frame, events)
    this.#through = this.#hub.tail.position
    this.#write(frame)
    // What it will read as pages is about as large as what it could not take.
    if (!this.#atTail && events.length > 0) this.#pageEvents = eventsPerPage(events)
  }

  /** Ends it without a word: it may come back and will be told what it finds then. */
  cut(): void {
    this.#leave()
    this.#outlet.cut()
  }

  #rest(frame: Frame, events: readonly EncodedEvent[]): void {
    const rest = events.filter(({ offset }) => offset > this.#through)
    this.#through = Math.max(this.#through, this.#hub.tail.position)
    if (rest.length > 0) this.#write(this.#hub.frame(rest, frame.control.offset))
    else if (frame.control.closed) this.#write(this.#hub.frame([], this.#visible))
  }

  async #catchUp(): Promise<void> {
    if (this.#catchingUp) return
    this.#catchingUp = true
    try {
      await this.#hub.tail.ready
      while (!this.#over && !this.#join()) {
        if (this.#outlet.unsent > PAGE_BYTES) {
          this.#outlet.waitForDrain()
          break
        }
        await this.#page()
        // A thousand replays share the event loop with everything else.
        await nextTurn()
      }
    } catch (error) {
      const code = itxErrorCode(error)
      if (code === undefined || code === 'INTERNAL')
        this.#log(`an event stream of ${this.#hub.stream.path} failed`, error)
      this.cut()
    } finally {
      this.#catchingUp = false
    }
  }

  /** Takes its place at the tail, if it has everything that was told there. @returns whether there is no more to do. */
  #join(): boolean {
    const { tail } = this.#hub
    if (tail.visible > this.#through) return false
    this.#atTail = true
    this.#through = Math.max(this.#through, tail.position)
    const frame = this.#hub.frame([], this.#visible)
    const { upToDate, closed } = frame.control
    if (this.#told === null || closed || (upToDate && !this.#told.upToDate)) this.#write(frame)
    return true
  }

  async #page(): Promise<void> {
    const { streams, stream } = this.#hub
    const { events, nextCursor, maxOffset, incarnationId } = await streams.read(stream.path, {
      after: this.#through,
      limit: this.#pageEvents,
      visibleOnly: true,
    })
    if (this.#over) return
    if (incarnationId !== stream.incarnationId) return this.cut()
    this.#through = nextCursor ?? maxOffset
    const last = events.at(-1)
    if (!last) return
    this.#visible = last.offset
    this.#pageEvents = eventsPerPage(events)
    this.#write(this.#hub.frame(events, last.offset, { toEnd: nextCursor === null }))
  }

  #write(frame: Frame): void {
    this.#told = frame.control
    this.#visible = Math.max(this.#visible, frame.control.offset)
    let taken = true
    if (this.#cursor <= frame.cursor) taken = this.#outlet.write(frame.whole)
    else for (const chunk of frame.withCursor(String(this.#cursor))) taken = this.#outlet.write(chunk)
    if (frame.control.closed) {
      this.#leave()
      this.#outlet.end()
    } else if (!taken && this.#atTail && this.#outlet.unsent > MOST_UNSENT) {
      this.#atTail = false
      this.#outlet.waitForDrain()
    }
  }

  #leave(): void {
    this.#over = true
    this.#atTail = false
    this.#hub.leave(this)
  }
}

/** So many events of this size that a page holds about as much as may lie unsent. */
function eventsPerPage(events: readonly EncodedEvent[]): number {
  const bytes = events.reduce((sum, event) => sum + encodedBytes(event), 0)
  return Math.max(1, Math.min(MOST_PAGE_EVENTS, Math.floor((PAGE_BYTES * events.length) / Math.max(1, bytes))))
}
