import { spawn } from 'node:child_process'
import type { EncodedInput } from '../streams/event.ts'
import { encodeInput } from '../streams/event-input.ts'
import { ItxError } from '../streams/errors.ts'

/** One commit as an event's payload. */
export interface CommitPayload {
  readonly hash: string
  readonly parents: readonly string[]
  readonly author: { readonly name: string; readonly email: string }
  /** ISO 8601, with the author's zone. */
  readonly authoredAt: string
  readonly committedAt: string
  readonly subject: string
  readonly body: string
  readonly files: readonly { readonly path: string; readonly added: number | null; readonly deleted: number | null }[]
}

// Control characters that cannot stand in a commit: they part the fields and the commits.
const FIELD = '\u001f'
const COMMIT = '\u001e'
const FORMAT = `${COMMIT}%H${FIELD}%P${FIELD}%an${FIELD}%ae${FIELD}%aI${FIELD}%cI${FIELD}%s${FIELD}%b${FIELD}`

/**
 * The history of a repository, oldest first, an event per commit, keyed by its hash: appending it again adds only the
 * commits that are new.
 *
 * @throws {ItxError} UNAVAILABLE when git is missing or the folder is no repository.
 */
export async function* gitHistory(directory: string): AsyncGenerator<EncodedInput> {
  // Topological, so that a commit never stands before its parents, whatever the clocks of its authors said.
  // Unquoted, so that a path in any script reads as itself.
  const args = [
    '-c',
    'core.quotePath=false',
    'log',
    '--reverse',
    '--topo-order',
    '--numstat',
    '--no-renames',
    `--format=${FORMAT}`,
  ]
  const git = spawn('git', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<string | null>((resolve) => {
    let complaint = ''
    git.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
    git.on('error', (error) => resolve(error.message))
    git.on('close', (code) => resolve(code === 0 ? null : complaint.trim() || `git ended with ${code}`))
  })
  let pending = ''
  git.stdout.setEncoding('utf8')
  for await (const chunk of git.stdout as AsyncIterable<string>) {
    const parts = (pending + chunk).split(COMMIT)
    pending = parts.pop() ?? ''
    for (const part of parts) if (part !== '') yield commitEvent(part)
  }
  const failure = await ended
  if (failure !== null)
    throw new ItxError('UNAVAILABLE', `the git history cannot be read: ${failure}`, { reason: 'git' })
  if (pending !== '') yield commitEvent(pending)
}

function commitEvent(record: string): EncodedInput {
  const [
    hash = '',
    parents = '',
    name = '',
    email = '',
    authoredAt = '',
    committedAt = '',
    subject = '',
    body = '',
    stats = '',
  ] = record.split(FIELD)
  const payload: CommitPayload = {
    hash,
    parents: parents === '' ? [] : parents.split(' '),
    author: { name, email },
    authoredAt,
    committedAt,
    subject,
    body: body.trim(),
    files: stats
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [added, deleted, ...path] = line.split('\t')
        return { path: path.join('\t'), added: lines(added), deleted: lines(deleted) }
      }),
  }
  return encodeInput({ type: 'git/commit', payload, idempotencyKey: hash })
}

/** Git writes a dash for binary files. */
function lines(count: string | undefined): number | null {
  return count === undefined || count === '-' ? null : Number(count)
}
