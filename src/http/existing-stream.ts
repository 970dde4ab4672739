import type { ProjectAccess, StreamState } from '../itx/project-access.ts'
import { streamGone, streamNotFound } from '../streams/errors.ts'
import type { StreamPath } from '../streams/path.ts'

/** @throws {ItxError} NOT_FOUND, `gone` where forks still read what was there. */
export async function existingStream(access: ProjectAccess, path: StreamPath): Promise<StreamState> {
  const state = await access.streams().state(path)
  if (state.exists) return state
  throw state.gone ? streamGone('NOT_FOUND', path) : streamNotFound(path)
}
