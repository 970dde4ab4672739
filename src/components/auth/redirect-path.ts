/** Where a sign-in leads when nothing better is known. */
export const HOME = '/projects'

const PLACEHOLDER = 'http://same.invalid'

/**
 * The path to go to after signing in: that of the link, if it stays on this site. A link that leads elsewhere, in
 * whatever disguise (`//evil`, `/\evil`, `http:…`), is ignored: a sign-in page must not be a way to send people on.
 */
export function redirectPath(asked: unknown): string {
  if (typeof asked !== 'string' || !/^\/(?![/\\])/.test(asked)) return HOME
  // Browsers drop tabs and line breaks from addresses, which turns `/\t/evil` into `//evil`.
  // oxlint-disable-next-line no-control-regex -- control characters are what is being refused
  if (/[\u0000-\u0020\\]/.test(asked) || !URL.canParse(asked, PLACEHOLDER)) return HOME
  const { origin, pathname, search, hash } = new URL(asked, PLACEHOLDER)
  // Dots may resolve to a second slash in front: `/.//evil`.
  if (origin !== PLACEHOLDER || pathname.startsWith('//')) return HOME
  return `${pathname}${search}${hash}`
}
