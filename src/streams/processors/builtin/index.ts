import { ItxError } from '../../errors.ts'
import type { AnyProcessor } from '../contract.ts'
import type { ProcessorRegistration } from '../registry.ts'
import { agentRun } from './agent-run.ts'
import { eventCounter } from './event-counter.ts'
import { stateProtocol } from './state-protocol.ts'

/** The processors that every server has. None is attached to anything by itself. */
export const BUILT_IN: readonly ProcessorRegistration[] = [
  { processor: eventCounter },
  { processor: agentRun },
  { processor: stateProtocol },
]

/** What users list: a processor, or one with patterns that attach it; a built-in one may be named by its slug. */
export type ProcessorEntry =
  | AnyProcessor
  | { readonly processor: AnyProcessor | string; readonly attachTo?: readonly string[] }

/**
 * The built-in processors, attached as the entries say, and the others behind them.
 *
 * @throws {ItxError} BAD_REQUEST for a name that no built-in processor has.
 */
export function withBuiltIns(entries: readonly ProcessorEntry[]): readonly ProcessorRegistration[] {
  const own: ProcessorRegistration[] = []
  const patterns = new Map<string, readonly string[]>()
  for (const entry of entries) {
    if (!('processor' in entry)) own.push({ processor: entry })
    else if (typeof entry.processor !== 'string') own.push({ ...entry, processor: entry.processor })
    else patterns.set(entry.processor, [...(patterns.get(entry.processor) ?? []), ...(entry.attachTo ?? [])])
  }
  const builtIn = BUILT_IN.map(({ processor }) => ({ processor, attachTo: patterns.get(processor.slug) ?? [] }))
  const unknown = [...patterns.keys()].find((name) => !BUILT_IN.some(({ processor }) => processor.slug === name))
  if (unknown === undefined) return [...builtIn, ...own]
  throw new ItxError('BAD_REQUEST', `there is no built-in processor named ${JSON.stringify(unknown)}`, {
    reason: 'processor',
  })
}
