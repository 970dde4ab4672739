import { useEffect, useState } from 'react'

/** What is told of a second comes when the second is over, and a moment later: until then it is not taken for nothing. */
const LATE_MS = 1000

/**
 * Whole seconds for which nothing newer than this was told, by a clock that is never set. It stands still while nobody
 * looks; on the server, and in the first render, there are none.
 */
export function useSecondsSince(told: object): number {
  const [gone, setGone] = useState({ told, seconds: 0 })
  useEffect(() => {
    const from = performance.now()
    const tick = () => {
      const seconds = Math.floor((performance.now() - from - LATE_MS) / 1000)
      if (!document.hidden && seconds > 0) setGone({ told, seconds })
    }
    const timer = setInterval(tick, 1000)
    document.addEventListener('visibilitychange', tick)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', tick)
    }
  }, [told])
  return gone.told === told ? gone.seconds : 0
}
