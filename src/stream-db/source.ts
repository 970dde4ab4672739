/**
 * What lies between a stream and the database that is made of it. A source comes back by itself after every break, and says
 * each thing once and in order; it knows nothing of what the messages mean.
 */
export interface StreamSource {
  /** Names the stream among all others, for ids of collections: its URL, or project and path. */
  readonly id: string

  /**
   * Begins to read. One reading at a time.
   *
   * @throws when a reading of this source is still open
   */
  open(options: SourceOptions, listener: SourceListener): SourceReading
}

export interface SourceOptions {
  /** Where to begin; the start of the stream when absent. */
  readonly from?: SourcePlace
  /** Goes on when the end is reached; else it is over with the first batch that is up to date. */
  readonly live: boolean
}

/** A place in a stream, as it can be kept and come back to. */
export interface SourcePlace {
  /** After everything that was read: what a source named, passed back as it is. */
  readonly offset: string
  /** The life of the stream that the offset belongs to, where its source can tell; another one begins anew. */
  readonly life?: string
}

export interface SourceBatch {
  /** JSON values, in the order of the stream. May be none. */
  readonly messages: readonly unknown[]
  /** Where the batch ends. */
  readonly place: SourcePlace
  /** There is nothing more at the moment. */
  readonly upToDate: boolean
  /** There will never be more: the end of the stream. Nothing follows. */
  readonly closed: boolean
}

export interface SourceListener {
  /** Called again only after what it answered has settled. */
  batch(batch: SourceBatch): void | Promise<void>
  /**
   * The stream has begun a new life: it was reset, or deleted and made anew. All that was said before is void; what comes
   * next is its log from the start.
   */
  restarted(): void | Promise<void>
  /** Whether it is connected, as often as that changes. */
  connected(is: boolean): void
  /** Nothing comes any more and trying again cannot help: no right, no such stream, no JSON stream. At most once. */
  failed(error: Error): void
}

export interface SourceReading {
  /** Ends the reading; resolves when nothing is under way any more. A second call does nothing. */
  close(): Promise<void>
}
