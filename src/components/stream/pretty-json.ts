const INDENT = '  '

/**
 * JSON text over several lines. Works on the text itself: parsing it would round large integers, which is exactly what
 * a person looking at an event must not be shown. The text must be valid JSON.
 */
export function prettyJson(text: string): string {
  const out: string[] = []
  let depth = 0
  for (let i = 0; i < text.length;) {
    const c = text.charAt(i)
    if (c === '"') {
      const end = stringEnd(text, i)
      out.push(text.slice(i, end))
      i = end
    } else if (c === '{' || c === '[') {
      const inside = skipSpace(text, i + 1)
      const close = text.charAt(inside)
      if (close === '}' || close === ']') {
        out.push(c, close)
        i = inside + 1
      } else {
        out.push(c, lineAt(++depth))
        i = inside
      }
    } else if (c === '}' || c === ']') {
      out.push(lineAt(--depth), c)
      i++
    } else if (c === ',') {
      out.push(',', lineAt(depth))
      i = skipSpace(text, i + 1)
    } else if (c === ':') {
      out.push(': ')
      i = skipSpace(text, i + 1)
    } else {
      const end = tokenEnd(text, i)
      out.push(text.slice(i, end))
      i = skipSpace(text, end)
    }
  }
  return out.join('')
}

function lineAt(depth: number): string {
  return `\n${INDENT.repeat(depth)}`
}

function skipSpace(text: string, from: number): number {
  let i = from
  while (i < text.length && ' \t\n\r'.includes(text.charAt(i))) i++
  return i
}

/** The index after the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && text.charAt(i) !== '"') i += text.charAt(i) === '\\' ? 2 : 1
  return i + 1
}

/** The index after a number, literal or run of space; always further than `start`. */
function tokenEnd(text: string, start: number): number {
  let i = start + 1
  while (i < text.length && !',]}: \t\n\r'.includes(text.charAt(i))) i++
  return i
}
