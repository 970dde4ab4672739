import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import { appendCommand } from './append-command.ts'
import { type Arguments, UsageError, parseArguments } from './arguments.ts'
import { demoCommand } from './demo-command.ts'
import { tokenCommand, userCommand } from './local-commands.ts'
import { endQuietlyOnClosedPipe, print, say } from './output.ts'
import { readCommand, tailCommand } from './read-command.ts'

const USAGE = `tributary <command>

  append PATH [--resume NAME]              append NDJSON from standard input; a receipt per event
  read PATH [--after N] [--limit TOTAL]    print events as NDJSON
  tail PATH [--after N|start]              print events as they come
  demo [--pace MS] [--agent NAME]          feed real events into the project demo (on this machine)
  token create --project P --role R        make an API token (on this machine)
  user create EMAIL --project P --role R   make an account; password on standard input (on this machine)

  --url, --token, --project    or TRIBUTARY_URL, TRIBUTARY_TOKEN, TRIBUTARY_PROJECT
  roles: viewer, editor, operator, admin
  events: {"type": "…", "payload": …, "metadata": {…}, "idempotencyKey": "…", "offset": N}
`

const COMMANDS: Readonly<Record<string, (args: Arguments) => Promise<void>>> = {
  append: appendCommand,
  read: readCommand,
  tail: tailCommand,
  demo: demoCommand,
  token: tokenCommand,
  user: userCommand,
}

/** Runs a command. @returns the exit status: 0 done, 1 failed, 2 not understood. */
async function main([name, ...rest]: readonly string[]): Promise<number> {
  try {
    const command = name === undefined ? undefined : COMMANDS[name]
    if (name === undefined || name === 'help' || name === '--help') {
      await print(USAGE)
      return 0
    }
    if (!command) throw new UsageError(`unknown command ${name}`)
    const args = parseArguments(rest)
    if (args.has('help')) await print(USAGE)
    else await command(args)
    return 0
  } catch (error) {
    if (error instanceof UsageError) {
      say(`${error.message}\n\n${USAGE}`)
      return 2
    }
    const code = itxErrorCode(error)
    const details = itxErrorDetails(error)
    if (details !== undefined) say(`details: ${JSON.stringify(details)}`)
    say(`${code ?? 'FAILED'}: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
}

endQuietlyOnClosedPipe()
process.exitCode = await main(process.argv.slice(2))
