/** Where a text stops being JSON. Line and column count from 1. */
export interface JsonFault {
  readonly message: string
  readonly line: number
  readonly column: number
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const LITERAL = /true|false|null/y
// oxlint-disable-next-line no-control-regex -- JSON forbids control characters in strings
const STRING = /"(?:[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4}))*/y

type Expected = 'value' | 'first-value' | 'first-key' | 'key' | 'colon' | 'after-value'

const WORDS: Readonly<Record<Expected, string>> = {
  value: 'A value is missing',
  'first-value': 'A value or ] is missing',
  'first-key': 'A name in double quotes or } is missing',
  key: 'A name in double quotes is missing',
  colon: 'A colon is missing',
  'after-value': 'Nothing may follow the value',
}

/** Finds the first fault of a text that `JSON.parse` refuses; null when this finds none. Not recursive: any depth. */
export function findJsonFault(text: string): JsonFault | null {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  let i = skip(text, 0)
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = i
    if (!pattern.test(text)) return false
    i = pattern.lastIndex
    return true
  }
  for (; i < text.length; i = skip(text, i)) {
    const c = text.charAt(i)
    const inside = open.at(-1)
    const wantsName: boolean = expected === 'first-key' || expected === 'key'
    if (expected === 'after-value') {
      const closes = inside === '{' ? '}' : ']'
      if (inside !== undefined && c === closes) open.pop()
      else if (inside !== undefined && c === ',') expected = inside === '{' ? 'key' : 'value'
      else return fault(text, i, inside === undefined ? WORDS['after-value'] : `A comma or ${closes} is missing`)
      i++
    } else if (expected === 'colon') {
      if (c !== ':') return fault(text, i, WORDS.colon)
      expected = 'value'
      i++
    } else if ((expected === 'first-key' && c === '}') || (expected === 'first-value' && c === ']')) {
      open.pop()
      expected = 'after-value'
      i++
    } else if (c === '"') {
      take(STRING)
      if (i === text.length) return fault(text, i, 'The string is not closed')
      if (text.charAt(i) !== '"') return fault(text, i, 'A character that a string may hold only as an escape')
      expected = wantsName ? 'colon' : 'after-value'
      i++
    } else if (wantsName) {
      return fault(text, i, WORDS[expected])
    } else if (c === '{' || c === '[') {
      open.push(c)
      expected = c === '{' ? 'first-key' : 'first-value'
      i++
    } else if (take(NUMBER) || take(LITERAL)) expected = 'after-value'
    else return fault(text, i, WORDS[expected])
  }
  if (expected !== 'after-value') return fault(text, i, WORDS[expected])
  const inside = open.at(-1)
  return inside === undefined ? null : fault(text, i, `A comma or ${inside === '{' ? '}' : ']'} is missing`)
}

function skip(text: string, from: number): number {
  let i = from
  while (i < text.length && ' \t\n\r'.includes(text.charAt(i))) i++
  return i
}

function fault(text: string, index: number, message: string): JsonFault {
  const before = text.slice(0, index).split('\n')
  return { message, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}
