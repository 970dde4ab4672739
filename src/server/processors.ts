import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type ProcessorEntry, withBuiltIns } from '../streams/processors/builtin/index.ts'
import { ProcessorRegistry } from '../streams/processors/registry.ts'

/**
 * The processors of this server: the built-in ones, and those of the module that TRIBUTARY_PROCESSORS names.
 *
 * The module's default export is an array of processors, or of `{ processor, attachTo: ['/agents/*'] }`. It may name a
 * built-in one by its slug, to attach it by a pattern.
 *
 * @throws what is wrong with the module, naming it: a server without the processors it was promised must not start.
 */
export async function loadProcessors(modulePath: string | undefined): Promise<ProcessorRegistry> {
  if (modulePath === undefined) return new ProcessorRegistry(withBuiltIns([]))
  try {
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(resolve(modulePath)).href)) as { default?: unknown }
    return new ProcessorRegistry(withBuiltIns(entriesOf(loaded.default)))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new Error(`TRIBUTARY_PROCESSORS=${modulePath}: ${message}`, { cause: error })
  }
}

/** What is in an entry is checked when it is registered. */
function entriesOf(exported: unknown): readonly ProcessorEntry[] {
  if (!Array.isArray(exported)) throw new TypeError('its default export must be an array of processors')
  const odd = exported.some((entry) => typeof entry !== 'object' || entry === null)
  if (odd) throw new TypeError('each entry must be a processor, or name one')
  return exported as readonly ProcessorEntry[]
}
