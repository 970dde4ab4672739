import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AUDIT_PATH, SYSTEM_PROJECT_ID } from '../control-plane/audit.ts'
import { waitingAudit } from '../control-plane/audit-outbox.ts'
import { type ControlDatabase, openControlDatabase } from '../control-plane/database.ts'
import { listTokens } from '../control-plane/tokens.ts'
import { findProject } from '../control-plane/projects.ts'
import { StreamEngine } from '../streams/engine.ts'
import { parsePath } from '../streams/path.ts'
import { CHECKOUT, ServerProcess, eventually, runCli, temporaryDirectory } from './testing.ts'

// Acts of another process, and a server that is killed while it writes them down: each is told, and told once.

let dataDir: string
let control: ControlDatabase
let server: ServerProcess | undefined
beforeEach(() => {
  dataDir = temporaryDirectory()
  control = openControlDatabase(join(dataDir, 'control.db'), join(CHECKOUT, 'drizzle'))
})
afterEach(async () => {
  await kill()
  control.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function kill(): Promise<void> {
  server?.kill('SIGKILL')
  await server?.finished
  server = undefined
}

/** The ids of the tokens that the audit says were made, as often as it says so. */
async function tokensTold(): Promise<string[]> {
  const engine = new StreamEngine({ directory: join(dataDir, 'projects') })
  try {
    const { events } = await engine
      .project(SYSTEM_PROJECT_ID)
      .read(parsePath(AUDIT_PATH), { after: 0, limit: 1000, types: ['token/created'] })
    return events.map(({ payload = '{}' }) => String((JSON.parse(payload) as { tokenId?: unknown }).tokenId))
  } finally {
    engine.close()
  }
}

test('ten acts, and a kill somewhere between each and its event in the stream', async () => {
  const env = { TRIBUTARY_DATA_DIR: dataDir }
  const create = ['token', 'create', '--project', 'demo', '--role', 'viewer']
  let foundWaiting = 0
  for (let round = 0; round < 10; round++) {
    server = await ServerProcess.ready(env)
    expect((await runCli(create, { env })).code).toBe(0)
    // Killed at once, or in the moment in which the server is seen to have taken the act.
    if (round % 2 === 1) await eventually(() => waitingAudit(control, 1).length === 0)
    await kill()
    foundWaiting += waitingAudit(control, 1).length
  }
  // The kill did come in between, or this shows nothing.
  expect(foundWaiting).toBeGreaterThan(0)
  server = await ServerProcess.ready(env)
  await eventually(() => waitingAudit(control, 1).length === 0)
  await kill()

  const made = listTokens(control, findProject(control, 'demo')?.id ?? '').map(({ id }) => id)
  expect(made).toHaveLength(10)
  expect((await tokensTold()).toSorted()).toEqual(made.toSorted())
})
