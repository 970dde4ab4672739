import type { StreamPath } from '../../path.ts'

type Sources = readonly (readonly [id: number, path: StreamPath])[]

/** Which forks read which logs: as long as one is named here, it is kept. */
export class MemoryForks {
  readonly #sources = new Map<number, Sources>()

  copy(): MemoryForks {
    const copy = new MemoryForks()
    for (const [id, sources] of this.#sources) copy.#sources.set(id, sources)
    return copy
  }

  insert(forkId: number, sources: Sources): void {
    this.#sources.set(forkId, sources)
  }

  /** Whether a fork reads the log of a stream number. */
  isRead(id: number): boolean {
    return this.#some(([each]) => each === id)
  }

  /** Whether a fork reads a log that belongs to a path, or did. */
  reads(path: StreamPath): boolean {
    return this.#some(([, each]) => each === path)
  }

  /** Forgets forks whose logs are discarded and that no other fork reads: the last of a chain first, then its source. */
  forgetGone(discarded: ReadonlySet<number>): void {
    for (;;) {
      const gone = [...this.#sources.keys()].filter((id) => discarded.has(id) && !this.isRead(id))
      if (gone.length === 0) return
      for (const id of gone) this.#sources.delete(id)
    }
  }

  #some(passes: (source: Sources[number]) => boolean): boolean {
    return [...this.#sources.values()].some((sources) => sources.some(passes))
  }
}
