import { parseArgs } from 'node:util'
import { type ItxClient, connectItx } from '../itx/client/connect.ts'
import { ItxError } from '../streams/errors.ts'
import { say } from './output.ts'

/** A command line that makes no sense. Printed with the usage; exit status 2. */
export class UsageError extends Error {}

export interface Arguments {
  readonly positionals: readonly string[]
  /** The value of an option; undefined when it was not given. */
  option(name: OptionName): string | undefined
  has(name: FlagName): boolean
}

export const OPTIONS = [
  'url',
  'token',
  'project',
  'role',
  'name',
  'owner',
  'resume',
  'after',
  'limit',
  'pace',
  'agent',
  'output',
  'input',
  'from',
  'offset',
  'match',
  'format',
] as const
export const FLAGS = ['help', 'no-git', 'continue', 'recursive', 'long'] as const
export type OptionName = (typeof OPTIONS)[number]
export type FlagName = (typeof FLAGS)[number]

/** @throws {UsageError} for an unknown option or a missing value. */
export function parseArguments(argv: readonly string[]): Arguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      strict: true,
      options: Object.fromEntries([
        ...OPTIONS.map((name) => [name, { type: 'string' as const }]),
        ...FLAGS.map((name) => [name, { type: 'boolean' as const }]),
      ]) as Record<string, { type: 'string' | 'boolean' }>,
    })
    return {
      positionals,
      option: (name) => values[name] as string | undefined,
      has: (name) => values[name] === true,
    }
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** The command's one path. */
export function pathArgument({ positionals }: Arguments): string {
  const [path, ...rest] = positionals
  if (path === undefined) throw new UsageError('a path is missing, such as /agents/a1')
  if (rest.length > 0) throw new UsageError(`too many arguments: ${rest.join(' ')}`)
  return path
}

/** Runs something over a connection of its own, which is closed at the end. */
export async function withClient(args: Arguments, action: (client: ItxClient) => Promise<void>): Promise<void> {
  const client = connect(args)
  try {
    await action(client)
  } finally {
    client.close()
  }
}

/** A whole number of at least `min`. */
export function numberOption(args: Arguments, name: OptionName, min: number): number | undefined {
  const text = args.option(name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < min) {
    throw new UsageError(`--${name} must be a whole number of at least ${min}, not ${text}`)
  }
  return value
}

/** Whoever waits in front of a terminal can end it: lines with keys are tried again for longer than in a program. */
const DEADLINE_MS = 120_000

/** The connection that options or variables name. Close it at the end. */
export function connect(args: Arguments, token = args.option('token') ?? process.env['TRIBUTARY_TOKEN']): ItxClient {
  const project = args.option('project') ?? process.env['TRIBUTARY_PROJECT']
  if (!token) throw new UsageError('a token is needed: --token or TRIBUTARY_TOKEN (see: token create)')
  // It becomes a header: a line break that was copied along with it would be told in other words, and later.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new UsageError('a token is one word, without blanks or line breaks')
  if (!project) throw new UsageError('a project is needed: --project or TRIBUTARY_PROJECT')
  const onRetry = (error: unknown, path: string) => {
    say(`${path}: ${error instanceof Error ? error.message : String(error)}; trying again`)
  }
  return connectItx({ url: serverUrl(args), token, project, deadlineMs: DEADLINE_MS, onRetry })
}

/** The server's address: `--url`, TRIBUTARY_URL, else the default address of `npm start`. */
export function serverUrl(args: Arguments): string {
  const url = args.option('url') ?? process.env['TRIBUTARY_URL'] ?? `http://localhost:${process.env['PORT'] || 3000}`
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new ItxError('BAD_REQUEST', `the url must begin with http:// or https://, not ${url}`, { field: 'url' })
  }
  return url
}
