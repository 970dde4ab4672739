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
