import type { MouseEvent } from 'react'

/**
 * Follows a link within the page, as the router's own links do; with a key or another button the browser does what it
 * does with any link. For lists so long that a link of the router in every row costs too much.
 */
export function followed(click: MouseEvent<HTMLAnchorElement>, go: () => void): void {
  if (click.button !== 0 || click.metaKey || click.ctrlKey || click.shiftKey || click.altKey) return
  click.preventDefault()
  go()
}
