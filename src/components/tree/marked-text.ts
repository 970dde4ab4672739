/** A path before, in, and after where a text is found in it in any case; all of it before, where it is not. */
export function parted(path: string, text: string): readonly [before: string, match: string, after: string] {
  const at = text === '' ? -1 : path.toLowerCase().indexOf(text.toLowerCase())
  if (at < 0) return [path, '', '']
  return [path.slice(0, at), path.slice(at, at + text.length), path.slice(at + text.length)]
}
