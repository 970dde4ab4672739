import type { StreamPath } from '../../streams/path.ts'

/** Streams that are remembered for each project. */
const MOST = 12

/** The streams of a project that were open in this browser, the latest first. */
export function recentStreams(projectId: string, storage: Storage | undefined = storageHere()): readonly string[] {
  try {
    const kept: unknown = JSON.parse(storage?.getItem(keyOf(projectId)) ?? '[]')
    return Array.isArray(kept) ? kept.filter((path): path is string => typeof path === 'string').slice(0, MOST) : []
  } catch {
    return []
  }
}

/** Remembers that a stream was open. */
export function rememberStream(
  projectId: string,
  path: StreamPath,
  storage: Storage | undefined = storageHere(),
): void {
  const paths = [path, ...recentStreams(projectId, storage).filter((each) => each !== path)].slice(0, MOST)
  try {
    storage?.setItem(keyOf(projectId), JSON.stringify(paths))
  } catch {
    // No room, or not allowed: it is only a convenience.
  }
}

function keyOf(projectId: string): string {
  return `tributary-recent:${projectId}`
}

/** Reading it throws where a browser keeps nothing. */
function storageHere(): Storage | undefined {
  try {
    return globalThis.localStorage
  } catch {
    return undefined
  }
}
