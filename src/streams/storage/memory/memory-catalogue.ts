/** Whether one text stands before another: by code points, which is the order of their UTF-8 bytes. */
export function inOrder(a: string, b: string): boolean {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)]
    if (x !== y) return rank(x) < rank(y)
  }
  return a.length < b.length
}

/** Surrogates stand for code points above all that one unit can hold. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/** As SQLite's `lower`: ASCII letters alone have a case. */
export function matches(text: string, match: string | undefined, fuzzy = false): boolean {
  if (match === undefined) return true
  return fuzzy ? hasLetters(lower(text), lower(match)) : lower(text).includes(lower(match))
}

function hasLetters(text: string, letters: string): boolean {
  let from = 0
  for (const letter of letters) {
    const at = text.indexOf(letter, from)
    if (at === -1) return false
    from = at + letter.length
  }
  return true
}

function lower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
}
