import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { ItxError } from '../streams/errors.ts'

/**
 * The secret of a data directory, 32 random bytes in hex: signs sessions and seals secrets. It lies in `secret.key`
 * (0600), is made on the first call and never changed. Processes that race on a fresh directory all get the same one.
 *
 * @throws ItxError INTERNAL naming the file, when it cannot be read or made, or does not hold what it must. A damaged
 *   file is never replaced: every session and every sealed secret depends on it.
 */
export function loadSecret(dataDir: string): string {
  const path = join(dataDir, 'secret.key')
  try {
    return readSecret(path) ?? createSecret(dataDir, path)
  } catch (error) {
    if (error instanceof ItxError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new ItxError('INTERNAL', `${path} cannot be used: ${reason}`, undefined, { cause: error })
  }
}

function readSecret(path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // An editor may have added a line break; nothing else is forgiven.
  const secret = text.trimEnd()
  if (/^[0-9a-f]{64}$/.test(secret)) return secret
  throw new ItxError(
    'INTERNAL',
    `${path} must hold 64 lower-case hex digits and nothing else; restore it from a backup`,
  )
}

function createSecret(dataDir: string, path: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(8).toString('hex')}.tmp`
  const file = openSync(draft, 'wx', 0o600)
  try {
    try {
      writeSync(file, `${randomBytes(32).toString('hex')}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    publish(draft, path)
  } finally {
    unlinkSync(draft)
  }
  syncDirectory(dataDir)
  const secret = readSecret(path)
  if (secret === undefined) throw new ItxError('INTERNAL', `${path} vanished while it was being made`)
  return secret
}

/** A link appears whole or not at all, and does not replace one that another process made first. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
