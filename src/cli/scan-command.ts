import type { ScanBatch } from '../itx/handle.ts'
import { ItxError } from '../streams/errors.ts'
import { eventJson } from '../streams/event.ts'
import { compileFilter } from '../streams/filter.ts'
import { parsePath } from '../streams/path.ts'
import { type Arguments, UsageError, numberOption, withClient } from './arguments.ts'
import { print, say } from './output.ts'

/** `scan <path> <filter> [--after N]`: the events that match, as NDJSON; how far it is goes to a person's terminal. */
export async function scanCommand(args: Arguments): Promise<void> {
  const [path, filter, ...rest] = args.positionals
  if (path === undefined || filter === undefined || rest.length > 0) {
    throw new UsageError(`the command is: scan PATH 'payload.total > 100'`)
  }
  const after = numberOption(args, 'after', 0)
  // The same evaluator as the server's: a mistake is told without a connection.
  compileFilter(filter)
  let last: ScanBatch | undefined
  const take = async (batch: ScanBatch) => {
    await print(batch.events.map((event) => `${eventJson(event)}\n`).join(''))
    last = batch
    if (process.stderr.isTTY) say(`${batch.through} of ${batch.maxOffset} looked at`)
  }
  try {
    await withClient(args, async (client) => {
      await client.scan(path, { filter, ...(after === undefined ? {} : { after }) }, take)
    })
    if (last?.incarnationId === null)
      throw new ItxError('NOT_FOUND', `stream ${parsePath(path)} does not exist`, { path })
    if (last && last.unjudged > 0) say(`${last.unjudged} events cost too much to judge and were left out`)
  } catch (error) {
    if (last && last.incarnationId !== null && last.through < last.maxOffset) say(`go on with --after ${last.through}`)
    throw error
  }
}
