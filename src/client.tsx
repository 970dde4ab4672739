import { RouterClient } from '@tanstack/react-router/ssr/client'
import { StrictMode, startTransition } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { markMissingParts } from './components/ui/missing-part.ts'
import { getRouter } from './router.tsx'

// The framework's own entry brings what calls server functions, 15 kB of it. There are none: pages talk over the socket.
const router = getRouter()
markMissingParts()

startTransition(() => {
  hydrateRoot(
    document,
    <StrictMode>
      <RouterClient router={router} />
    </StrictMode>,
  )
})
