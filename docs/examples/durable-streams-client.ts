// The official TypeScript client of the Durable Streams protocol, against Tributary as it is: make a stream, write to it
// exactly once, follow it live, come back later, close it.
//
//   npm install @durable-streams/client@0.2.7
//   TRIBUTARY_URL=http://localhost:3000 TRIBUTARY_TOKEN=trb_… node durable-streams-client.ts
//
// An editor's token is enough, except for closing at the end, which needs the role operator:
//   npm run -s tributary -- token create --project demo --role operator
import { DurableStream, IdempotentProducer, stream } from '@durable-streams/client'

const { TRIBUTARY_URL = 'http://localhost:3000', TRIBUTARY_PROJECT = 'demo', TRIBUTARY_TOKEN = '' } = process.env
const url = `${TRIBUTARY_URL}/api/streams/${TRIBUTARY_PROJECT}/examples/orders-${Date.now()}`
const headers = { authorization: `Bearer ${TRIBUTARY_TOKEN}` }

interface Order {
  readonly order: number
  readonly total: number
}

// The producer numbers its batches, and the server stores each number once, so a request that was not answered may be
// sent again. The producer does not do that by itself: its `fetch` has to.
async function fetchUntilAnswered(...request: Parameters<typeof fetch>): Promise<Response> {
  for (;;) {
    const response = await fetch(...request).catch(() => null)
    if (response !== null && response.status < 500) return response
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** Hands over orders as they come. Resolves with the offset to come back with: after `until`, or at the end of the stream. */
async function follow(from: string, take: (order: Order) => void, until = Infinity): Promise<string> {
  let offset = from
  let done = false
  for (;;) {
    // `live: 'long-poll'` works as well. It retries by itself until it is connected, and after 429 and 503.
    const session = await stream<Order>({ url, headers, offset, live: 'sse' })
    let over = false
    const leave = session.subscribeJson((batch) => {
      if (over) return
      batch.items.forEach(take)
      // An offset belongs to a whole batch. Keep it where the results of the batch are kept.
      offset = batch.offset
      done = batch.streamClosed || batch.items.some(({ order }) => order >= until)
      if (done) leave()
    })
    // A connection that breaks ends the session. The next one goes on after the last batch: no gap, nothing twice.
    await session.closed.catch(() => {})
    if (done) return offset
    over = true
    leave()
  }
}

const orders = await DurableStream.create({ url, headers, contentType: 'application/json' })
console.log('made', new URL(orders.url).pathname)

const producer = new IdempotentProducer(orders, 'checkout-1', {
  fetch: fetchUntilAnswered,
  onError: (error) => {
    console.error('not stored:', error.message)
    process.exitCode = 1
  },
})
const place = (order: number) => producer.append(JSON.stringify({ order, total: order * 10 } satisfies Order))

// Written to while somebody follows. `append` returns at once; after `flush` everything is on the server's disk.
const firstThree = follow('-1', ({ order, total }) => console.log(`live: order ${order} of ${total}`), 3)
place(1)
place(2)
place(3)
await producer.flush()
const bookmark = await firstThree
console.log('left after', bookmark)

// Nobody was here meanwhile.
place(4)
await producer.flush()

// Back at the bookmark: order 4, and what comes from now on, to the end of the stream.
const theRest = follow(bookmark, ({ order, total }) => console.log(`again: order ${order} of ${total}`))
place(5)
const { finalOffset } = await producer.close(JSON.stringify({ order: 6, total: 60 } satisfies Order))
console.log('closed at', finalOffset, (await theRest) === finalOffset ? 'and read to there' : 'and read to elsewhere')
