import { useState } from 'react'
import { useItxConnection } from '../../itx/react/provider.ts'
import { postJson } from '../auth/post-json.ts'

/** Ends the session and this tab's socket. */
export function useSignOut(): { readonly signOut: () => void; readonly failure: boolean } {
  const connection = useItxConnection()
  const [failure, setFailure] = useState(false)
  const end = async () => {
    setFailure(false)
    const posted = await postJson('/api/auth/sign-out', {})
    // 401: there was no session any more, which is what was wanted.
    if (!posted.ok && posted.status !== 401) return setFailure(true)
    connection?.close()
    window.location.assign('/sign-in')
  }
  return { signOut: () => void end(), failure }
}
