import { type AddressInfo, type Socket, connect } from 'node:net'
import { type Server, createServer } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../server/testing.ts'
import { Chunk } from './sse-frame.ts'
import { SseOutlet } from './sse-outlet.ts'

// Guards what goes past Node's response to the connection: it is well-formed, and a connection that is stuck is let go.

let server: Server
let outlet: SseOutlet
let connection: Socket
let client: Socket
let heard: string[]
let text: string
beforeEach(async () => {
  heard = []
  text = ''
  server = createServer((request, response) => {
    connection = request.socket
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    outlet = new SseOutlet(response, { onDrain: () => heard.push('drain'), onClose: () => heard.push('close') })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.setEncoding('latin1').on('data', (more: string) => (text += more))
  client.on('error', () => {})
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await eventually(() => text.includes('\r\n\r\n'))
})
afterEach(() => {
  client.destroy()
  server.close()
})

const body = () => text.slice(text.indexOf('\r\n\r\n') + 4)

/** Writes until the connection takes no more. */
function fill(): void {
  const chunk = new Chunk('x'.repeat(1_000_000))
  client.pause()
  for (let i = 0; i < 64; i++) outlet.write(chunk)
}

test('what is written comes as chunks, and the end as one without anything in it', async () => {
  expect(outlet.write(new Chunk('event: data\n'))).toBe(true)
  outlet.write(new Chunk('zwölf'))
  outlet.end()
  outlet.write(new Chunk('after the end'))
  await eventually(() => heard.includes('close'))
  await eventually(() => body().endsWith('0\r\n\r\n'))
  expect(body()).toBe('c\r\nevent: data\n\r\n6\r\nzw\xc3\xb6lf\r\n0\r\n\r\n')
  expect(heard).toEqual(['close'])
})

test('the connection carries the next answer when one has ended', async () => {
  outlet.write(new Chunk('first'))
  outlet.end()
  await eventually(() => heard.includes('close'))
  const first = outlet
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await eventually(() => outlet !== first)
  first.cut()
  outlet.write(new Chunk('second'))
  await eventually(() => text.includes('6\r\nsecond\r\n'))
  // Node's own, and that of the second: the first has left nothing behind.
  expect(connection.listenerCount('drain')).toBe(2)
})

test('a client that takes nothing is given up on after a minute, one that takes a little is not', async () => {
  fill()
  expect(outlet.unsent).toBeGreaterThan(1_000_000)
  outlet.waitForDrain()
  expect(connection.timeout).toBe(60_000)
  client.resume()
  await eventually(() => heard.includes('drain'))
  expect(outlet.unsent).toBe(0)
  expect(connection.timeout).toBe(0)
  fill()
  outlet.waitForDrain()
  connection.emit('timeout')
  await eventually(() => heard.includes('close'))
})

test('cut off, a client that has taken everything hears of the end, and one that has not is left alone', async () => {
  fill()
  outlet.cut()
  await eventually(() => heard.includes('close'))
  expect(connection.destroyed).toBe(true)
})
