import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import { CallBudget } from './call-budget.ts'
import { FrameGuard } from './frame-guard.ts'
import { SocketSession } from './socket-session.ts'
import { SocketTransport } from './socket-transport.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('of many large answers that are asked for at once, sixteen are prepared, and none while the last are not taken', async () => {
  let takenYet = Promise.withResolvers<void>()
  const pace = { ready: false, wait: () => takenYet.promise }
  const session = new SocketSession(1, pace)
  const begun: PromiseWithResolvers<void>[] = []
  const answers = Array.from({ length: 100 }, () =>
    session.answer(() => {
      const work = Promise.withResolvers<void>()
      begun.push(work)
      return work.promise
    }),
  )
  await turn()
  expect(begun).toHaveLength(0)
  pace.ready = true
  takenYet.resolve()
  await turn()
  expect(begun).toHaveLength(16)
  takenYet = Promise.withResolvers()
  pace.ready = false
  begun[0]?.resolve()
  await answers[0]
  await turn()
  expect(begun).toHaveLength(16)
  pace.ready = true
  takenYet.resolve()
  await turn()
  expect(begun).toHaveLength(17)
  // One that fails makes room as well.
  begun[1]?.reject(new Error('broken'))
  await expect(answers[1]).rejects.toThrow('broken')
  await turn()
  expect(begun).toHaveLength(18)
  while (begun.length < 100) {
    for (const each of begun) each.resolve()
    await turn()
  }
  for (const each of begun) each.resolve()
  await Promise.all([answers[0], ...answers.slice(2)])
})

/** A socket whose other end reads when the test says so. */
class SlowSocket extends EventEmitter {
  readonly OPEN = 1
  readyState = 1
  bufferedAmount = 0
  paused = false
  send(text: string): void {
    this.bufferedAmount += text.length
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  close(): void {
    this.readyState = 3
  }
}

function slowTransport() {
  const [ws, connection] = [new SlowSocket(), new EventEmitter()]
  const guard = new FrameGuard({ calls: new CallBudget(1000), open: 100, functions: true })
  const transport = new SocketTransport(ws as unknown as WebSocket, connection as unknown as Duplex, guard)
  return { ws, connection, transport }
}

test('a caller who does not read its answers is not read either, until it does', async () => {
  const { ws, connection, transport } = slowTransport()
  transport.send(['resolve', 1, 'x'.repeat(10 * 2 ** 20)])
  expect([ws.paused, transport.ready]).toEqual([false, true])
  transport.send(['resolve', 2, 'x'.repeat(10 * 2 ** 20)])
  expect([ws.paused, transport.ready]).toEqual([true, false])
  const went: number[] = []
  for (const i of [1, 2]) void transport.wait().then(() => went.push(i))
  ws.bufferedAmount = 17 * 2 ** 20
  connection.emit('drain')
  await turn()
  expect([ws.paused, went]).toEqual([true, []])
  ws.bufferedAmount = 1000
  connection.emit('drain')
  await Promise.resolve()
  // The first of them sends much again: the second goes on waiting.
  expect([ws.paused, went]).toEqual([false, [1]])
  transport.send(['resolve', 3, 'x'.repeat(20 * 2 ** 20)])
  await turn()
  expect([ws.paused, went]).toEqual([true, [1]])
  ws.bufferedAmount = 0
  connection.emit('drain')
  await turn()
  expect([ws.paused, went]).toEqual([false, [1, 2]])
})

test('whoever waits for a caller to read goes on when the caller has gone', async () => {
  const { ws, transport } = slowTransport()
  transport.send(['resolve', 1, 'x'.repeat(20 * 2 ** 20)])
  const waiting = [transport.wait(), transport.wait()]
  ws.emit('close', 1006)
  await Promise.all(waiting)
  expect(transport.ready).toBe(true)
  await expect(transport.receive()).rejects.toThrow('closed: 1006')
})
