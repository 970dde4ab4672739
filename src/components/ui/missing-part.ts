/**
 * Marks the failure to load a part of the page's own code as what it is. The router takes the browser's wording for a
 * new version of the server, and loads the document anew at once: while nobody answers, all that is on the page would be
 * lost to the browser's own page, which does not come back.
 */
export function markMissingParts(): void {
  addEventListener('vite:preloadError', ({ payload }) => {
    payload.message = `a part of this page could not be loaded (${payload.message})`
    Object.assign(payload, { code: 'UNAVAILABLE', details: { reason: 'page-part' } })
  })
}
