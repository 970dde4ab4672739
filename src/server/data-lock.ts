import { join } from 'node:path'
import Database from 'better-sqlite3'

const RETRY_MS = 100

/**
 * Makes sure that one process alone serves a data directory: two would keep two truths in memory. The lock is a file
 * lock that the system releases with the process, however it ends: nothing is left behind to clean up.
 *
 * @param patienceMs how long to wait for a predecessor that is still ending
 * @returns how to release it
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
        throw new Error(`another Tributary server is using ${dataDir}; stop it, or set TRIBUTARY_DATA_DIR`, { cause: error })
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}
