import type { SourceBatch, SourceListener, SourcePlace } from './source.ts'

/** A listener that keeps what it is told, in order. Its next batches can be held up, or refused. */
export class Recorder implements SourceListener {
  readonly batches: SourceBatch[] = []
  /** Messages since the last life began. */
  messages: unknown[] = []
  readonly connections: boolean[] = []
  restarts = 0
  failure: Error | null = null
  /** Awaited before a batch counts as taken. */
  taking: (batch: SourceBatch) => void | Promise<void> = () => {}
  /** Batches that are being taken at this moment, and the most there ever were. */
  inside = 0
  mostInside = 0

  async batch(batch: SourceBatch): Promise<void> {
    this.mostInside = Math.max(this.mostInside, ++this.inside)
    await this.taking(batch)
    this.inside--
    this.batches.push(batch)
    // Not spread: there may be more of them than a call can have arguments.
    for (const message of batch.messages) this.messages.push(message)
  }

  restarted(): void {
    this.restarts++
    this.messages = []
  }

  connected(is: boolean): void {
    this.connections.push(is)
  }

  failed(error: Error): void {
    this.failure = error
  }

  get last(): SourceBatch | undefined {
    return this.batches.at(-1)
  }

  /** Where it has come to. */
  get place(): SourcePlace {
    if (!this.last) throw new Error('nothing was read yet')
    return this.last.place
  }

  get isUpToDate(): boolean {
    return this.last?.upToDate === true
  }
}
