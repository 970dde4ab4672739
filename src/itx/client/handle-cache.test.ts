import { expect, test } from 'vitest'
import { Connection } from './connection.ts'

// Threat: a handle that was asked for on a socket that broke fails late, and takes the one that was asked for anew out of
// the cache with it. It fails a few promises later than its socket; only a scripted socket is open again before that.

class ScriptedSocket extends EventTarget {
  readonly readyState = 1
  readonly bufferedAmount = 0
  /** How often a project was asked for. */
  asked = 0

  constructor() {
    super()
    queueMicrotask(() => this.dispatchEvent(new Event('open')))
  }

  send(frame: string): void {
    if (frame.includes('"get"')) this.asked++
  }

  close(): void {}

  break(): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code: 1012, reason: '' }))
  }
}

test('a handle that fails late leaves alone the one that was asked for anew', async () => {
  const sockets: ScriptedSocket[] = []
  const connection = new Connection(() => {
    const socket = new ScriptedSocket()
    sockets.push(socket)
    return socket as unknown as WebSocket
  })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  let lost = false
  const before = connection.project('demo').catch(() => (lost = true))
  await turn()
  sockets[0]?.break()
  const anew = connection.project('demo')
  while (sockets[1]?.asked === 0) await Promise.resolve()
  expect([sockets[1]?.asked, lost]).toEqual([1, false])
  await before
  const cached = connection.project('demo')
  await turn()
  expect([sockets[1]?.asked, lost]).toEqual([1, true])
  connection.close()
  await Promise.allSettled([anew, cached])
})
