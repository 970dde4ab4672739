import type { ProjectAccess } from '../itx/project-access.ts'
import { type StreamLife, StreamTail, type TailListener } from '../itx/stream-tail.ts'
import type { EncodedEvent } from '../streams/event.ts'
import { type Control, Frame, type SseForm } from './sse-frame.ts'
import type { SseReader } from './sse-reader.ts'
import { currentInterval } from './stream-cursor.ts'

type Streams = ReturnType<ProjectAccess['streams']>

interface SseStream extends StreamLife {
  readonly form: SseForm
  /** How long a reader hears nothing, at most. */
  readonly keepAliveMs: number
}

/**
 * All readers of one stream's events over HTTP. What happens at the tail is put into words once and written to each that
 * stands there; who is behind reads pages until it does.
 */
export class SseHub implements TailListener {
  static readonly #all = new WeakMap<StreamTail, SseHub>()

  readonly streams: Streams
  readonly stream: SseStream
  readonly tail: StreamTail
  readonly #readers = new Set<SseReader>()
  #timer: ReturnType<typeof setInterval> | undefined
  #spoke = false

  private constructor(streams: Streams, stream: SseStream, tail: StreamTail) {
    this.streams = streams
    this.stream = stream
    this.tail = tail
  }

  /** The hub of a stream. Who asks enters it in the same turn. */
  static of(streams: Streams, stream: SseStream): SseHub {
    const tail = StreamTail.of(streams, stream)
    const hub = this.#all.get(tail) ?? new SseHub(streams, stream, tail)
    this.#all.set(tail, hub)
    return hub
  }

  enter(reader: SseReader): void {
    if (this.#readers.size === 0) {
      this.tail.join(this)
      this.#timer = setInterval(() => this.#keepAlive(), this.stream.keepAliveMs)
      this.#timer.unref()
    }
    this.#readers.add(reader)
  }

  leave(reader: SseReader): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return
    clearInterval(this.#timer)
    this.tail.leave(this)
  }

  news(events: readonly EncodedEvent[], from: number): void {
    this.#spoke = true
    const frame = this.frame(events, this.tail.visible)
    for (const reader of this.#readers) reader.news(frame, events, from)
  }

  ended(): void {
    for (const reader of this.#readers) reader.cut()
  }

  /**
   * What is said to a reader whose last event is `offset` then.
   *
   * @param toEnd whether the events were the last, as far as whoever read them could see
   */
  frame(events: readonly EncodedEvent[], offset: number, { toEnd = true } = {}): Frame {
    const { closed, lastVisible } = this.tail
    const atEnd = offset >= lastVisible
    const control: Control = { offset, upToDate: atEnd && toEnd, closed: atEnd && closed }
    return new Frame(events, this.stream.form, control, currentInterval(Date.now()))
  }

  /** So that neither a proxy nor the client takes the silence for the end. */
  #keepAlive(): void {
    // Whoever waits for it reads it.
    if (this.tail.expires) this.streams.touch(this.stream.path)
    const idle = !this.#spoke
    this.#spoke = false
    if (!idle) return
    const frame = this.frame([], this.tail.visible)
    for (const reader of this.#readers) reader.news(frame, [], this.tail.position)
  }
}
