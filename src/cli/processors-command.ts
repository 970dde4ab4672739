import type { ProcessorInfo, RestartFrom } from '../itx/handle.ts'
import { type Arguments, UsageError, numberOption, pathArgument, withClient } from './arguments.ts'
import { print, say } from './output.ts'

/** `processors PATH`: how the processors of a stream get on, one JSON line each; on standard error, those there are. */
export async function processorsCommand(args: Arguments): Promise<void> {
  const path = pathArgument(args)
  await withClient(args, async (client) => {
    const { attached, available } = await client.onStream(path, (stream) => stream.processors())
    await print(attached.map((each) => `${JSON.stringify(each)}\n`).join(''))
    const others = available.filter(({ slug }) => !attached.some((each: ProcessorInfo) => each.slug === slug))
    for (const { slug, version, description } of others) say(`not attached: ${slug} ${version}  ${description}`)
  })
}

/** `attach PATH PROCESSOR` and `detach PATH PROCESSOR`. */
export async function attachCommand(args: Arguments): Promise<void> {
  const [path, slug] = pathAndProcessor(args)
  await withClient(args, (client) => client.onStream(path, (stream) => stream.attach(slug)))
}

export async function detachCommand(args: Arguments): Promise<void> {
  const [path, slug] = pathAndProcessor(args)
  await withClient(args, (client) => client.onStream(path, (stream) => stream.detach(slug)))
}

/** `restart PATH PROCESSOR [--from skip|N]`: sets a processor going again. */
export async function restartCommand(args: Arguments): Promise<void> {
  const [path, slug] = pathAndProcessor(args)
  const word = args.option('from')
  const from: RestartFrom =
    word === undefined ? 'checkpoint' : word === 'skip' ? word : (numberOption(args, 'from', 0) ?? 0)
  await withClient(args, (client) => client.onStream(path, (stream) => stream.restart(slug, { from })))
}

/** `state PATH [PROCESSOR] [--offset N]`: a state as one line of JSON; the stream's own when no processor is named. */
export async function stateCommand(args: Arguments): Promise<void> {
  const [path = '', processor = 'core', ...rest] = args.positionals
  if (path === '' || rest.length > 0) throw new UsageError('state takes a path, and the name of a processor or nothing')
  const offset = numberOption(args, 'offset', 0)
  await withClient(args, async (client) => {
    const { state } = await client.stateAt(path, { processor, ...(offset === undefined ? {} : { offset }) })
    await print(`${state}\n`)
  })
}

function pathAndProcessor({ positionals }: Arguments): [string, string] {
  const [path, slug, ...rest] = positionals
  if (path === undefined || slug === undefined || rest.length > 0) {
    throw new UsageError('a path and the name of a processor are needed, such as /agents/a1 event-counter')
  }
  return [path, slug]
}
