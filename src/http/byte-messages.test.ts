import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Door, TestTributary } from '../server/testing.ts'
import type { EncodedInput } from '../streams/event.ts'
import { PIECE_BYTES, byteInputs } from './byte-messages.ts'

// A stream of bytes gives back what was appended, to the byte, whatever it is stored as.

const bytesOf = ({ raw, payload }: EncodedInput) =>
  Buffer.from(JSON.parse(payload ?? '""') as string, raw === 'bytes' ? 'base64' : 'utf8')
const sizes = (inputs: readonly EncodedInput[]) => inputs.map((input) => [input.raw, bytesOf(input).byteLength])

describe('an append of bytes', () => {
  test('is one event of up to 512 KiB, and several beyond', () => {
    expect(PIECE_BYTES).toBe(512 * 1024)
    expect(sizes(byteInputs(Buffer.alloc(PIECE_BYTES, 'x')))).toEqual([['text', PIECE_BYTES]])
    expect(sizes(byteInputs(Buffer.alloc(PIECE_BYTES + 1, 'x')))).toEqual([
      ['text', PIECE_BYTES],
      ['text', 1],
    ])
    expect(byteInputs(new Uint8Array())).toEqual([])
  })

  test.each(['é', '€', '𝄞'])('of text is cut between characters, so that it stays text: %s', (character) => {
    const size = Buffer.byteLength(character)
    for (let before = 0; before < size; before++) {
      const text = 'x'.repeat(PIECE_BYTES - before) + character + 'y'
      const inputs = byteInputs(Buffer.from(text))
      expect(sizes(inputs)).toEqual([
        ['text', PIECE_BYTES - before],
        ['text', size + 1],
      ])
      expect(Buffer.concat(inputs.map(bytesOf)).toString()).toBe(text)
    }
  })

  test('that is no text is base64, piece by piece, and of 512 KiB as well', () => {
    const bytes = Buffer.alloc(2 * PIECE_BYTES + 5, 0x80)
    expect(sizes(byteInputs(bytes))).toEqual([
      ['bytes', PIECE_BYTES],
      ['bytes', PIECE_BYTES],
      ['bytes', 5],
    ])
    bytes.fill('x', 0, PIECE_BYTES)
    const inputs = byteInputs(bytes)
    expect(sizes(inputs).map(([raw]) => raw)).toEqual(['text', 'bytes', 'bytes'])
    expect(Buffer.concat(inputs.map(bytesOf)).equals(bytes)).toBe(true)
  })

  test('with a mark of byte order keeps it', () => {
    const bytes = Buffer.from('efbbbf6869', 'hex')
    expect(Buffer.concat(byteInputs(bytes).map(bytesOf)).equals(bytes)).toBe(true)
  })
})

describe('over HTTP', () => {
  const type = { 'content-type': 'application/octet-stream' }
  let tributary: TestTributary
  let editor: Door
  let authorization: string
  beforeAll(async () => {
    tributary = await TestTributary.start()
    editor = tributary.door('editor')
    authorization = `Bearer ${tributary.token('viewer')}`
  })
  afterAll(() => tributary.stop())

  const read = async (path: string, offset: string) => {
    const answer = await fetch(`${tributary.url}/api/streams/demo${path}?offset=${offset}`, {
      headers: { authorization },
    })
    return Buffer.from(await answer.arrayBuffer())
  }

  test('what was appended reads back as the same bytes, from the start and from every offset between', async () => {
    let round = 0
    const piece = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      fc.string({ minLength: 1, unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text))),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 6 }), async (pieces) => {
        const path = `/bytes/${round++}`
        const first = await editor.send('PUT', path, undefined, type)
        const offsets = [String(first.headers['stream-next-offset'])]
        for (const each of pieces) {
          const { status, headers } = await editor.send('POST', path, Buffer.from(each), type)
          expect(status).toBe(204)
          offsets.push(String(headers['stream-next-offset']))
        }
        for (const [i, offset] of offsets.entries()) {
          expect((await read(path, offset)).equals(Buffer.concat(pieces.slice(i)))).toBe(true)
        }
      }),
      { numRuns: 40, seed: 20_261_121 },
    )
  })

  test('text is an event that says it, bytes are base64; an envelope among them stays one', async () => {
    await editor.send('PUT', '/seen', 'héllo', type)
    await editor.send('POST', '/seen', Buffer.from([0xff, 0x00]), type)
    await editor.append('/seen', { type: 'order', payload: { n: 1 } })
    const events = (await editor.events('/seen')).slice(1)
    expect(events.map(({ type: of, payload }) => [of, payload])).toEqual([
      ['message', 'héllo'],
      ['message', '/wA='],
      ['order', { n: 1 }],
    ])
    const whole = await read('/seen', '-1')
    const [envelope] = (await editor.events('/seen')).slice(3)
    expect(whole.subarray(0, 8)).toEqual(Buffer.concat([Buffer.from('héllo'), Buffer.from([0xff, 0x00])]))
    expect(JSON.parse(whole.subarray(8).toString())).toEqual(envelope)
  })

  test('an append of several events is stored whole', async () => {
    const bytes = Buffer.alloc(3 * PIECE_BYTES, 0x80)
    const put = await editor.send('PUT', '/several', bytes, type)
    expect(put.headers['stream-next-offset']).toBe('0000000000000004_0000000000000000')
    expect((await read('/several', '-1')).equals(bytes)).toBe(true)
  })
})
