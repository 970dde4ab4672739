import { encodeJson } from '../streams/json-text.ts'
import type { StreamState } from '../streams/project-reader.ts'
import type { WireState } from './handle.ts'

/** State with what users wrote as JSON text, as it crosses the wire. */
export function wireState(state: StreamState): WireState {
  return { ...state, config: encodeJson(state.config, 'config'), metadata: encodeJson(state.metadata, 'metadata') }
}
