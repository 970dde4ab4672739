import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type AppConfig, loadConfig } from '../../app.config.ts'
import { NO_AUDIT } from './audit.ts'
import { type Auth, createAuth } from './auth.ts'
import { type ControlDatabase, openControlDatabase } from './database.ts'
import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import { loadSecret } from './secret.ts'

/** The migrations of the checkout, for tests only: production is told where they are. */
export const MIGRATIONS = join(import.meta.dirname, '../../drizzle')

/** A directory of its own for the running test, removed after it. */
export function testDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'tributary-control-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A fresh control database for the running test. */
export function testDatabase(dataDir = testDirectory()): ControlDatabase {
  const database = openControlDatabase(join(dataDir, 'control.db'), MIGRATIONS)
  onTestFinished(() => database.close())
  return database
}

interface TestAuth {
  readonly dataDir: string
  readonly config: AppConfig
  readonly database: ControlDatabase
  readonly auth: Auth
}

/** A fresh control database with better-auth over it, configured by the variables given. */
export function testAuth(env: Record<string, string> = {}, now?: () => number): TestAuth {
  const dataDir = testDirectory()
  const config = loadConfig(env)
  const database = testDatabase(dataDir)
  const parts = { database, config, secret: loadSecret(dataDir), audit: NO_AUDIT }
  return { dataDir, config, database, auth: createAuth(now === undefined ? parts : { ...parts, now }) }
}

/** The code, and the reason where there is one, of what a call throws: `CONFLICT slug`. Fails when it throws nothing. */
export async function refusal(act: () => unknown): Promise<string> {
  try {
    await act()
  } catch (error) {
    const code = itxErrorCode(error)
    if (code === undefined) throw error
    const reason = itxErrorDetails(error)?.['reason']
    return typeof reason === 'string' ? `${code} ${reason}` : code
  }
  throw new Error('expected a refusal')
}
