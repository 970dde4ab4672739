import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Door, type RawResponse, TestTributary } from './testing.ts'

// Threat: a producer that is late, early, restarted, doubled or not the only one gets something stored twice, out of order
// or not at all; a stream goes on after its end; a restart of the server forgets who was where. Held to a model of the
// protocol's table, over the real door.

const SEED = 20_261_124

let tributary: TestTributary
let door: Door
beforeAll(async () => {
  tributary = await TestTributary.start()
  door = tributary.door('operator')
})
afterAll(() => tributary.stop())

interface Producer {
  readonly id: string
  readonly epoch: number
  readonly seq: number
}

interface Append {
  readonly text: string
  readonly close: boolean
  readonly streamSeq: string | null
  readonly producer: Producer | null
}

interface Expected {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
}

/** What the protocol says of a stream, and nothing of how it is done. */
class Model {
  data = ''
  closed = false
  #closedBy: Producer | null = null
  #streamSeq: string | null = null
  readonly #places = new Map<string, { epoch: number; seq: number }>()

  place(id: string): { readonly epoch: number; readonly seq: number } {
    return this.#places.get(id) ?? { epoch: 0, seq: -1 }
  }

  append({ text, close, streamSeq, producer }: Append): Expected {
    if (text === '' && !close) return { status: 400 }
    if (this.closed) {
      const by = this.#closedBy
      const again = producer
        ? by?.id === producer.id && by.epoch === producer.epoch && by.seq === producer.seq
        : text === ''
      return { status: again ? 204 : 409, headers: { 'stream-closed': 'true' } }
    }
    if (producer) {
      const { id, epoch, seq } = producer
      const known = this.#places.get(id)
      if (known && epoch < known.epoch) return { status: 403, headers: { 'producer-epoch': String(known.epoch) } }
      if (known && epoch > known.epoch && seq > 0) return { status: 400 }
      const next = known && epoch === known.epoch ? known.seq + 1 : 0
      if (seq < next) {
        return { status: 204, headers: { 'producer-epoch': String(epoch), 'producer-seq': String(next - 1) } }
      }
      if (seq > next) {
        return {
          status: 409,
          headers: { 'producer-expected-seq': String(next), 'producer-received-seq': String(seq) },
        }
      }
    }
    if (streamSeq !== null && this.#streamSeq !== null && streamSeq <= this.#streamSeq) return { status: 409 }
    this.data += text
    this.#streamSeq = streamSeq ?? this.#streamSeq
    this.closed = close
    if (close) this.#closedBy = producer
    if (!producer) return { status: 204 }
    this.#places.set(producer.id, producer)
    const { epoch, seq } = producer
    const headers = { 'producer-epoch': String(epoch), 'producer-seq': String(seq) }
    return { status: text === '' ? 204 : 200, headers }
  }
}

function send(path: string, { text, close, streamSeq, producer }: Append): Promise<RawResponse> {
  return door.send('POST', path, text, {
    'content-type': 'text/plain',
    ...(close ? { 'stream-closed': 'true' } : {}),
    ...(streamSeq === null ? {} : { 'stream-seq': streamSeq }),
    ...(producer
      ? {
          'producer-id': producer.id,
          'producer-epoch': String(producer.epoch),
          'producer-seq': String(producer.seq),
        }
      : {}),
  })
}

/** Mostly what is next, else what came before it or is yet to come. */
const around = fc.constantFrom(0, 0, 0, 0, 0, -1, -2, 1, 2)
const step = fc.record({
  id: fc.constantFrom('a', 'b', 'b c=d;,"', null),
  epochBy: fc.constantFrom(0, 0, 0, 0, 0, 1, -1),
  seqBy: around,
  streamSeq: fc.constantFrom(null, null, null, '1', '10', '2', 'a', 'B', '~'),
  close: fc.nat(39).map((n) => n === 7),
  empty: fc.constantFrom(false, false, false, true),
  /** The same request twice at once: of a retry that overtakes its first, one is stored. */
  twice: fc.constantFrom(false, false, true),
})
const action = fc.oneof({ weight: 30, arbitrary: step }, { weight: 1, arbitrary: fc.constant('restart' as const) })

test('whatever producers do, at once, again and through restarts, is answered and stored as the protocol says', async () => {
  let [runs, sent] = [0, 0]
  const statuses = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 60 }), async (actions) => {
      const path = `/producers/${runs++}`
      const model = new Model()
      await door.send('PUT', path, undefined, { 'content-type': 'text/plain' })
      for (const each of actions) {
        if (each === 'restart') {
          await tributary.kill()
          await tributary.resume()
          continue
        }
        const place = model.place(each.id ?? '')
        const epoch = Math.max(0, place.epoch + each.epochBy)
        const seq = Math.max(0, (epoch > place.epoch ? 0 : place.seq + 1) + each.seqBy)
        const append: Append = {
          text: each.empty ? '' : `${sent};`,
          close: each.close,
          streamSeq: each.streamSeq,
          producer: each.id === null ? null : { id: each.id, epoch, seq },
        }
        const expected = Array.from({ length: each.twice ? 2 : 1 }, () => model.append(append))
        const answers = await Promise.all(expected.map(() => send(path, append)))
        sent += answers.length
        for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1)
        const byStatus = (a: { status: number }, b: { status: number }) => a.status - b.status
        // Which of two was first nobody can know.
        expect(answers.toSorted(byStatus)).toMatchObject(expected.toSorted(byStatus))
        const { headers } = await door.send('HEAD', path)
        expect(headers['stream-closed']).toBe(model.closed ? 'true' : undefined)
        const tail = headers['stream-next-offset']
        const told = answers.filter(({ status }) => status < 300).map(({ headers: of }) => of['stream-next-offset'])
        if (told.length > 0) expect(told).toContain(tail)
      }
      expect((await door.get(path)).text).toBe(model.data)
    }),
    { numRuns: 60, seed: SEED },
  )
  // Every kind of answer was among them, and not just once or twice.
  for (const status of [200, 204, 400, 403, 409])
    expect([status, statuses.get(status) ?? 0]).toEqual([status, expect.toSatisfy((n: number) => n > 20)])
  expect(tributary.logged).toEqual([])
}, 120_000)
