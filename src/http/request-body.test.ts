import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failureOf } from '../streams/testing.ts'
import { bodyText } from './request-body.ts'

// Threat: a body takes more memory than its limit, or is put together in another way than it was sent.

const requestOf = (body: AsyncIterable<Uint8Array> | null, headers: Record<string, string> = {}) =>
  ({ headers: new Headers(headers), body }) as unknown as Request

async function* inPieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b)
  for (const [i, from] of places.slice(0, -1).entries()) yield bytes.subarray(from, places[i + 1])
}

test('however it is cut into chunks, a body is what was sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme' }), fc.array(fc.nat(200)), async (text, cuts) => {
      const bytes = Buffer.from(text)
      expect(await bodyText(requestOf(inPieces(bytes, cuts)), bytes.length)).toBe(text)
      if (bytes.length === 0) return
      expect(await failureOf(bodyText(requestOf(inPieces(bytes, cuts)), bytes.length - 1))).toMatchObject({
        code: 'BAD_REQUEST',
        reason: 'too-large',
        limit: bytes.length - 1,
      })
    }),
  )
})

test('no body is an empty one', async () => {
  expect(await bodyText(requestOf(null), 0)).toBe('')
})

describe('a body', () => {
  test('that says it is too large is not read', async () => {
    let read = 0
    const body = (async function* () {
      read++
      yield Buffer.from('x')
    })()
    expect(await failureOf(bodyText(requestOf(body, { 'content-length': '11' }), 10))).toMatchObject({
      size: 11,
      limit: 10,
    })
    expect(read).toBe(0)
  })

  test('that is too large is read no further than that', async () => {
    let read = 0
    const body = (async function* () {
      for (;;) {
        read++
        yield Buffer.alloc(4)
      }
    })()
    expect(await failureOf(bodyText(requestOf(body), 10))).toMatchObject({ size: 12, limit: 10 })
    expect(read).toBe(3)
  })

  test('that breaks off is the fault of whoever sent it', async () => {
    const body = (async function* () {
      yield Buffer.from('{')
      throw new Error('aborted')
    })()
    expect(await failureOf(bodyText(requestOf(body), 10))).toEqual({ code: 'BAD_REQUEST', field: 'body' })
  })

  test('in chunks of one byte takes the memory of its bytes, not that of its chunks', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const memory = () => {
      collect()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const [chunks, slab] = [400_000, Buffer.alloc(64 * 1024, 'x')]
    let grown = Infinity
    const body = (async function* () {
      const before = memory()
      for (let i = 0; i < chunks; i++) yield slab.subarray(i % slab.length, (i % slab.length) + 1)
      grown = memory() - before
    })()
    expect((await bodyText(requestOf(body), chunks)).length).toBe(chunks)
    // Kept, each of them is an object of about a hundred bytes.
    expect(grown).toBeLessThan(10 * 2 ** 20)
  })
})
