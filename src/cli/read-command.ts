import { ItxError } from '../streams/errors.ts'
import { eventJson } from '../streams/event.ts'
import { parsePath } from '../streams/path.ts'
import { followStream } from '../itx/client/follow.ts'
import { type Arguments, connect, numberOption, pathArgument } from './arguments.ts'
import { print, say } from './output.ts'

const PAGE = 1000

/** `read <path> --after N --limit TOTAL`: events as NDJSON; all of them without a limit. */
export async function readCommand(args: Arguments): Promise<void> {
  const path = pathArgument(args)
  let after = numberOption(args, 'after', 0) ?? 0
  let left = numberOption(args, 'limit', 1) ?? Number.POSITIVE_INFINITY
  const client = connect(args)
  try {
    for (;;) {
      const page = await client.onStream(path, (stream) => stream.read({ after, limit: Math.min(left, PAGE) }))
      if (page.incarnationId === null)
        throw new ItxError('NOT_FOUND', `stream ${parsePath(path)} does not exist`, { path })
      await print(page.events.map((event) => `${eventJson(event)}\n`).join(''))
      left -= page.events.length
      if (page.nextCursor === null || left <= 0) return
      after = page.nextCursor
    }
  } finally {
    client.close()
  }
}

/** `tail <path> [--after N|start]`: events as they come, through reconnects, until interrupted. */
export async function tailCommand(args: Arguments): Promise<void> {
  const path = pathArgument(args)
  const word = args.option('after') ?? 'now'
  const after = word === 'now' || word === 'start' ? word : (numberOption(args, 'after', 0) ?? 'now')
  const client = connect(args)
  const abort = new AbortController()
  process.on('SIGINT', () => abort.abort())
  process.on('SIGTERM', () => abort.abort())
  try {
    // The first contact tells whether token and project are good; after it, waiting is the right answer.
    const { id } = await client.use((handle) => handle.project())
    await followStream({
      connection: client.connection,
      project: id,
      path,
      after,
      onBatch: (batch) => print(batch.events.map((event) => `${eventJson(event)}\n`).join('')),
      onInterrupted: (error) => say(`interrupted (${error instanceof Error ? error.message : error}); trying again`),
      signal: abort.signal,
    })
  } finally {
    client.close()
  }
}
