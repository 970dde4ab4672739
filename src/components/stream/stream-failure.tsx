import { Failure } from '../ui/failure.tsx'
import { useRetryFailed } from '../ui/use-retry-failed.ts'

/** Why a stream's page is not live any more, in words, and what can be done about it. */
export function StreamFailure({ error }: { readonly error: unknown }) {
  const { retry, busy } = useRetryFailed()
  return (
    <div className="px-4 py-3">
      <Failure error={error} onRetry={retry} busy={busy} />
    </div>
  )
}
