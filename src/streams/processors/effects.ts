import type { EventInput, Receipt, StreamEvent } from '../event.ts'
import { encodeInput } from '../event-input.ts'
import { parsePath } from '../path.ts'
import type { StreamRef } from '../storage/port.ts'
import type { EffectContext, RunnableProcessor } from './contract.ts'
import type { ProcessorPorts } from './ports.ts'

/** What a processor's effects get for one event. */
export function effectContext(
  ports: ProcessorPorts,
  processor: RunnableProcessor,
  { path, incarnationId }: StreamRef,
  signal: AbortSignal,
  moment: { readonly event: StreamEvent; readonly before: unknown; readonly after: unknown },
): EffectContext<unknown, StreamEvent> {
  const { slug, version } = processor
  let appended = 0
  return {
    ...moment,
    stream: { path, incarnationId },
    signal,
    append: async (events: EventInput | readonly EventInput[], to?: string): Promise<readonly Receipt[]> => {
      // An effect that outlives its generation must not act beside the one that took over.
      signal.throwIfAborted()
      const inputs = (Array.isArray(events) ? events : [events]) as readonly EventInput[]
      const encoded = inputs.map((input) =>
        encodeInput({
          ...input,
          source: { processor: { slug, version } },
          idempotencyKey: input.idempotencyKey ?? `${slug}/${incarnationId}@${moment.event.offset}/${appended++}`,
        }),
      )
      return ports.append(to === undefined ? path : parsePath(to), encoded)
    },
  }
}
