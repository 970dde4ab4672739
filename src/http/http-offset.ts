import { ItxError } from '../streams/errors.ts'

/**
 * Offsets of the HTTP door: 16 digits `_` 16 digits. First the engine's offset of the last visible event; then zeros, since
 * no answer ends inside an event (design page `stream-db.md`).
 */
export function formatOffset(offset: number): string {
  return `${String(offset).padStart(16, '0')}_0000000000000000`
}

/**
 * Parses the `offset` parameter: absent and `-1` are the start of what is there, `now` is the tail.
 *
 * @throws {ItxError} BAD_REQUEST when it is none of these.
 */
export function parseOffset(values: readonly string[]): number | 'start' | 'now' {
  if (values.length === 0) return 'start'
  const [text = ''] = values
  if (values.length > 1) throw new ItxError('BAD_REQUEST', 'offset was given more than once', { field: 'offset' })
  if (text === '-1') return 'start'
  return text === 'now' ? 'now' : parseStreamOffset(text, 'offset')
}

/** Parses an offset that this door has handed out. @throws {ItxError} BAD_REQUEST, naming the field. */
export function parseStreamOffset(text: string, field: string): number {
  const [, digits] = /^(\d{16})_\d{16}$/.exec(text) ?? []
  const offset = Number(digits)
  if (digits !== undefined && Number.isSafeInteger(offset)) return offset
  const special = field === 'offset' ? '-1, now, or ' : ''
  const message = `${field} must be ${special}what Stream-Next-Offset said, not ${JSON.stringify(text.slice(0, 80))}`
  throw new ItxError('BAD_REQUEST', message, { field })
}
