// oxlint-disable vitest/expect-expect -- given/when/then is the assertion
import { AssertionError } from 'node:assert'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { ItxError } from '../streams/errors.ts'
import { type EffectContext, type BatchContext, defineProcessor, schemaOf } from '../streams/processors/contract.ts'
import { given } from './given.ts'

// A test of a processor must fail whenever the server would not do what the test says: so every check is seen to fail.

interface Cart {
  readonly items: readonly string[]
  readonly paidAt: string | null
}

const cart = defineProcessor({
  slug: 'cart',
  version: '1',
  state: z.object({ items: z.array(z.string()), paidAt: z.string().nullable() }),
  initialState: { items: [], paidAt: null },
  consumes: ['item-added', 'paid'],
  events: {
    'item-added': z.object({ item: z.string(), count: z.number().int().default(1) }),
    paid: z.object({ by: z.string() }),
  },
  reduce: (state, event): Cart => {
    if (event.type === 'paid') {
      if (state.items.length === 0) throw new Error('nobody pays for an empty cart')
      return { ...state, paidAt: event.createdAt }
    }
    return { ...state, items: [...state.items, ...Array<string>(event.payload.count).fill(event.payload.item)] }
  },
  processEvent: async ({ event, after, append, stream }) => {
    if (event.type !== 'paid') return
    if (event.payload.by === 'nobody') throw new Error('nobody cannot pay')
    await append({ type: 'receipt', payload: { items: after.items } })
    await append([{ type: 'sold', payload: { from: stream.path }, idempotencyKey: `sold/${event.offset}` }], '/sales')
  },
})

const tea = { type: 'item-added', payload: { item: 'tea' } } as const
const paid = { type: 'paid', payload: { by: 'ann' } } as const
const paidByNobody = { type: 'paid', payload: { by: 'nobody' } } as const

/** What an assertion says when it fails; throws when it does not, or with anything else. */
async function complaint(check: () => unknown): Promise<string> {
  try {
    await check()
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError)
    return (error as AssertionError).message
  }
  throw new Error('the assertion held')
}

/** A processor with this reducer over any events; its state is anything. */
function reducing(reduce: (state: never, event: never) => unknown, initialState: unknown = { list: [], seen: 0 }) {
  return defineProcessor({
    slug: 'odd',
    version: '1',
    state: schemaOf((value): value is unknown => value !== undefined, 'state'),
    initialState,
    consumes: ['*'],
    reduce: reduce as (state: unknown, event: unknown) => unknown,
  })
}

describe('a state', () => {
  test('is that after the log and what comes next, schemas applied', () => {
    given(cart, tea)
      .when({ type: 'item-added', payload: { item: 'milk', count: 2 } })
      .then({ items: ['tea', 'milk', 'milk'], paidAt: null })
  })

  test('is the initial one when nothing has come', () => {
    given(cart).when([]).then({ items: [], paidAt: null })
  })

  test('can be made sure of by a function', () => {
    given(cart, tea)
      .when(paid)
      .thenState(({ paidAt }) => expect(paidAt).toBe('2026-01-01T00:00:01.000Z'))
  })

  test('that is another one is shown as a difference', async () => {
    const said = await complaint(() =>
      given(cart, tea)
        .when([])
        .then({ items: ['milk'], paidAt: null }),
    )
    expect(said).toMatch(/the state of cart is another one[^]*'tea'[^]*'milk'/)
  })

  test('is not reached when an event fails, and the test says which', async () => {
    expect(await complaint(() => given(cart).when(paid).then({ items: [], paidAt: null }))).toBe(
      'cart fails at event 1 (paid): nobody pays for an empty cart',
    )
    expect(
      await complaint(() =>
        given(cart)
          .when([tea, paid, tea, paid])
          .then({} as never),
      ),
    ).toMatch(/another one/)
  })

  test('is not asked for by awaiting: that is said', async () => {
    // @ts-expect-error -- the compiler says it first
    expect(await complaint(async () => await given(cart).when([]))).toMatch(/no promise/)
  })
})

describe('a failure', () => {
  test('is expected by a part of its words or by a pattern', () => {
    given(cart).when(paid).thenFails('empty cart')
    given(cart)
      .when(paid)
      .thenFails(/^nobody pays/)
  })

  test('may be a payload that does not fit its schema', () => {
    given(cart)
      .when({ type: 'item-added', payload: { item: 7 as never } })
      .thenFails(/the payload of item-added does not fit its schema at item/)
  })

  test('may be a state that cannot be stored', () => {
    given(reducing(() => 7n))
      .when({ type: 'a' })
      .thenFails(/BigInt/)
    given(reducing(() => 'x'.repeat(1024 * 1024)))
      .when({ type: 'a' })
      .thenFails(/1048578 bytes; at most 1048576/)
  })

  test('that does not come, or says something else, fails the test', async () => {
    expect(await complaint(() => given(cart, tea).when(paid).thenFails('empty'))).toMatch(/does not fail/)
    expect(await complaint(() => given(cart).when(paid).thenFails('full'))).toMatch(/empty cart.*is not "full"/)
    expect(await complaint(() => given(cart).when(paid).thenFails(/full/))).toMatch(/empty cart.*is not \/full\//)
  })

  test('in what is given is a mistake of the test, whatever it expects', async () => {
    expect(await complaint(() => given(cart, paid).when(tea).thenFails('empty cart'))).toMatch(
      /cart fails at what is given, event 1/,
    )
  })
})

describe('a reducer', () => {
  const at = { type: 'a', payload: { n: 1 } }

  test.each([
    ['the state', (state: { list: number[] }) => (state.list.push(1), state)],
    ['the state', (state: { seen: number }) => void state.seen++],
    ['the event', (_: unknown, event: { payload: { n: number } }) => ({ n: event.payload.n++ })],
  ])('that changes %s in place is caught, strict mode or not', async (what, reduce) => {
    const said = await complaint(() =>
      given(reducing(reduce as never))
        .when(at)
        .thenState(() => {}),
    )
    expect(said).toMatch(`the reducer of odd changed ${what} in place at event 1 (a)`)
    const sloppy = new Function('state', 'event', 'state.seen = 9; return state') as never
    expect(await complaint(() => given(reducing(sloppy)).when(at).thenFails(''))).toMatch(/in place/)
  })

  test('that gives two results for the same is caught', async () => {
    let calls = 0
    const counting = reducing(() => ({ calls: ++calls }))
    expect(await complaint(() => given(counting).when(at).then({ calls: 1 }))).toMatch(
      /not pure: at event 1 \(a\) it gives two states[^]*calls: 2/,
    )
    const moody = reducing((state) => {
      if (calls++ % 2 === 0) throw new Error('not today')
      return state
    })
    expect(await complaint(() => given(moody).when(at).thenFails('not today'))).toMatch(/one time of two \(not today\)/)
  })

  test('that hides its state outside is caught when it changes it', async () => {
    const mine: number[] = []
    const hoarding = reducing(() => (mine.push(1), { mine }))
    expect(
      await complaint(() =>
        given(hoarding)
          .when(at)
          .thenState(() => {}),
      ),
    ).toMatch(/not pure|in place/)
  })

  test('that answers with a promise is caught', async () => {
    const late = reducing(async () => ({ seen: 1 }))
    expect(
      await complaint(() =>
        given(late)
          .when(at)
          .thenState(() => {}),
      ),
    ).toMatch(/must answer at once/)
    const failing = reducing(() => Promise.reject(new Error('late')))
    expect(await complaint(() => given(failing).when(at).thenFails('late'))).toMatch(/must answer at once/)
  })

  test.each([
    ['undefined', { a: undefined }],
    ['a number that is none', { a: Number.NaN }],
    ['a date', { a: new Date(0) }],
    ['a map', { a: new Map() }],
    ['an object without a prototype', { a: Object.create(null) as unknown }],
  ])('whose state does not survive the disk is caught: %s', async (_, state) => {
    expect(
      await complaint(() =>
        given(reducing(() => state))
          .when(at)
          .thenState(() => {}),
      ),
    ).toMatch(/the state after event 1 \(a\) is not the same when it is read back/)
    expect(
      await complaint(() =>
        given(reducing(() => {}, state))
          .when(at)
          .thenState(() => {}),
      ),
    ).toMatch(/the initial state is not the same/)
  })

  test('whose state does not fit its own schema is caught, and so is one that the schema would change', async () => {
    const narrow = (reduce: () => unknown) =>
      defineProcessor({
        slug: 'narrow',
        version: '1',
        state: z.object({ n: z.number() }),
        initialState: { n: 0 },
        consumes: ['a'],
        reduce: reduce as () => { n: number },
      })
    const text = narrow(() => ({ n: 'one' }))
    expect(await complaint(() => given(text).when({ type: 'a' }).thenFails(''))).toMatch(
      /the state after event 1 \(a\): the state of narrow does not fit its schema at n/,
    )
    const more = narrow(() => ({ n: 1, m: 2 }))
    expect(
      await complaint(() =>
        given(more)
          .when({ type: 'a' })
          .thenState(() => {}),
      ),
    ).toMatch(/read back/)
  })

  test('may keep a key that means something else elsewhere', () => {
    const keeping = reducing((state: object, { payload }: { payload: string }) => ({ ...state, [payload]: 1 }), {})
    given(keeping, { type: 'a', payload: '__proto__' })
      .when({ type: 'a', payload: 'constructor' })
      .then(JSON.parse('{"__proto__":1,"constructor":1}'))
  })

  test('gets only what it consumes', () => {
    const log = [tea, { type: 'other' } as never, tea] as const
    given(cart, ...log)
      .when({ type: 'x' } as never)
      .then({ items: ['tea', 'tea'], paidAt: null })
  })
})

describe('events', () => {
  const seen = reducing((_, { offset, createdAt }: { offset: number; createdAt: string }) => ({ offset, createdAt }))
  const a = { type: 'a' }

  test('count from 1, a second apart, or come when they say', () => {
    given(seen, a).when([a, a]).then({ offset: 3, createdAt: '2026-01-01T00:00:02.000Z' })
    given(seen, a)
      .when({ ...a, createdAt: '2026-02-03T04:05:06.789Z' })
      .then({ offset: 2, createdAt: '2026-02-03T04:05:06.789Z' })
  })

  test('never come before the one before them', () => {
    given(seen, a)
      .when({ ...a, createdAt: '2020-01-01T00:00:00.000Z' })
      .then({ offset: 2, createdAt: '2026-01-01T00:00:00.000Z' })
  })

  test.each([
    [{ type: '' }, 'type must not be empty'],
    [{ type: 'a', colour: 'red' }, 'unknown field "colour"'],
    [{ type: 'a', payload: 7n }, 'payload'],
    [{ type: 'a', offset: 7 }, 'it asks for offset 7'],
    [{ type: 'a', createdAt: 'soon' }, 'createdAt must be a time'],
    [{ type: 'a', idempotencyKey: 'k' }, 'it has the key of event 1'],
    [{ type: 'a', payload: 'x'.repeat(17 * 1024 * 1024) }, 'an event of 17825794 bytes is too large'],
  ])('that could not have been appended are refused: %#', async (event, why) => {
    const keyed = { ...a, idempotencyKey: 'k' }
    expect(await complaint(() => given(seen, keyed).when(event as never))).toMatch(`event 2 of this test: ${why}`)
  })
})

describe('effects', () => {
  const receipt = { type: 'receipt', payload: { items: ['tea'] } }

  test('append to their own stream and to others, with keys', async () => {
    await given(cart, tea)
      .on('/carts/1')
      .when(paid)
      .thenAppends([receipt, { to: '/sales', type: 'sold', payload: { from: '/carts/1' }, idempotencyKey: 'sold/2' }])
  })

  test('of what is given do not run', async () => {
    await given(cart, tea, paid).when(tea).thenAppends([])
  })

  test('have a key made of the event, unless they bring one', async () => {
    const sold = { to: '/sales', type: 'sold', payload: { from: '/test' } }
    await given(cart, tea)
      .when(paid)
      .thenAppends([{ ...receipt, idempotencyKey: 'cart/test@2/0' }, sold])
  })

  test.each([
    ['nothing', []],
    [
      'another payload',
      [
        { ...receipt, payload: {} },
        { to: '/sales', type: 'sold', payload: { from: '/test' } },
      ],
    ],
    ['no payload', [{ type: 'receipt' }, { to: '/sales', type: 'sold', payload: { from: '/test' } }]],
    [
      'another stream',
      [
        { ...receipt, to: '/a' },
        { to: '/sales', type: 'sold', payload: { from: '/test' } },
      ],
    ],
    [
      'another key',
      [
        { ...receipt, idempotencyKey: 'k' },
        { to: '/sales', type: 'sold', payload: { from: '/test' } },
      ],
    ],
    ['another order', [{ to: '/sales', type: 'sold', payload: { from: '/test' } }, receipt]],
  ])('that append something else than %s fail the test', async (_, expected) => {
    expect(await complaint(() => given(cart, tea).when(paid).thenAppends(expected))).toMatch(
      /cart appends something else/,
    )
  })

  test('that fail are expected, or fail the test', async () => {
    await given(cart, tea).when(paidByNobody).thenEffectsFail('nobody cannot pay')
    expect(await complaint(() => given(cart, tea).when(paidByNobody).thenAppends([]))).toBe(
      'an effect of cart fails: nobody cannot pay',
    )
    expect(await complaint(() => given(cart, tea).when(paid).thenEffectsFail('x'))).toMatch(/no effect of cart fails/)
    expect(await complaint(() => given(cart, tea).when(paidByNobody).thenEffectsFail('x'))).toMatch(/is not "x"/)
  })

  const acting = (processEvent: (context: EffectContext<unknown, { offset: number }>) => unknown) =>
    defineProcessor({ ...reducing((state) => state), processEvent: processEvent as never })

  test('cannot change what they are given', async () => {
    const spoiling = acting(({ after }) => void ((after as { seen: number }).seen = 7))
    await given(spoiling)
      .when({ type: 'a' })
      .thenEffectsFail(/read only/)
  })

  test('append nothing that the server would refuse', async () => {
    const forging = acting(({ append }) => append({ type: 'stream/created' }))
    await given(forging)
      .when({ type: 'a' })
      .thenEffectsFail(/are written by the engine alone/)
    const lost = acting(({ append }) => append({ type: 'x' }, 'no-slash'))
    await given(lost).when({ type: 'a' }).thenEffectsFail(/slash/)
    const odd = acting(({ append }) => append({ type: '' }))
    await given(odd)
      .when({ type: 'a' })
      .thenEffectsFail(/type must not be empty/)
  })

  test('append what has a known key only once, and are told so', async () => {
    const receipts: unknown[] = []
    const twice = acting(async ({ append }) => {
      receipts.push(...(await append([{ type: 'x', idempotencyKey: 'k' }, { type: 'y' }])))
      receipts.push(...(await append({ type: 'x', idempotencyKey: 'k' })))
    })
    await given(twice)
      .when({ type: 'a' })
      .thenAppends([{ type: 'x' }, { type: 'y' }])
    const createdAt = '2026-01-01T00:00:00.000Z'
    expect(receipts).toEqual([
      { offset: 2, createdAt, duplicate: false },
      { offset: 3, createdAt, duplicate: false },
      { offset: 2, createdAt, duplicate: true },
    ])
  })

  test('that throw an error with a code keep it as the cause', async () => {
    const waiting = acting(() => Promise.reject(new ItxError('UNAVAILABLE', 'not yet')))
    const failed = await given(waiting)
      .when({ type: 'a' })
      .thenAppends([])
      .catch((error: unknown) => error)
    expect(failed).toMatchObject({ cause: { code: 'UNAVAILABLE' } })
  })

  test('act on a batch at once when the processor says so', async () => {
    const batching = defineProcessor({
      ...reducing((state: { seen: number }) => ({ ...state, seen: state.seen + 1 })),
      processEventBatch: async ({ events, before, after }: BatchContext<unknown, { offset: number }>) => {
        const offsets = events.map(({ event }) => event.offset)
        await events[0]!.append({ type: 'batch', payload: { offsets, before, after } })
      },
    } as never) as ReturnType<typeof reducing>
    const payload = { offsets: [2, 3], before: { list: [], seen: 1 }, after: { list: [], seen: 3 } }
    await given(batching, { type: 'a' })
      .when([{ type: 'a' }, { type: 'b' }])
      .thenAppends([{ type: 'batch', payload }])
    await given(batching).when([]).thenAppends([])
  })
})
