import { z } from 'zod'
import type { EffectContext } from '../processors/contract.ts'
import { type AnyProcessor, defineProcessor } from '../processors/contract.ts'
import { ProcessorRegistry } from '../processors/registry.ts'
import type { StreamPath } from '../path.ts'

/** What all processors of the simulation keep: how many events they were given, and the last of them. */
export interface Tally {
  readonly seen: number
  readonly last: number
}

export const NO_TALLY: Tally = { seen: 0, last: 0 }

/** The type of what effects append. Nothing consumes it. */
export const EFFECT = 'effect'

/** What decides about an effect: whether it fails, and when it goes on. */
export interface EffectFate {
  /** Throws before or after the effect's append, or lets it pass, now or later. */
  readonly before: (slug: string, offset: number) => Promise<void>
  readonly after: (slug: string, offset: number) => Promise<void>
}

/** What a processor consumes, and where its effects go. */
export interface Sample {
  readonly slug: string
  readonly consumes: readonly string[]
  readonly effects: 'none' | 'each' | 'batch'
  readonly to?: StreamPath
}

export const SAMPLES: readonly Sample[] = [
  { slug: 'count', consumes: ['*'], effects: 'none' },
  { slug: 'echo', consumes: ['x', 'z'], effects: 'each' },
  { slug: 'relay', consumes: ['y'], effects: 'batch', to: '/relayed' as StreamPath },
]

/** The next tally. Pure: the simulation folds the log with it, too. */
export function tally({ seen }: Tally, offset: number): Tally {
  return { seen: seen + 1, last: offset }
}

export function sampleOf(slug: string): Sample | undefined {
  return SAMPLES.find((each) => each.slug === slug)
}

export function consumes(sample: Sample, type: string): boolean {
  return sample.consumes.includes('*') || sample.consumes.includes(type)
}

/** The processors as the engine gets them. */
export function sampleRegistry(version: string, patterns: readonly string[], fate: EffectFate): ProcessorRegistry {
  return new ProcessorRegistry(
    SAMPLES.map((sample) => ({
      processor: processorOf(sample, version, fate),
      attachTo: sample.slug === 'count' ? [] : patterns,
    })),
  )
}

function processorOf(sample: Sample, version: string, fate: EffectFate): AnyProcessor {
  const { slug, to } = sample
  const act = async ({ event, append }: EffectContext<Tally, { offset: number }>) => {
    await fate.before(slug, event.offset)
    await append({ type: EFFECT, payload: { of: event.offset } }, to)
    await fate.after(slug, event.offset)
  }
  const parts = {
    slug,
    version,
    state: z.object({ seen: z.number(), last: z.number() }),
    initialState: NO_TALLY,
    consumes: sample.consumes,
    reduce: (state: Tally, event: { offset: number }) => tally(state, event.offset),
  }
  if (sample.effects === 'none') return defineProcessor(parts)
  if (sample.effects === 'each') return defineProcessor({ ...parts, processEvent: act })
  return defineProcessor({
    ...parts,
    processEventBatch: async ({ events }) => {
      for (const each of events) await act(each)
    },
  })
}
