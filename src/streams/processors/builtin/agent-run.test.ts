// oxlint-disable vitest/expect-expect -- given/when/then is the assertion
import { describe, expect, test } from 'vitest'
import { agentRun as demoRun } from '../../../cli/demo-agent.ts'
import { given } from '../../../testing/index.ts'
import { type AgentRun, agentRun } from './agent-run.ts'

// The summary of a run must be right for the demo, and for frameworks that say less, more, or nonsense.

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
const started = { type: 'agent/run-started', payload: { agent: 'ada', model: 'river', task: 'find it' } } as const
const step = { type: 'agent/step-started', payload: {} } as const

const RUNNING: AgentRun = {
  status: 'running',
  agent: 'ada',
  model: 'river',
  task: 'find it',
  steps: 0,
  toolCalls: 0,
  toolFailures: 0,
  tokens: 0,
  cost: null,
  startedAt: at(0),
  finishedAt: null,
  durationMs: 0,
  summary: null,
  error: null,
}

test("sums up the demo's whole run", () => {
  const events = demoRun('ada', 1).map(({ event }) => event) as Parameters<
    typeof given<AgentRun, 'agent/tokens', {}>
  >[1][]
  const last = events.at(-1)?.payload as { tokens: number; cost: { currency: string; amount: number } }
  given(agentRun, ...(events as never[]))
    .when([])
    .then({
      status: 'completed',
      agent: 'ada',
      model: 'river-2-large',
      task: 'Find out why checkout fails for carts with more than 50 items, and propose a fix.',
      steps: 4,
      toolCalls: 4,
      toolFailures: 1,
      tokens: last.tokens,
      cost: last.cost,
      startedAt: at(0),
      finishedAt: at(events.length - 1),
      durationMs: (events.length - 1) * 1000,
      summary: 'Prices are fetched in one batch.',
      error: null,
    })
  expect(last.tokens).toBeGreaterThan(50)
  expect(events.length).toBeGreaterThan(30)
})

describe('while it runs', () => {
  test('it waits until something happens', () => {
    given(agentRun)
      .when([])
      .thenState(({ status, startedAt }) => expect([status, startedAt]).toEqual(['waiting', null]))
  })

  test('counts steps, calls and failures, and how long it takes', () => {
    given(agentRun, started)
      .when([
        step,
        { type: 'agent/tool-called', payload: { name: 'search' } },
        { type: 'agent/tool-failed', payload: { name: 'search' } },
        { type: 'agent/tool-called', payload: { name: 'search' } },
        { type: 'agent/tool-returned', payload: {} },
        { type: 'agent/step-finished', payload: { tokens: 120 } },
      ])
      .then({ ...RUNNING, steps: 1, toolCalls: 2, toolFailures: 1, tokens: 120, durationMs: 6000 })
  })

  test('takes the number of a step where it is told, and the greatest total of tokens', () => {
    given(agentRun, started, { type: 'agent/step-started', payload: { step: 7 } })
      .when([
        { type: 'agent/step-finished', payload: { tokens: 120 } },
        { type: 'agent/step-finished', payload: { tokens: 90 } },
      ])
      .then({ ...RUNNING, steps: 7, tokens: 120, durationMs: 3000 })
  })

  test('runs from its first event when nobody said that it started', () => {
    given(agentRun)
      .when([step, { type: 'agent/tokens', payload: { text: 'hm' } }])
      .then({ ...RUNNING, agent: null, model: null, task: null, steps: 1, durationMs: 1000 })
  })
})

describe('the end', () => {
  test('by a failure has its message, as text or in an error', () => {
    given(agentRun, started)
      .when({ type: 'agent/run-failed', payload: { error: { code: 'E', message: 'no model' } } })
      .then({ ...RUNNING, status: 'failed', error: 'no model', finishedAt: at(1), durationMs: 1000 })
    given(agentRun, started)
      .when({ type: 'agent/run-failed', payload: { error: 'no model' } })
      .thenState(({ error }) => expect(error).toBe('no model'))
  })

  test('by a run that finished as failed has its message too', () => {
    given(agentRun, started)
      .when({ type: 'agent/run-finished', payload: { status: 'failed', error: 'out of steps', steps: 3 } })
      .then({ ...RUNNING, status: 'failed', error: 'out of steps', steps: 3, finishedAt: at(1), durationMs: 1000 })
  })

  test.each([
    ['agent/run-cancelled', undefined],
    ['agent/run-finished', { status: 'cancelled' }],
  ] as const)('by cancelling: %s', (type, payload) => {
    given(agentRun, started, step)
      .when({ type, payload })
      .then({ ...RUNNING, status: 'cancelled', steps: 1, finishedAt: at(2), durationMs: 2000 })
  })

  test('is not moved by what comes late', () => {
    given(agentRun, started, { type: 'agent/run-finished', payload: {} })
      .when([
        { type: 'agent/tokens', payload: {} },
        { type: 'agent/step-finished', payload: { tokens: 9 } },
      ])
      .then({ ...RUNNING, status: 'completed', tokens: 9, finishedAt: at(1), durationMs: 1000 })
  })

  test('is taken back by another step', () => {
    given(agentRun, started, { type: 'agent/run-finished', payload: {} })
      .when(step)
      .then({ ...RUNNING, steps: 1, durationMs: 2000 })
  })
})

test('a second run in the same stream begins from nothing', () => {
  given(agentRun, started, step, {
    type: 'agent/run-failed',
    payload: { error: 'no', tokens: 5, cost: { currency: 'EUR', amount: 1 } },
  })
    .when([{ type: 'agent/run-started', payload: { agent: 'bob' } }, step])
    .then({ ...RUNNING, agent: 'bob', model: null, task: null, steps: 1, startedAt: at(3), durationMs: 1000 })
})

describe('a framework that leaves things out, or says nonsense', () => {
  const nonsense = [undefined, null, 7, 'text', [], { agent: 7, model: {}, task: [] }]

  test.each(nonsense)('starts a run with unknowns: %j', (payload) => {
    given(agentRun)
      .when({ type: 'agent/run-started', payload })
      .then({ ...RUNNING, agent: null, model: null, task: null })
  })

  test.each([
    { steps: 'many', tokens: -1, cost: 7, summary: {} },
    { steps: null, tokens: null, cost: null, summary: null },
    { cost: { currency: 'EUR' } },
    { cost: { amount: 7 } },
    { cost: { currency: 7, amount: '7' } },
    'done',
  ])('ends a run with what was counted: %j', (payload) => {
    given(agentRun, started, step, { type: 'agent/step-finished', payload: { tokens: 12 } })
      .when({ type: 'agent/run-finished', payload })
      .then({ ...RUNNING, status: 'completed', steps: 1, tokens: 12, finishedAt: at(3), durationMs: 3000 })
  })

  test('keeps a state that stays small, whatever it writes', () => {
    const long = 'x'.repeat(100_000)
    given(agentRun)
      .when([
        { type: 'agent/run-started', payload: { agent: long, model: long, task: long } },
        { type: 'agent/run-failed', payload: { error: long } },
      ])
      .thenState((run) => expect(JSON.stringify(run).length).toBeLessThan(10_000))
  })

  test('does not cut a character in two', () => {
    given(agentRun)
      .when({ type: 'agent/run-started', payload: { task: `${'x'.repeat(1999)}🐟` } })
      .thenState(({ task }) => expect(task?.isWellFormed()).toBe(true))
  })
})
