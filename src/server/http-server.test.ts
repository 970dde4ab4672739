import { type AddressInfo, type Socket, connect } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { createHttpServer } from './http-server.ts'

test('whoever comes while the server ends is told so, and when to come back: requests and upgrades', async () => {
  const { server, refuse } = createHttpServer({
    handle: (_request, response) => void response.end('served'),
    handleUpgrade: () => Promise.reject(new Error('it was let in')),
  })
  const accepted: Socket[] = []
  server.on('connection', (socket) => accepted.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  // Their connections are there before the end begins: no new ones are taken after that.
  const begun = ['GET / HTTP/1.1', 'GET /api/itx HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket'].map((head) => {
    const socket = connect(port, '127.0.0.1')
    const text: string[] = []
    socket.on('data', (chunk) => text.push(String(chunk)))
    socket.write(`${head}\r\n`)
    return { socket, text }
  })
  await Promise.all(begun.map(({ socket }) => once(socket, 'connect')))
  // A part of each is there: what is under way is not cut off.
  while (accepted.length < 2 || accepted.some(({ bytesRead }) => bytesRead === 0)) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  refuse()
  for (const { socket, text } of begun) {
    socket.write('Host: x\r\n\r\n')
    await once(socket, 'close')
    expect(text.join('')).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
    expect(text.join('').toLowerCase()).toContain('\r\nretry-after: 1\r\n')
  }
})
