import { createServerEntry } from '@tanstack/react-start/server-entry'
import { createStartHandler, defaultStreamHandler } from '@tanstack/react-start/server'
import { currentInstance } from '../itx/instance.ts'
import { closeSockets } from '../itx/socket.ts'
import { answer } from './answer.ts'

export { handleUpgrade } from '../itx/socket.ts'
export { announce, beginStop, finishStop, isReady, startInstance } from './start.ts'

const renderPage = createStartHandler(defaultStreamHandler)

export default createServerEntry({
  // Where the router of this render finds it: `pageNonce` in itx/page-context.ts.
  fetch: (request, options) =>
    answer(request, (page, nonce) => renderPage(page, { ...options, context: { ...options?.context, nonce } })),
})

// Dev: live sockets and readers stay bound to the code they began with; told to come back, they get the new one.
import.meta.hot?.on('vite:beforeFullReload', () => {
  closeSockets('restart')
  currentInstance().readers.restart()
})
