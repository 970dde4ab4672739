import { PROCESSOR_ATTACHED, type PlannedEvent, type ProcessorAttachedPayload, coreEvent } from '../core/core-events.ts'
import { type CoreState, MAX_PROCESSORS } from '../core/state.ts'
import { ItxError } from '../errors.ts'
import type { StreamPath } from '../path.ts'
import { type AnyProcessor, type RunnableProcessor, runnable } from './contract.ts'

/** A processor and where it is attached by itself: to every stream whose path matches one of the patterns. */
export interface ProcessorRegistration {
  readonly processor: AnyProcessor
  /** `*` stands for one segment, a last `**` for any number of them, none included: `/runs/**`. */
  readonly attachTo?: readonly string[]
}

/** Which processors there are, and which of them a new stream gets. */
export class ProcessorRegistry {
  readonly #processors = new Map<string, RunnableProcessor>()
  readonly #patterns: { readonly processor: RunnableProcessor; readonly pattern: PathPattern }[] = []

  /** @throws {ItxError} BAD_REQUEST for a slug that is there twice, or a bad pattern. */
  constructor(registrations: readonly ProcessorRegistration[] = []) {
    for (const { processor: definition, attachTo = [] } of registrations) {
      const processor = runnable(definition)
      if (this.#processors.has(processor.slug)) {
        throw new ItxError('BAD_REQUEST', `there are two processors named ${processor.slug}`, { reason: 'slug' })
      }
      this.#processors.set(processor.slug, processor)
      for (const pattern of attachTo) this.#patterns.push({ processor, pattern: parsePattern(pattern) })
    }
  }

  get all(): readonly RunnableProcessor[] {
    return [...this.#processors.values()]
  }

  /** Whether any processor is attached by a pattern: where none is, no append has to look. */
  get hasPatterns(): boolean {
    return this.#patterns.length > 0
  }

  get(slug: string): RunnableProcessor | null {
    return this.#processors.get(slug) ?? null
  }

  /** What attaches to a stream by its path and was neither attached nor detached before: events for its log. */
  attachments(path: StreamPath, { processors }: CoreState): readonly PlannedEvent[] {
    return this.matching(path)
      .filter(({ slug }) => !processors.some((each) => each.slug === slug))
      .slice(0, MAX_PROCESSORS - processors.length)
      .map(attachedEvent)
  }

  /** The processors whose patterns match a path. */
  matching(path: StreamPath): readonly RunnableProcessor[] {
    const found = this.#patterns.filter(({ pattern }) => matches(pattern, path)).map(({ processor }) => processor)
    return [...new Set(found)]
  }
}

/** The event that attaches a processor to its stream. */
export function attachedEvent({ slug, version }: RunnableProcessor): PlannedEvent {
  const payload: ProcessorAttachedPayload = { slug, version }
  return coreEvent(PROCESSOR_ATTACHED, payload)
}

/** The segments of a pattern. */
type PathPattern = readonly string[]

const LITERAL = /^[A-Za-z0-9\-._~:@!$&'()*+,;=]+$/

/** @throws {ItxError} BAD_REQUEST naming the pattern and the rule. */
function parsePattern(text: string): PathPattern {
  const bad = (why: string) =>
    new ItxError('BAD_REQUEST', `pattern ${JSON.stringify(text)}: ${why}`, { reason: 'pattern' })
  if (typeof text !== 'string' || !text.startsWith('/')) throw bad('it must begin with a slash')
  if (text === '/') return []
  const segments = text.slice(1).split('/')
  for (const [index, segment] of segments.entries()) {
    if (segment === '**' && index < segments.length - 1) throw bad('** can only be its last segment')
    if (!LITERAL.test(segment) || segment === '.' || segment === '..') {
      throw bad(`segment ${JSON.stringify(segment)} can be in no path`)
    }
  }
  return segments
}

function matches(pattern: PathPattern, path: StreamPath): boolean {
  const segments = path === '/' ? [] : path.slice(1).split('/')
  const open = pattern.at(-1) === '**'
  const fixed = open ? pattern.slice(0, -1) : pattern
  if (open ? segments.length < fixed.length : segments.length !== fixed.length) return false
  return fixed.every((part, index) => part === '*' || part === segments[index])
}
