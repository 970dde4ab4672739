import { useState } from 'react'
import { useItxConnection } from '../../itx/react/provider.ts'
import { postJson } from '../auth/post-json.ts'
import { Button } from '../ui/button.tsx'

/** Ends the session and this tab's socket. */
export function SignOutButton() {
  const connection = useItxConnection()
  const [state, setState] = useState<'idle' | 'busy' | 'failed'>('idle')
  const signOut = async () => {
    setState('busy')
    const posted = await postJson('/api/auth/sign-out', {})
    // 401: there was no session any more, which is what was wanted.
    if (!posted.ok && posted.status !== 401) return setState('failed')
    connection?.close()
    window.location.assign('/sign-in')
  }
  return (
    <Button look="quiet" onClick={() => void signOut()} disabled={state === 'busy'} className="px-1.5">
      {state === 'failed' ? 'Not signed out: try again' : 'Sign out'}
    </Button>
  )
}
