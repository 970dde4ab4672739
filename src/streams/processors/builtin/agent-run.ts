import type { StreamEvent } from '../../event.ts'
import { defineProcessor, schemaOf } from '../contract.ts'

export type RunStatus = 'waiting' | 'running' | 'completed' | 'failed' | 'cancelled'

/** What a person wants to know of a run at a glance. */
export interface AgentRun {
  readonly status: RunStatus
  readonly agent: string | null
  readonly model: string | null
  readonly task: string | null
  readonly steps: number
  readonly toolCalls: number
  readonly toolFailures: number
  readonly tokens: number
  readonly cost: { readonly currency: string; readonly amount: number } | null
  /** ISO 8601. */
  readonly startedAt: string | null
  readonly finishedAt: string | null
  /** From the first event of the run to the newest, in milliseconds. */
  readonly durationMs: number
  readonly summary: string | null
  readonly error: string | null
}

const WAITING: AgentRun = {
  status: 'waiting',
  agent: null,
  model: null,
  task: null,
  steps: 0,
  toolCalls: 0,
  toolFailures: 0,
  tokens: 0,
  cost: null,
  startedAt: null,
  finishedAt: null,
  durationMs: 0,
  summary: null,
  error: null,
}

/**
 * Sums up the run of an agent from events `agent/…` as the demo writes them. What a framework leaves out of a payload
 * stays unknown: no run is stopped by a missing number.
 */
export const agentRun = defineProcessor({
  slug: 'agent-run',
  version: '1',
  description: 'Status, steps, tool calls, tokens, cost and duration of the run of an agent.',
  state: schemaOf((value): value is AgentRun => typeof (value as AgentRun | null)?.status === 'string', 'run'),
  initialState: WAITING,
  consumes: [
    'agent/run-started',
    'agent/step-started',
    'agent/step-finished',
    'agent/tokens',
    'agent/tool-called',
    'agent/tool-returned',
    'agent/tool-failed',
    'agent/run-finished',
    'agent/run-failed',
    'agent/run-cancelled',
  ],
  reduce: (run, event): AgentRun => {
    const payload = fieldsOf(event.payload)
    if (event.type === 'agent/run-started') {
      return {
        ...WAITING,
        status: 'running',
        agent: text(payload['agent']),
        model: text(payload['model']),
        task: text(payload['task']),
        startedAt: event.createdAt,
      }
    }
    return timed(next(run, event.type, payload), event)
  },
})

function next(run: AgentRun, type: string, payload: Readonly<Record<string, unknown>>): AgentRun {
  switch (type) {
    case 'agent/step-started':
      return { ...run, status: 'running', steps: Math.max(run.steps + 1, number(payload['step']) ?? 0) }
    case 'agent/step-finished':
      // A running total, as frameworks report it.
      return { ...run, tokens: Math.max(run.tokens, number(payload['tokens']) ?? 0) }
    case 'agent/tool-called':
      return { ...run, toolCalls: run.toolCalls + 1 }
    case 'agent/tool-failed':
      return { ...run, toolFailures: run.toolFailures + 1 }
    case 'agent/run-finished':
      return {
        ...finished(run, payload),
        status: statusOf(payload['status']),
        summary: text(payload['summary']),
        error: errorOf(payload['error']),
      }
    case 'agent/run-failed':
      return { ...finished(run, payload), status: 'failed', error: errorOf(payload['error']) }
    case 'agent/run-cancelled':
      return { ...finished(run, payload), status: 'cancelled' }
    default:
      return run
  }
}

function finished(run: AgentRun, payload: Readonly<Record<string, unknown>>): AgentRun {
  const cost = fieldsOf(payload['cost'])
  const [currency, amount] = [text(cost['currency']), number(cost['amount'])]
  return {
    ...run,
    steps: number(payload['steps']) ?? run.steps,
    tokens: number(payload['tokens']) ?? run.tokens,
    cost: currency === null || amount === null ? run.cost : { currency, amount },
  }
}

function timed(run: AgentRun, { createdAt }: Pick<StreamEvent, 'createdAt'>): AgentRun {
  const startedAt = run.startedAt ?? createdAt
  const over = run.status !== 'running' && run.status !== 'waiting'
  return {
    ...run,
    startedAt,
    finishedAt: over ? (run.finishedAt ?? createdAt) : null,
    durationMs: Date.parse(over ? (run.finishedAt ?? createdAt) : createdAt) - Date.parse(startedAt),
  }
}

function statusOf(status: unknown): RunStatus {
  return status === 'failed' || status === 'cancelled' ? status : 'completed'
}

function errorOf(error: unknown): string | null {
  return text(error) ?? text(fieldsOf(error)['message'])
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

/** The beginning of a text, a character that the cut would halve made whole by the replacement character. */
function text(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, 2000).toWellFormed() : null
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
}
