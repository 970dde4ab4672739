import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Role, ROLES, roleAtLeast } from '../control-plane/roles.ts'
import { NEEDED_ROLE } from '../itx/permissions.ts'
import { encodeInput } from '../streams/event-input.ts'
import { parsePath } from '../streams/path.ts'
import { NO_EVENTS, CORE_TYPES, UNKNOWN_FIELDS, WRONG, listed, written } from './hostile-input.ts'
import { Watch, checkFailure, checkRefusal, checkUnharmed } from './hostile-oracle.ts'
import { type Door, type Dialled, TestTributary } from './testing.ts'

// Threat: a caller writes an event that is the engine's own to write, or one that no event can be. Every type and every
// wrong field, through every door, alone and among good ones.

let tributary: TestTributary
let watch: Watch
const doors = new Map<Role, Door>()
const sockets = new Map<Role, Dialled>()
beforeAll(async () => {
  tributary = await TestTributary.start()
  watch = new Watch()
  for (const role of ROLES) {
    doors.set(role, tributary.door(role))
    sockets.set(role, tributary.itx(role))
  }
  await tributary.streams().append(parsePath('/there'), [{ type: 'first' }])
})
afterAll(async () => {
  watch[Symbol.dispose]()
  for (const each of sockets.values()) each.close()
  await tributary.stop()
})

type Event = Readonly<Record<string, unknown>>
type Append = (role: Role, path: string, events: readonly Event[]) => Promise<string>

/** Appends through a door; the code of the refusal, or `stored`. */
const DOORS: Readonly<Record<string, Append>> = {
  'the socket': async (role, path, events) => {
    const stream = sockets.get(role)!.streams().get(path)
    return stream.append(events.map((each) => encodeInput(each))).then(() => 'stored', checkFailure)
  },
  HTTP: async (role, path, events) => {
    const answer = await doors.get(role)!.append(path, events)
    if (answer.status === 200) return 'stored'
    checkRefusal({ ...answer, head: false })
    return (answer.json as { code: string }).code
  },
  'HTTP, by lines': async (role, path, events) => {
    const body = events.map((each) => JSON.stringify(each)).join('\n')
    const headers = { 'content-type': 'application/vnd.tributary.event+x-ndjson' }
    const answer = await doors.get(role)!.send('POST', path, body, headers)
    if (answer.status === 200) return 'stored'
    checkRefusal({ ...answer, head: false })
    return (answer.json as { code: string }).code
  },
}

const maxOffset = async (path: string) => (await tributary.streams().state(parsePath(path))).maxOffset

const PAYLOADS: Readonly<Record<string, { readonly payload: object; readonly needs: Role }>> = {
  'stream/configured': { payload: { config: {} }, needs: NEEDED_ROLE.configure },
  'stream/metadata-updated': { payload: { metadata: {} }, needs: NEEDED_ROLE.setMetadata },
  'stream/paused': { payload: {}, needs: NEEDED_ROLE.pause },
  'stream/resumed': { payload: {}, needs: NEEDED_ROLE.resume },
}

describe.each(Object.entries(DOORS))('through %s', (door, append) => {
  test.each(ROLES)(`a ${CORE_TYPES.length}-fold forger who is %s is refused, and nothing is stored`, async (role) => {
    for (const type of CORE_TYPES) {
      const known = PAYLOADS[type]
      if (known && roleAtLeast(role, known.needs)) continue
      const forged = { type, payload: known?.payload ?? { path: '/forged', incarnationId: 'x' } }
      for (const path of ['/there', '/absent/too']) {
        const before = await maxOffset(path)
        const batches = [
          [forged],
          [{ type: 'a' }, forged],
          [{ ...forged, idempotencyKey: 'k' }],
          [{ ...forged, offset: before + 1 }],
        ]
        for (const batch of batches) {
          expect([type, path, await append(role, path, batch)]).toEqual([type, path, 'FORBIDDEN'])
          expect([type, await maxOffset(path)]).toEqual([type, before])
        }
      }
    }
    expect((await tributary.streams().state(parsePath('/absent'))).exists).toBe(false)
    checkUnharmed(watch)
  })

  test('core events that are an operator’s to write are held to what they may say', async () => {
    const wrong = [
      ...listed`null  0  ""  []  {"other":1}  {"config":null}  {"config":{"other":1}}  {"config":{"recordPresence":"yes"}}
        {"config":{"circuitBreaker":{}}}  {"config":{"circuitBreaker":{"burstCapacity":-1,"refillRatePerMinute":1}}}
        {"config":{"circuitBreaker":{"burstCapacity":1e13,"refillRatePerMinute":1}}}  {"config":{},"__proto__":1}
        {"config":{"__proto__":{"recordPresence":true}}}  {"config":[]}`.map((payload) => [
        'stream/configured',
        payload,
      ]),
      ...listed`null  []  {}  {"metadata":null}  {"metadata":[]}  {"metadata":"x"}  {"metadata":{},"more":1}`.map(
        (payload) => ['stream/metadata-updated', payload],
      ),
      ['stream/metadata-updated', JSON.stringify({ metadata: { a: 'x'.repeat(17_000) } })],
      ...listed`null  []  {"reason":null}  {"reason":7}  {"reason":"\ud800"}  {"why":"x"}`.flatMap((payload) => [
        ['stream/paused', payload],
        ['stream/resumed', payload],
      ]),
      ['stream/paused', JSON.stringify({ reason: 'x'.repeat(1001) })],
    ]
    for (const [type = '', payload = ''] of wrong) {
      const before = await maxOffset('/there')
      const code = await append('operator', '/there', [
        { type: 'a' },
        { type, payload: JSON.parse(payload) as unknown },
      ])
      expect([type, payload, code, await maxOffset('/there')]).toEqual([type, payload, 'BAD_REQUEST', before])
    }
    expect(wrong.length).toBeGreaterThan(30)
    checkUnharmed(watch)
  })

  test(`a viewer's event is ${door === 'the socket' ? 'FORBIDDEN' : '403'}, good or bad`, async () => {
    for (const event of [{ type: 'a' }, { type: 'stream/closed' }]) {
      expect(await append('viewer', '/there', [event])).toBe('FORBIDDEN')
    }
  })
})

describe('each field of an event, wrong in each way, is BAD_REQUEST and stores nothing of its batch', () => {
  const cases = [
    ...Object.entries(WRONG).flatMap(([name, values]) =>
      values.map(
        (value) =>
          [
            name,
            name === 'type'
              ? [[name, value]]
              : [
                  ['type', '"a"'],
                  [name, value],
                ],
          ] as const,
      ),
    ),
    ...UNKNOWN_FIELDS.map(
      (name) =>
        [
          'an unknown field',
          [
            ['type', '"a"'],
            [name, '1'],
          ],
        ] as const,
    ),
  ].map(([name, members]) => [name, written(members as [string, string][])] as const)
  const texts = [...cases, ...NO_EVENTS.map((each) => ['no event', each] as const)]

  test(`${texts.length} of them over HTTP`, async () => {
    const before = await maxOffset('/there')
    for (const [what, text] of texts) {
      // In the middle: what is at the beginning of a body may be a byte order mark.
      const answer = await doors.get('editor')!.append('/there', `[{"type":"good"},${text},{"type":"good"}]`)
      checkRefusal({ ...answer, head: false })
      expect([what, text.slice(0, 100), answer.status]).toEqual([what, text.slice(0, 100), 400])
    }
    expect(await maxOffset('/there')).toBe(before)
    checkUnharmed(watch)
  })
})
