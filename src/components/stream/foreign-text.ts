// Control characters, marks and overrides of direction, line separators, and what else has no shape of its own.
const UNSEEN =
  // oxlint-disable-next-line no-control-regex -- control characters are what is being made visible
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/**
 * JSON text with unseen characters written as escapes. It stays the same JSON, and what it shows cannot be turned
 * around, hidden or broken by what is in it (log injection).
 */
export function visibleJson(text: string): string {
  return text.replace(UNSEEN, escaped)
}

/** A name with unseen characters made visible. */
export function visibleName(text: string): string {
  return text.replace(UNSEEN, escaped)
}

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}
