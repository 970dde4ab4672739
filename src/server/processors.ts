import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BUILT_IN } from '../streams/processors/builtin/index.ts'
import { type ProcessorRegistration, ProcessorRegistry } from '../streams/processors/registry.ts'

/**
 * The processors of this server: the built-in ones, and those of the module that TRIBUTARY_PROCESSORS names.
 *
 * The module's default export is an array of processors, or of `{ processor, attachTo: ['/agents/*'] }`. It may name a
 * built-in one by its slug, to attach it by a pattern.
 *
 * @throws what is wrong with the module, naming it: a server without the processors it was promised must not start.
 */
export async function loadProcessors(modulePath: string | undefined): Promise<ProcessorRegistry> {
  if (modulePath === undefined) return new ProcessorRegistry(BUILT_IN)
  try {
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(resolve(modulePath)).href)) as { default?: unknown }
    return new ProcessorRegistry(withBuiltIns(entriesOf(loaded.default)))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`TRIBUTARY_PROCESSORS=${modulePath}: ${message}`, { cause: error })
  }
}

type Entry = Omit<ProcessorRegistration, 'processor'> & {
  readonly processor: ProcessorRegistration['processor'] | string
}

function entriesOf(exported: unknown): readonly Entry[] {
  if (!Array.isArray(exported)) throw new TypeError('its default export must be an array of processors')
  return exported.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) throw new TypeError('each entry must be a processor, or name one')
    return 'processor' in entry ? (entry as Entry) : { processor: entry as ProcessorRegistration['processor'] }
  })
}

/** The entries with the built-in ones beside them, and in the place of their names. */
function withBuiltIns(entries: readonly Entry[]): readonly ProcessorRegistration[] {
  const named = new Map(
    entries.filter(({ processor }) => typeof processor === 'string').map((each) => [each.processor, each]),
  )
  const builtIn = BUILT_IN.map(({ processor }) => {
    const entry = named.get(processor.slug)
    named.delete(processor.slug)
    return { ...entry, processor }
  })
  const [unknown] = named.keys()
  if (unknown !== undefined) throw new TypeError(`there is no built-in processor named ${JSON.stringify(unknown)}`)
  const own = entries.filter((entry): entry is ProcessorRegistration => typeof entry.processor !== 'string')
  return [...builtIn, ...own]
}
