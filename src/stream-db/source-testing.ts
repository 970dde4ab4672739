import type { SourceListener, SourceOptions, SourcePlace, SourceReading, StreamSource } from './source.ts'

/**
 * A source that says what a test tells it to, in order and one thing at a time, as a real one does. Every step resolves
 * when the listener is done with it, so that no test has to wait for the clock.
 */
export class ScriptedSource implements StreamSource {
  readonly id: string
  /** How it was opened, each time. */
  readonly openings: SourceOptions[] = []
  /** What the end of a reading has to wait for. */
  ending: Promise<void> = Promise.resolve()
  #listener: SourceListener | null = null
  #turn: Promise<void> = Promise.resolve()
  #offset = 0

  constructor(id = 'scripted') {
    this.id = id
  }

  get isOpen(): boolean {
    return this.#listener !== null
  }

  open(options: SourceOptions, listener: SourceListener): SourceReading {
    if (this.#listener !== null) throw new Error(`${this.id} is being read already`)
    this.#listener = listener
    this.openings.push(options)
    return { close: () => this.#close(listener) }
  }

  /** Values that came in one piece; the offset counts them, unless the test gives a place of its own. */
  push(
    messages: readonly unknown[],
    { upToDate = true, closed = false, place }: { upToDate?: boolean; closed?: boolean; place?: SourcePlace } = {},
  ): Promise<void> {
    this.#offset += messages.length
    const batch = { messages, upToDate, closed, place: place ?? { offset: String(this.#offset), life: 'first' } }
    return this.#next((listener) => listener.batch(batch))
  }

  restart(): Promise<void> {
    this.#offset = 0
    return this.#next((listener) => listener.restarted())
  }

  connected(is: boolean): Promise<void> {
    return this.#next((listener) => listener.connected(is))
  }

  /** Fails for good: the reading is over with it. */
  fail(error: Error): Promise<void> {
    return this.#next((listener) => {
      this.#listener = null
      listener.failed(error)
    })
  }

  #next(step: (listener: SourceListener) => void | Promise<void>): Promise<void> {
    const said = this.#turn.then(() => (this.#listener === null ? undefined : step(this.#listener)))
    this.#turn = said.catch(() => undefined)
    return said
  }

  async #close(listener: SourceListener): Promise<void> {
    if (this.#listener === listener) this.#listener = null
    await Promise.all([this.#turn, this.ending])
  }
}
