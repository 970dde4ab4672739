/** A word for a POSIX shell, as commands to paste need it: paths may hold `$`, `&` and brackets, an address an apostrophe. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
