import { type StreamPath, isBelow, parsePath } from '../../streams/path.ts'

/**
 * The path of a stream that is to be made below another, by what was typed: a name, or several with slashes between.
 * Surrounding space is not meant.
 */
export function newStreamPath(
  parent: string,
  typed: string,
): { readonly path: StreamPath } | { readonly path: null; readonly problem: string } {
  const name = typed.trim()
  if (name === '') return { path: null, problem: 'A stream needs a name' }
  try {
    const above = parsePath(parent)
    const path = parsePath(`${above === '/' ? '' : above}/${name.replace(/^\//, '')}`)
    if (isBelow(path, above)) return { path }
    return { path: null, problem: `${JSON.stringify(name)} is not below ${above}` }
  } catch (error) {
    return { path: null, problem: error instanceof Error ? error.message : String(error) }
  }
}
