import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { AppConfig } from '../../app.config.ts'
import { SYSTEM_PROJECT_ID } from '../control-plane/audit.ts'
import { createAuth } from '../control-plane/auth.ts'
import { bootstrapAdmin, ensureDefaults } from '../control-plane/bootstrap.ts'
import { ClientAddresses } from '../control-plane/client-address.ts'
import { openControlDatabase } from '../control-plane/database.ts'
import { finishDeletion, unfinishedDeletions } from '../control-plane/project-deletion.ts'
import { allProjectIds } from '../control-plane/projects.ts'
import { ReadTokens } from '../control-plane/read-tokens.ts'
import { loadSecret } from '../control-plane/secret.ts'
import { SetupGate } from '../control-plane/setup.ts'
import { TokenVerifier } from '../control-plane/tokens.ts'
import { Budgets } from '../itx/budgets.ts'
import { type Instance, setInstance } from '../itx/instance.ts'
import { LiveReaders } from '../itx/live-readers.ts'
import { RightsWatch } from '../itx/rights-watch.ts'
import { closeSockets, terminateSockets } from '../itx/socket.ts'
import { StreamEngine } from '../streams/engine.ts'
import { StreamAudit } from './audit.ts'
import { lockDataDirectory } from './data-lock.ts'
import { loadProcessors } from './processors.ts'
import { WebhookDelivery } from './webhook-delivery.ts'
import { WebhookKeys } from './webhook-keys.ts'

/** How often it is stored when tokens were last used. */
const FLUSH_USES_MS = 60_000

interface Running {
  readonly instance: Instance
  readonly audit: StreamAudit
  readonly unlock: () => void
  readonly useTimer: ReturnType<typeof setInterval>
  ready: boolean
}

// In dev every edit evaluates this module anew; what runs must be started once.
const KEY = Symbol.for('tributary.running')
const holder = globalThis as { [KEY]?: Promise<Running> | undefined }

/** Starts everything that one Tributary consists of; once per process, however often it is called. */
export async function startInstance(config: AppConfig, { dev = false } = {}): Promise<Instance> {
  const running = (holder[KEY] ??= start(config, dev))
  running.catch(() => (holder[KEY] = undefined))
  return (await running).instance
}

async function start(config: AppConfig, dev: boolean): Promise<Running> {
  mkdirSync(config.dataDir, { recursive: true })
  const unlock = await lockDataDirectory(config.dataDir)
  try {
    return { ...(await startLocked(config, dev)), unlock, ready: false }
  } catch (error) {
    // In dev the next edit tries again, in this very process.
    unlock()
    throw error
  }
}

async function startLocked(config: AppConfig, dev: boolean): Promise<Pick<Running, 'instance' | 'audit' | 'useTimer'>> {
  // Both run from the root of the checkout, where the migrations are.
  const control = openControlDatabase(join(config.dataDir, 'control.db'), resolve('drizzle'))
  const { limits } = config
  const secret = loadSecret(config.dataDir)
  const wakes = new WebhookKeys(secret)
  const engine = new StreamEngine({
    directory: join(config.dataDir, 'projects'),
    openProjects: limits.openProjects,
    limits: {
      eventBytes: limits.maxEventBytes,
      batchEvents: limits.maxBatchEvents,
      batchBytes: limits.maxBatchBytes,
    },
    processors: await loadProcessors(config.processors),
    // What users wrote must not answer the audit with events of its own.
    withoutProcessors: new Set([SYSTEM_PROJECT_ID]),
    webhooks: (projectId) => new WebhookDelivery(projectId, { keys: wakes, localhost: config.webhookLocalhost }),
    warn: (message) => console.warn(message),
  })
  const log = (message: string, error?: unknown) => instance.log(message, error)
  const audit = new StreamAudit({ control, engine, log })
  const auth = createAuth({ database: control, config, secret, audit })
  const rights = new RightsWatch({ control, log })
  const instance: Instance = {
    config,
    control,
    auth,
    audit,
    engine,
    wakes,
    dev,
    addresses: new ClientAddresses(config.trustedProxies),
    tokens: new TokenVerifier(control),
    budgets: new Budgets(limits.callsPerSecond),
    readTokens: new ReadTokens(secret),
    rights,
    readers: new LiveReaders({ most: limits.liveReaders, rights }),
    setup: new SetupGate({ auth, database: control }),
    log: (message, error) => console.error(message, error ?? ''),
  }
  ensureDefaults(control)
  if (config.bootstrap) await bootstrapAdmin(auth, control, config.bootstrap)
  setInstance(instance)
  audit.look()
  // What a crash left undone goes on now, not when somebody next looks at the project.
  void finishDeletions(instance)
  void engine.resume([SYSTEM_PROJECT_ID, ...allProjectIds(control)])
  const useTimer = setInterval(() => flushUses(instance), FLUSH_USES_MS)
  useTimer.unref()
  return { instance, audit, useTimer }
}

/** Deletes the files of projects that were deleted just before a crash. One that fails is left to the next start. */
async function finishDeletions({ control, engine, log }: Instance): Promise<void> {
  for (const id of unfinishedDeletions(control)) {
    try {
      await engine.deleteProject(id)
      finishDeletion(control, id)
    } catch (error) {
      log(`the streams of the deleted project ${id} could not be deleted; the next start tries again`, error)
    }
  }
}

/** Stores when tokens were last used. No request waits for it, and none fails by it. */
function flushUses({ tokens, log }: Instance): void {
  try {
    tokens.flushUses()
  } catch (error) {
    log('when tokens were last used could not be stored; the next try has it all', error)
  }
}

/** Prints where Tributary is, and how to set it up while it has no admin. Only then `/healthz` answers. */
export async function announce({ config, setup }: Instance): Promise<void> {
  for (const warning of config.warnings) console.warn(`warning: ${warning}`)
  console.log(`Tributary is ready at ${config.origin}`)
  if (setup.isOpen()) console.log(`Create the first admin, once, at ${config.origin}${setup.path()}`)
  const running = await holder[KEY]
  if (running) running.ready = true
}

/** Whether the server has started, said so, and is not stopping. */
export async function isReady(): Promise<boolean> {
  return (await holder[KEY])?.ready ?? false
}

/** Says no to new work: health checks fail, sockets are told to go. What is under way goes on. */
export async function beginStop(): Promise<void> {
  const running = await holder[KEY]
  if (running) running.ready = false
  closeSockets('shutdown')
  running?.instance.readers.stop()
}

/** Commits what is open, closes every database and gives the data directory free. */
export async function finishStop(): Promise<void> {
  const running = await holder[KEY]
  holder[KEY] = undefined
  terminateSockets()
  if (!running) return
  setInstance(undefined)
  clearInterval(running.useTimer)
  running.instance.rights.stop()
  await running.audit.stop()
  running.instance.engine.close()
  flushUses(running.instance)
  running.instance.control.close()
  running.unlock()
}
