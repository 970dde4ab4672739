import type { EventInput } from '../streams/event.ts'

/** An event and how long the agent takes before it, in units of the demo's pace. */
export interface AgentStep {
  readonly pause: number
  readonly event: EventInput
}

const MODEL = 'river-2-large'
const TASK = 'Find out why checkout fails for carts with more than 50 items, and propose a fix.'

const REASONING = [
  'The report names carts above 50 items. That smells like a limit, so I start with where the cart is validated.',
  'The validator has no limit, but the price service is called once for every item, one after the other.',
  'The call timed out. A timeout would explain the failures, and why only large carts see them. I try a smaller range.',
  'Confirmed: 51 calls at 40 ms leave no room inside the gateway timeout of 2 s. A batched call would take one trip.',
]

/**
 * A run of an agent as its framework would report it: steps, streamed tokens, tool calls, one that fails, and the end.
 * The same for the same name and number, so that two runs can be compared.
 */
export function agentRun(agent: string, run: number): AgentStep[] {
  const random = seeded(`${agent}/${run}`)
  const steps: AgentStep[] = []
  let tokens = 0
  let step = 0
  const emit = (type: string, payload: unknown, pause = 1) => {
    steps.push({
      pause,
      event: {
        type,
        payload,
        metadata: { correlationId: `${agent}-${run}` },
        idempotencyKey: `run-${run}-${steps.length + 1}`,
      },
    })
  }
  const think = (text: string) => {
    step++
    emit('agent/step-started', { step, kind: 'reasoning' }, 2)
    for (const chunk of text.match(/\S+(?:\s+\S+){0,4}\s*/g) ?? []) {
      tokens += Math.ceil(chunk.length / 4)
      emit('agent/tokens', { step, text: chunk }, 0.4 + random() * 0.4)
    }
    emit('agent/step-finished', { step, tokens }, 1)
  }
  const call = (name: string, input: unknown, output: unknown, error?: { code: string; message: string }) => {
    const id = `call_${agent}_${run}_${steps.length}`
    emit('agent/tool-called', { id, step, name, input }, 2)
    const durationMs = Math.round(80 + random() * 900)
    if (error) emit('agent/tool-failed', { id, step, name, error, durationMs }, 5)
    else emit('agent/tool-returned', { id, step, name, output, durationMs }, 3)
  }
  emit('agent/run-started', { agent, run, model: MODEL, task: TASK }, 0)
  think(REASONING[0] ?? '')
  call(
    'search_code',
    { query: 'validateCart', path: 'src/checkout' },
    { matches: [{ file: 'src/checkout/validate-cart.ts', line: 12 }] },
  )
  think(REASONING[1] ?? '')
  call('run_query', { sql: 'select count(*) from carts where items > 50 and status = $1', params: ['failed'] }, null, {
    code: 'TIMEOUT',
    message: 'the statement was cancelled after 5,000 ms',
  })
  think(REASONING[2] ?? '')
  call(
    'run_query',
    { sql: 'select count(*) from carts where items > 50 and created_at > $1', params: ['2026-11-01'] },
    { rows: [[418]] },
  )
  think(REASONING[3] ?? '')
  call(
    'write_patch',
    { file: 'src/checkout/price-items.ts' },
    { added: 14, deleted: 9, tests: { passed: 31, failed: 0 } },
  )
  const cost = { currency: 'USD', amount: Number((tokens * 0.000_012).toFixed(6)) }
  emit(
    'agent/run-finished',
    { status: 'completed', steps: step, tokens, cost, summary: 'Prices are fetched in one batch.' },
    2,
  )
  return steps
}

/** A small generator of numbers from 0 to 1: a run must not depend on chance. */
function seeded(seed: string): () => number {
  let state = 2166136261
  for (const character of seed) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 16777619)
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39)
    return ((state ^= state >>> 15) >>> 0) / 2 ** 32
  }
}
