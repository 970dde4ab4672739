import { CALLER_CORE_TYPES, checkCallerCoreEvent, isCoreType } from '../streams/core/core-events.ts'
import { type EncodedEvent, type EncodedInput, type Receipt, decodeEvent } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'
import type { EffectContext, RunnableProcessor } from '../streams/processors/contract.ts'
import { effectContext } from '../streams/processors/effects.ts'
import type { ProcessorPorts } from '../streams/processors/ports.ts'
import type { Step } from './reduction.ts'

/** An event that an effect appended. */
export interface Appended {
  /** The path of the stream it went to. */
  readonly to: string
  readonly type: string
  readonly payload?: unknown
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly idempotencyKey: string
}

/** The one life that the stream of a test has. */
const INCARNATION = 'test'

/** Runs effects in a context of their own, in which an append stores nothing and is remembered. */
export class RecordedEffects {
  readonly appended: Appended[] = []
  readonly #processor: RunnableProcessor
  readonly #path: StreamPath
  readonly #logs = new Map<StreamPath, { maxOffset: number; readonly keys: Map<string, Receipt> }>()
  #now: string

  /** `newest` is the last event of the processor's own stream. */
  constructor(processor: RunnableProcessor, path: StreamPath, newest: EncodedEvent | undefined) {
    this.#processor = processor
    this.#path = path
    this.#now = newest?.createdAt ?? new Date(0).toISOString()
    this.#logs.set(path, { maxOffset: newest?.offset ?? 0, keys: new Map() })
  }

  /** Acts on what was reduced, as the server does: one event after the other, or all at once. Rejects as an effect does. */
  async run(steps: readonly Step[]): Promise<void> {
    const { processEvent, processEventBatch } = this.#processor
    const contexts = steps.map((step) => this.#context(step))
    const [first, last] = [steps[0], steps.at(-1)]
    if (processEvent) for (const context of contexts) await processEvent(context)
    else if (processEventBatch && first && last) {
      const batch = contexts as unknown as readonly EffectContext<unknown, never>[]
      const { stream, signal } = contexts[0] as EffectContext<unknown, never>
      await processEventBatch({ events: batch, before: first.before, after: last.after, stream, signal })
    }
  }

  #context(step: Step) {
    const stream = { id: 1, path: this.#path, incarnationId: INCARNATION }
    const ports: Pick<ProcessorPorts, 'append'> = { append: async (to, inputs) => this.#append(to, inputs) }
    return effectContext(ports as ProcessorPorts, this.#processor, stream, new AbortController().signal, step)
  }

  #append(to: StreamPath, inputs: readonly EncodedInput[]): readonly Receipt[] {
    for (const input of inputs) if (isCoreType(input.type)) checkCallerCoreEvent(input, new Set(CALLER_CORE_TYPES))
    const log = this.#logs.get(to) ?? { maxOffset: 0, keys: new Map<string, Receipt>() }
    this.#logs.set(to, log)
    return inputs.map((input) => {
      // Every one has a key by now: its own, or one made of the event it was appended for.
      const key = input.idempotencyKey ?? ''
      const twin = log.keys.get(key)
      if (twin) return { ...twin, duplicate: true }
      const receipt = { offset: ++log.maxOffset, createdAt: this.#now, duplicate: false }
      log.keys.set(key, receipt)
      const { type, payload, metadata } = decodeEvent({ ...input, ...receipt })
      const given = { ...(payload === undefined ? {} : { payload }), ...(metadata === undefined ? {} : { metadata }) }
      this.appended.push({ to, type, ...given, idempotencyKey: key })
      return receipt
    })
  }
}
