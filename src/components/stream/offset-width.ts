import type { EncodedEvent } from '../../streams/event.ts'

/**
 * The width of the widest offset, its separators included: each row is a grid of its own, and they must agree. Classes,
 * because the page's policy lets no style stand in its HTML. From 3 digits to 16, the most an offset has.
 */
const OFFSET_WIDTHS = [
  '[--offset-width:3ch]',
  '[--offset-width:4.5ch]',
  '[--offset-width:5.5ch]',
  '[--offset-width:6.5ch]',
  '[--offset-width:8ch]',
  '[--offset-width:9ch]',
  '[--offset-width:10ch]',
  '[--offset-width:11.5ch]',
  '[--offset-width:12.5ch]',
  '[--offset-width:13.5ch]',
  '[--offset-width:15ch]',
  '[--offset-width:16ch]',
  '[--offset-width:17ch]',
  '[--offset-width:18.5ch]',
]

export function offsetWidth(rows: readonly EncodedEvent[]): string | undefined {
  const digits = String(rows.at(-1)?.offset ?? 0).length
  return OFFSET_WIDTHS[Math.max(0, digits - 3)]
}
