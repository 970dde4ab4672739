import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ItxError } from '../streams/errors.ts'

const RETRY_MS = 100

/**
 * Makes sure that one process alone serves a data directory: two would keep two truths in memory. The lock is a file
 * lock that the system releases with the process, however it ends: nothing is left behind to clean up.
 *
 * @param patienceMs how long to wait for a predecessor that is still ending
 * @returns how to release it
 * @throws {ItxError} UNAVAILABLE `locked`
 */
export async function lockDataDirectory(dataDir: string, patienceMs = 10_000): Promise<() => void> {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const lock = new Database(join(dataDir, 'server.lock'), { timeout: 0 })
    try {
      lock.exec('begin exclusive')
      return () => lock.close()
    } catch (error) {
      lock.close()
      const busy = (error as { code?: string }).code === 'SQLITE_BUSY'
      if (!busy) throw error
      if (Date.now() > deadline) {
        const message = `another Tributary server is using ${dataDir}; stop it, or set TRIBUTARY_DATA_DIR`
        throw new ItxError('UNAVAILABLE', message, { reason: 'locked' }, { cause: error })
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}
