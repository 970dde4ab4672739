import { expect, test, vi } from 'vitest'
import { TestTributary, eventually } from '../server/testing.ts'

test('a peer that answers no pings is dropped, and one that does is kept', async () => {
  // Only the clock of the pings: the sockets themselves are real.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const tributary = await TestTributary.start()
  try {
    const silent = tributary.itx('editor')
    const polite = tributary.itx('editor')
    await Promise.all([silent.root.ping(), polite.root.ping()])
    ;(silent.socket as unknown as { pong: () => void }).pong = () => {}
    let pings = 0
    polite.socket.on('ping', () => pings++)
    for (let round = 1; round <= 4; round++) {
      vi.advanceTimersByTime(15_000)
      await eventually(() => pings >= round)
      // The pong has been read once a later message has been answered.
      await polite.root.ping()
      // Three may be missed: the fourth time that it is asked, it is gone.
      if (round < 4) expect(await silent.root.ping()).toBe('pong')
    }
    expect(await silent.ended).toMatchObject({ code: 1006 })
    expect(await polite.root.ping()).toBe('pong')
  } finally {
    await tributary.stop()
    vi.useRealTimers()
  }
})
