import { resolve } from 'node:path'
import type { ItxClient } from '../itx/client/connect.ts'
import { ItxError, itxErrorDetails } from '../streams/errors.ts'
import type { EncodedInput } from '../streams/event.ts'
import { appendEntries } from './append-command.ts'
import { type Arguments, connect, numberOption, serverUrl } from './arguments.ts'
import { agentRun } from './demo-agent.ts'
import { gitHistory } from './demo-git.ts'
import { localToken } from './local-commands.ts'
import { say } from './output.ts'

const COMMITS_PATH = '/repos/tributary/commits'
/** Milliseconds of one unit of the agent's time: a run takes about a minute. */
const DEFAULT_PACE_MS = 350

/**
 * `demo`: feeds two real things into the project `demo`: the git history of this repository, of which a second run adds
 * only what is new, and a run of an agent, at a pace one can watch.
 */
export async function demoCommand(args: Arguments): Promise<void> {
  const pace = numberOption(args, 'pace', 0) ?? DEFAULT_PACE_MS
  const agent = args.option('agent') ?? 'ada'
  const project = args.option('project') ?? 'demo'
  const token = args.option('token') ?? process.env['TRIBUTARY_TOKEN'] ?? localToken(project, 'editor', 'demo')
  const client = connect({ ...args, option: (name) => (name === 'project' ? project : args.option(name)) }, token)
  try {
    if (!args.has('no-git')) await appendHistory(client).catch(leftOutWithoutGit)
    await playAgent(client, agent, pace, `${serverUrl(args)}/projects/${project}/streams`)
  } finally {
    client.close()
  }
}

async function appendHistory(client: ItxClient): Promise<void> {
  // A key that stands for other content would mean that history was rewritten: that is worth stopping for.
  await appendEntries(client, COMMITS_PATH, numbered(gitHistory(resolve(import.meta.dirname, '../..'))), {
    compareDuplicates: true,
  })
}

/** Who has the sources without their history, from an archive or in a container, has the agent still. */
function leftOutWithoutGit(error: unknown): void {
  if (itxErrorDetails(error)?.['reason'] !== 'git') throw error
  say(`${COMMITS_PATH}: left out, ${error instanceof Error ? error.message : String(error)}`)
}

async function* numbered(inputs: AsyncIterable<EncodedInput>) {
  let line = 0
  for await (const input of inputs) yield { line: ++line, input }
}

async function playAgent(client: ItxClient, agent: string, pace: number, pages: string): Promise<void> {
  const { path, run } = await nextRun(client, agent)
  say(`${path}: playing a run; watch it at ${pages}${path}`)
  const steps = agentRun(agent, run)
  for (const { pause, event } of steps) {
    if (pace > 0) await new Promise((done) => setTimeout(done, pause * pace))
    await client.append(path, [event])
  }
  say(`${path}: ${steps.length} appended`)
}

/** The first number under which this agent has no run yet, its stream created: two demos at once take two numbers. */
async function nextRun(client: ItxClient, agent: string): Promise<{ path: string; run: number }> {
  const known = await client.children(`/agents/${agent}/runs`, { limit: 1 })
  for (let run = known.total + 1; run <= known.total + 1000; run++) {
    const path = `/agents/${agent}/runs/${run}`
    const { created } = await client.create(path)
    if (created) return { path, run }
  }
  throw new ItxError('CONFLICT', `no free run number for ${agent}`, { reason: 'runs' })
}
