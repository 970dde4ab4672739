import { itxErrorCode, itxErrorDetails } from '../streams/errors.ts'
import { type Arguments, UsageError, parseArguments } from './arguments.ts'
import { endQuietlyOnClosedPipe, print, say } from './output.ts'

const USAGE = `tributary <command>

  append PATH [--resume NAME]              append NDJSON from standard input; a receipt per event
  read PATH [--after N] [--limit TOTAL]    print events as NDJSON; --format csv for a spreadsheet
  tail PATH [--after N|start]              print events as they come
  ls [PATH] [--recursive] [--match TEXT]   the streams below a path, one a line; --long: NDJSON with all that is known
  scan PATH FILTER [--after N]             print the events that match a CEL filter
  export PATH [--output FILE]              write a whole stream as a file
  import PATH [--input FILE] [--continue]  make a stream from such a file; go on with one that broke off
  state PATH [PROCESSOR] [--offset N]      print a stream's state, or a processor's, as it is or as it was
  processors PATH                          how the processors of a stream get on
  attach PATH PROCESSOR                    let a processor run over a stream (detach: no longer)
  restart PATH PROCESSOR [--from skip|N]   set one going again, past the event it is parked at, or back from N
  demo [--pace MS] [--agent NAME]          feed real events into the project demo (on this machine)
  token create --project P --role R        make an API token (on this machine)
  token list --project P                   its tokens, as NDJSON (on this machine)
  token revoke ID --project P              take one back (on this machine)
  project create SLUG --owner EMAIL        make a project, with an account as its admin (on this machine)
  project list [--match TEXT]              all there are, as NDJSON (on this machine)
  user create EMAIL --project P --role R   make an account; password on standard input (on this machine)
  completion bash|zsh|fish                 print a script that completes commands, options and paths

  --url, --token, --project    or TRIBUTARY_URL, TRIBUTARY_TOKEN, TRIBUTARY_PROJECT
  roles: viewer, editor, operator, admin
  events: {"type": "…", "payload": …, "metadata": {…}, "idempotencyKey": "…", "offset": N}
`

type Command = (args: Arguments) => Promise<void>

// Loaded when named: what `token`, `project` and `user` need takes longer to load than most other commands take to run.
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ['append', async () => (await import('./append-command.ts')).appendCommand],
  ['read', async () => (await import('./read-command.ts')).readCommand],
  ['ls', async () => (await import('./ls-command.ts')).lsCommand],
  ['tail', async () => (await import('./read-command.ts')).tailCommand],
  ['scan', async () => (await import('./scan-command.ts')).scanCommand],
  ['export', async () => (await import('./transfer-command.ts')).exportCommand],
  ['import', async () => (await import('./transfer-command.ts')).importCommand],
  ['state', async () => (await import('./processors-command.ts')).stateCommand],
  ['processors', async () => (await import('./processors-command.ts')).processorsCommand],
  ['attach', async () => (await import('./processors-command.ts')).attachCommand],
  ['detach', async () => (await import('./processors-command.ts')).detachCommand],
  ['restart', async () => (await import('./processors-command.ts')).restartCommand],
  ['completion', async () => (await import('./completion-command.ts')).completionCommand],
  ['demo', async () => (await import('./demo-command.ts')).demoCommand],
  ['token', async () => (await import('./local-commands.ts')).tokenCommand],
  ['project', async () => (await import('./local-commands.ts')).projectCommand],
  ['user', async () => (await import('./local-commands.ts')).userCommand],
])

/** Runs a command. @returns the exit status: 0 done, 1 failed, 2 not understood. */
async function main([name, ...rest]: readonly string[]): Promise<number> {
  try {
    const command = name === undefined ? undefined : COMMANDS.get(name)
    if (name === undefined || name === 'help' || name === '--help') {
      await print(USAGE)
      return 0
    }
    if (!command) throw new UsageError(`unknown command ${name}`)
    const args = parseArguments(rest)
    if (args.has('help')) await print(USAGE)
    else await (await command())(args)
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
