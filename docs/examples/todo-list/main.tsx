import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { StreamDBProvider } from 'tributary/stream-db/react'
import { App } from './app.tsx'
import { db, outbox } from './todos.ts'

// What waits is in the memory of this tab alone.
addEventListener('beforeunload', (event) => {
  if (outbox.waiting > 0) event.preventDefault()
})

const main = document.querySelector('main')
if (main === null) throw new Error('the page has no <main>')
createRoot(main).render(
  <StrictMode>
    <StreamDBProvider db={db}>
      <App />
    </StreamDBProvider>
  </StrictMode>,
)
