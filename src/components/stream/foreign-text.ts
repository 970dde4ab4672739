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

/**
 * A joiner that changes how its neighbours look, and so is seen: between letters of a script that joins them, and between
 * pictures. Between Latin, Greek or Cyrillic letters it is not.
 */
const SEEN_JOINER =
  /(?<=[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])(?<![\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])[\u200c\u200d](?=[\p{L}\p{Extended_Pictographic}])(?![\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])/u

/** A name with unseen characters made visible. */
export function visibleName(text: string): string {
  return text.replace(UNSEEN, (character, at: number) => {
    const isJoiner = character === '\u200c' || character === '\u200d'
    // Its neighbours may be pairs of surrogates, and a mark may stand between.
    return isJoiner && SEEN_JOINER.test(text.slice(Math.max(0, at - 2), at + 3)) ? character : escaped(character)
  })
}

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}
