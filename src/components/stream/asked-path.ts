import { type StreamPath, ROOT_PATH, parsePath } from '../../streams/path.ts'

/** The stream that an address names, or why it names none. */
export type AskedPath =
  | { readonly path: StreamPath; readonly problem: null }
  | { readonly path: null; readonly problem: string; readonly asked: string }

/** Reads what follows `/streams/` in an address. */
export function askedPath(splat: string | undefined): AskedPath {
  if (splat === undefined || splat === '') return { path: ROOT_PATH, problem: null }
  const asked = `/${splat}`
  try {
    return { path: parsePath(asked), problem: null }
  } catch (error) {
    return { path: null, problem: error instanceof Error ? error.message : String(error), asked }
  }
}
