import { type Arguments, UsageError } from './arguments.ts'
import { SHELLS, completionScript } from './completion.ts'
import { print } from './output.ts'

/** `completion bash|zsh|fish`: the script that completes commands, options and paths in a shell. */
export async function completionCommand({ positionals }: Arguments): Promise<void> {
  const [word, ...rest] = positionals
  const shell = SHELLS.find((each) => each === word)
  if (shell === undefined || rest.length > 0) throw new UsageError(`completion takes one of ${SHELLS.join(', ')}`)
  await print(completionScript(shell))
}
