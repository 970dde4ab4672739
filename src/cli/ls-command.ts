import type { ItxClient } from '../itx/client/connect.ts'
import type { CatalogueRow } from '../itx/handle.ts'
import { ItxError } from '../streams/errors.ts'
import { ROOT_PATH, type StreamPath, parsePath } from '../streams/path.ts'
import { type Arguments, numberOption, pathArgument, withClient } from './arguments.ts'
import { print } from './output.ts'

/** Rows printed at once. */
const CHUNK = 500

/**
 * `ls [PATH] [--recursive] [--match TEXT] [--limit TOTAL] [--long]`: the streams right below a path, or all below it, a
 * path a line. With `--long` NDJSON, with all that the catalogue knows.
 */
export async function lsCommand(args: Arguments): Promise<void> {
  const path = args.positionals.length === 0 ? ROOT_PATH : parsePath(pathArgument(args))
  let left = numberOption(args, 'limit', 1) ?? Number.POSITIVE_INFINITY
  const line = args.has('long') ? (row: CatalogueRow) => JSON.stringify(row) : (row: CatalogueRow) => row.path
  await withClient(args, async (client) => {
    const match = args.option('match')
    const options = match === undefined ? {} : { match }
    const rows = args.has('recursive') ? below(client, path, options) : client.allChildren(path, options)
    let lines: string[] = []
    let found = false
    for await (const row of rows) {
      found = true
      lines.push(`${line(row)}\n`)
      if (--left === 0) break
      if (lines.length < CHUNK) continue
      await print(lines.join(''))
      lines = []
    }
    await print(lines.join(''))
    // A path that was mistyped looks like one with nothing below it.
    if (found || path === ROOT_PATH) return
    const { exists } = await client.state(path)
    if (!exists) throw new ItxError('NOT_FOUND', `stream ${path} does not exist`, { path })
  })
}

/** Every stream below a path; the one at the path itself is not below it. */
async function* below(
  client: ItxClient,
  path: StreamPath,
  options: { readonly match?: string },
): AsyncGenerator<CatalogueRow> {
  for await (const row of client.streams.all({ ...options, prefix: path })) if (row.path !== path) yield row
}
