import { ItxError } from '../streams/errors.ts'
import { csvHeader, csvLine } from '../streams/csv.ts'
import { type EncodedEvent, eventJson } from '../streams/event.ts'
import { parsePath } from '../streams/path.ts'
import { followStream } from '../itx/client/follow.ts'
import { type Arguments, UsageError, numberOption, pathArgument, withClient } from './arguments.ts'
import { print, say } from './output.ts'

const PAGE = 1000

/** `read <path> --after N --limit TOTAL --format ndjson|csv`: events; all of them without a limit. */
export async function readCommand(args: Arguments): Promise<void> {
  const path = pathArgument(args)
  const csv = formatOption(args) === 'csv'
  const line = csv ? csvLine : ndjsonLine
  let head = csv ? csvHeader() : ''
  let after = numberOption(args, 'after', 0) ?? 0
  let left = numberOption(args, 'limit', 1) ?? Number.POSITIVE_INFINITY
  await withClient(args, async (client) => {
    for (;;) {
      const page = await client.onStream(path, (stream) => stream.read({ after, limit: Math.min(left, PAGE) }))
      if (page.incarnationId === null)
        throw new ItxError('NOT_FOUND', `stream ${parsePath(path)} does not exist`, { path })
      await print(head + page.events.map(line).join(''))
      head = ''
      left -= page.events.length
      if (page.nextCursor === null || left <= 0) return
      after = page.nextCursor
    }
  })
}

const FORMATS = ['ndjson', 'csv'] as const

function formatOption(args: Arguments): (typeof FORMATS)[number] {
  const word = args.option('format') ?? 'ndjson'
  const format = FORMATS.find((each) => each === word)
  if (format === undefined) throw new UsageError(`--format must be one of ${FORMATS.join(', ')}, not ${word}`)
  return format
}

function ndjsonLine(event: EncodedEvent): string {
  return `${eventJson(event)}\n`
}

/** `tail <path> [--after N|start]`: events as they come, through reconnects, until interrupted. */
export async function tailCommand(args: Arguments): Promise<void> {
  const path = pathArgument(args)
  const word = args.option('after') ?? 'now'
  const after = word === 'now' || word === 'start' ? word : (numberOption(args, 'after', 0) ?? 'now')
  const abort = new AbortController()
  process.on('SIGINT', () => abort.abort())
  process.on('SIGTERM', () => abort.abort())
  await withClient(args, async (client) => {
    // The first contact tells whether token and project are good; after it, waiting is the right answer.
    const { id } = await client.project()
    await followStream({
      connection: client.connection,
      project: id,
      path,
      after,
      onBatch: (batch) => print(batch.events.map(ndjsonLine).join('')),
      onInterrupted: (error) => say(`interrupted (${error instanceof Error ? error.message : error}); trying again`),
      signal: abort.signal,
    })
  })
}
