import { describe, expect, test } from 'vitest'
import { CHILD_CREATED, CREATED } from './core/core-events.ts'
import { CORE_STATE_VERSION } from './core/state.ts'
import { type EncodedEvent, type EncodedInput, decodeEvent } from './event.ts'
import { checkEncodedInput } from './event-input.ts'
import type { JsonText } from './json-text.ts'
import { parsePath } from './path.ts'
import type { ReadPage } from './project-reader.ts'
import { TestProject, failureOf, plantState, replayed, times, turn } from './testing.ts'

// Guards the promises of append and create over real storage: all or nothing, ancestors and announcements in the same
// commit, an answer only for what is on the disk.

/** Announced paths, in order. */
function announced(events: readonly EncodedEvent[]): string[] {
  return events
    .filter((event) => event.type === CHILD_CREATED)
    .map((event) => (decodeEvent(event).payload as { path: string }).path)
}

describe('an append', () => {
  test('answers each input with its receipt, and is read back as it was given', async () => {
    using project = new TestProject()
    const source = { processor: { slug: 's', version: '1' } }
    const receipts = await project.append(
      '/a',
      { type: 'one', payload: { n: 1 }, metadata: { m: [null] }, source, idempotencyKey: 'k' },
      { type: 'two' },
      { type: 'three', payload: null, idempotencyKey: 'k' },
    )
    const createdAt = '2026-01-01T00:00:00.000Z'
    expect(receipts).toEqual([
      { offset: 2, createdAt, duplicate: false },
      { offset: 3, createdAt, duplicate: false },
      { offset: 2, createdAt, duplicate: true },
    ])
    const [created, ...rest] = await project.log('/a')
    expect(created).toMatchObject({ offset: 1, type: CREATED })
    expect(rest.map(decodeEvent)).toStrictEqual([
      { offset: 2, type: 'one', createdAt, payload: { n: 1 }, metadata: { m: [null] }, source, idempotencyKey: 'k' },
      { offset: 3, type: 'two', createdAt },
    ])
  })

  test('T4: every field that is accepted survives a restart, whatever text it holds', async () => {
    using project = new TestProject()
    const input = checkEncodedInput({
      type: '変更/🙂 \u2028',
      payload: '{"__proto__":{"a":1},"constructor":2,"n":12345678901234567890,"s":"\\u0000\\ud800 é🙂\u2028"}',
      metadata: '{"toJSON":"x","n":1.0}',
      source: { processor: { slug: 'ß"\'', version: '\u0000' } },
      idempotencyKey: 'k\u0000é🙂',
    })
    const bare = checkEncodedInput({ type: 'bare', payload: 'null', source: {} })
    const raw: EncodedInput = { type: 'message', payload: '[1, 2]' as JsonText, raw: true }
    await project.streams.append(parsePath('/a'), [input, bare, raw])
    project.reopen()
    const [, ...events] = await project.log('/a')
    const createdAt = '2026-01-01T00:00:00.000Z'
    expect(events).toStrictEqual([
      { offset: 2, createdAt, ...input },
      { offset: 3, createdAt, ...bare },
      { offset: 4, createdAt, ...raw },
    ])
    expect(await project.streams.getEvent(parsePath('/a'), { idempotencyKey: 'k\u0000é🙂' })).toStrictEqual(events[0])
    expect(await project.streams.getEvent(parsePath('/a'), { idempotencyKey: 'k' })).toBeNull()
    const [again] = await project.streams.append(parsePath('/a'), [{ ...input, type: 'other' }])
    expect(again).toEqual({ offset: 2, createdAt, duplicate: true })
  })

  test('one that is refused stores nothing of its batch, not even the stream', async () => {
    using project = new TestProject()
    expect(await failureOf(project.append('/a/b', { type: 'x' }, { type: 'y', offset: 9 }))).toMatchObject({
      code: 'CONFLICT',
      reason: 'precondition',
      actual: 3,
    })
    expect(await failureOf(project.append('/a/b', { type: 'x' }, { type: 'stream/closed' }))).toMatchObject({
      code: 'FORBIDDEN',
    })
    expect((await project.streams.list()).streams).toEqual([])
    await project.append('/a/b', { type: 'x' })
    const before = await project.streams.state(parsePath('/a/b'))
    expect(await failureOf(project.append('/a/b', { type: 'x' }, { type: 'y', offset: 9 }))).toMatchObject({
      code: 'CONFLICT',
    })
    expect(await project.streams.state(parsePath('/a/b'))).toEqual(before)
    expect((await project.log('/a/b')).length).toBe(2)
  })

  test('a batch refused among others of its turn takes none of them along', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    const [first, refusal, last] = await Promise.all([
      project.append('/a', { type: 'y' }),
      failureOf(project.append('/a', { type: 'z' }, { type: 'z', offset: 1 })),
      project.append('/a', { type: 'y' }),
    ])
    expect(first).toMatchObject([{ offset: 3 }])
    expect(refusal).toMatchObject({ code: 'CONFLICT', actual: 5 })
    expect(last).toMatchObject([{ offset: 4 }])
  })

  test('an empty batch creates nothing and answers nothing', async () => {
    using project = new TestProject()
    expect(await project.append('/a')).toEqual([])
    expect((await project.streams.list()).streams).toEqual([])
    await project.append('/a', { type: 'x' })
    expect(await project.append('/a')).toEqual([])
  })

  test('limits hold for absent and present streams alike, and for create', async () => {
    using project = new TestProject({ eventBytes: 10, batchEvents: 2, batchBytes: 15 })
    const path = parsePath('/a')
    const big: EncodedInput = { type: 'x', payload: '"123456789"' as JsonText }
    const half: EncodedInput = { type: 'x', payload: '"123456"' as JsonText }
    const check = async () => {
      for (const append of [
        (inputs: EncodedInput[]) => project.streams.append(path, inputs),
        (inputs: EncodedInput[]) => project.streams.create(path, { inputs }),
      ]) {
        expect(await failureOf(append([big]))).toMatchObject({ code: 'BAD_REQUEST', reason: 'too-large', size: 11 })
        expect(await failureOf(append([half, half]))).toMatchObject({ reason: 'too-large', size: 16, limit: 15 })
        expect(await failureOf(append([{ type: 'x' }, { type: 'x' }, { type: 'x' }]))).toMatchObject({
          reason: 'too-large',
          unit: 'events',
        })
      }
    }
    await check()
    expect((await project.streams.list()).streams).toEqual([])
    await project.append('/a', { type: 'x' })
    await check()
  })

  test('createdAt never goes back, neither across a restart nor on an ancestor', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    project.clock.ms -= 60_000
    await project.append('/a', { type: 'y' })
    project.reopen()
    await project.append('/a/b', { type: 'z' })
    for (const path of ['/', '/a']) {
      const createdAts = (await project.log(path)).map((event) => event.createdAt)
      expect(createdAts).toEqual(createdAts.map(() => '2026-01-01T00:00:00.000Z'))
    }
    expect((await project.log('/a/b')).at(-1)?.createdAt).toBe('2025-12-31T23:59:00.000Z')
  })

  test('a raw batch of very many messages is stored while somebody listens', async () => {
    using project = new TestProject()
    const path = parsePath('/a')
    await project.append('/a', { type: 'x' })
    const subscription = await project.streams.subscribe(path, {}, () => {})
    const message: EncodedInput = { type: 'message', payload: '1' as JsonText, raw: true }
    const receipts = await project.streams.append(path, times(100_000, message))
    expect(receipts.at(-1)?.offset).toBe(100_002)
    subscription.unsubscribe()
  })
})

describe('creation', () => {
  test('a first append creates the missing ancestors and announces to every one of them, root first', async () => {
    using project = new TestProject()
    const [receipt] = await project.append('/a/b/c', { type: 'x' })
    expect(receipt?.offset).toBe(2)
    expect(announced(await project.log('/'))).toEqual(['/a', '/a/b', '/a/b/c'])
    expect(announced(await project.log('/a'))).toEqual(['/a/b', '/a/b/c'])
    expect(announced(await project.log('/a/b'))).toEqual(['/a/b/c'])
    expect(announced(await project.log('/a/b/c'))).toEqual([])
    for (const path of ['/', '/a', '/a/b', '/a/b/c']) {
      const [created, ...rest] = await project.log(path)
      expect(created?.type).toBe(CREATED)
      expect(rest.map((event) => event.type)).not.toContain(CREATED)
    }
  })

  test('it is one commit', async () => {
    using project = new TestProject()
    await project.append('/', { type: 'x' })
    const before = project.commits()
    await project.append('/a/b/c/d', { type: 'x' })
    expect(project.commits()).toBe(before + 1)
  })

  test('an announcement carries path and incarnation of the child', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    const { incarnationId } = await project.streams.state(parsePath('/a/b'))
    const last = (await project.log('/')).at(-1)
    expect(decodeEvent(last!)).toMatchObject({ type: CHILD_CREATED, payload: { path: '/a/b', incarnationId } })
    expect(
      await project.streams.getEvent(parsePath('/'), { idempotencyKey: `stream/child-created/a/b@${incarnationId}` }),
    ).toEqual(last)
  })

  test('ancestors that exist already hear of the new ones alone, once, whoever creates them', async () => {
    using project = new TestProject()
    await project.append('/a', { type: 'x' })
    await Promise.all([
      project.append('/a/b/c', { type: 'x' }),
      project.append('/a/b/c', { type: 'x' }),
      project.append('/a/b/d', { type: 'x' }),
      project.append('/a/b', { type: 'x' }),
    ])
    await project.append('/a/b/c', { type: 'x' })
    expect(announced(await project.log('/'))).toEqual(['/a', '/a/b', '/a/b/c', '/a/b/d'])
    expect(announced(await project.log('/a'))).toEqual(['/a/b', '/a/b/c', '/a/b/d'])
    expect(announced(await project.log('/a/b'))).toEqual(['/a/b/c', '/a/b/d'])
    const counts = async (path: string) => {
      const { childCount, descendantCount } = await project.streams.state(parsePath(path))
      return [childCount, descendantCount]
    }
    expect(await counts('/')).toEqual([1, 4])
    expect(await counts('/a')).toEqual([1, 3])
    expect(await counts('/a/b')).toEqual([2, 2])
    expect(await counts('/a/b/c')).toEqual([0, 0])
  })

  test('siblings and paths that share only a textual prefix hear nothing', async () => {
    using project = new TestProject()
    for (const path of ['/a', '/a-1', '/ab', '/b']) await project.append(path, { type: 'x' })
    await project.append('/a/c', { type: 'x' })
    for (const path of ['/a-1', '/ab', '/b']) expect(announced(await project.log(path))).toEqual([])
    expect(announced(await project.log('/a'))).toEqual(['/a/c'])
  })

  test('the state equals a replay of the log', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    await project.append('/a/c', { type: 'x' }, { type: 'y' })
    for (const path of ['/', '/a', '/a/b', '/a/c']) {
      expect(await project.streams.state(parsePath(path))).toEqual({
        ...replayed(path, await project.log(path)),
        exists: true,
      })
    }
  })

  test('the root is created like any other stream', async () => {
    using project = new TestProject()
    expect(await project.append('/', { type: 'x' })).toMatchObject([{ offset: 2 }])
    expect(announced(await project.log('/'))).toEqual([])
  })

  test('create makes a stream without callers’ events, and says so once', async () => {
    using project = new TestProject()
    const path = parsePath('/a/b')
    const first = await project.streams.create(path, { contentType: 'text/plain' })
    expect(first).toMatchObject({ created: true, state: { maxOffset: 1, contentType: 'text/plain' } })
    const again = await project.streams.create(path, { contentType: 'application/json' })
    expect(again).toMatchObject({ created: false, state: { maxOffset: 1, contentType: 'text/plain' } })
    // Ancestors that came along keep the default.
    expect(await project.streams.state(parsePath('/a'))).toMatchObject({ contentType: 'application/json' })
  })

  test('two creates of one turn make one stream', async () => {
    using project = new TestProject()
    const path = parsePath('/a')
    const outcomes = await Promise.all([project.streams.create(path), project.streams.create(path)])
    expect(outcomes.map((outcome) => outcome.created)).toEqual([true, false])
    expect((await project.log('/')).length).toBe(2)
  })
})

describe('reading', () => {
  test('an absent stream has an empty state and an empty page, and is not created by being read', async () => {
    using project = new TestProject()
    const path = parsePath('/a/b')
    const before = project.commits()
    expect(await project.streams.state(path)).toMatchObject({
      exists: false,
      path: '/a/b',
      maxOffset: 0,
      incarnationId: '',
    })
    expect(await project.streams.read(path)).toEqual({
      events: [],
      nextCursor: null,
      maxOffset: 0,
      incarnationId: null,
    })
    expect(await project.streams.getEvent(path, { idempotencyKey: 'k' })).toBeNull()
    expect(await project.streams.children(path)).toEqual({ path, children: [], total: 0, nextAfter: null })
    expect((await project.streams.list()).streams).toEqual([])
    await turn()
    expect(project.commits()).toBe(before)
  })

  test('what an open group holds is not seen by readers, nor is a stream that it creates', async () => {
    using project = new TestProject()
    const creating = project.append('/a', { type: 'x' })
    expect(await project.streams.state(parsePath('/a'))).toMatchObject({ exists: false })
    expect((await project.streams.read(parsePath('/a'))).events).toEqual([])
    await creating
    const appending = project.append('/a', { type: 'y' })
    expect(await project.streams.state(parsePath('/a'))).toMatchObject({ maxOffset: 2 })
    expect(await project.log('/a')).toHaveLength(2)
    await appending
    expect(await project.log('/a')).toHaveLength(3)
  })

  test('before beyond the end is the end: the last page says it is the last', async () => {
    using project = new TestProject()
    const path = parsePath('/a')
    await project.append('/a', { type: 'x' }, { type: 'y' })
    const page = await project.streams.read(path, { before: 1000, limit: 3 })
    expect(page.events.map((event) => event.offset)).toEqual([1, 2, 3])
    expect(page.nextCursor).toBeNull()
  })

  test('a page of visible events alone says whether more of them follow', async () => {
    using project = new TestProject()
    const path = parsePath('/a')
    await project.append('/a', { type: 'x' }, { type: 'y' })
    await project.append('/a/b', { type: 'z' })
    const offsets = async (options: object) => {
      const page = await project.streams.read(path, { visibleOnly: true, ...options })
      return [page.events.map((event) => event.offset), page.nextCursor]
    }
    expect(await offsets({})).toEqual([[2, 3], null])
    expect(await offsets({ limit: 1 })).toEqual([[2], 2])
    expect(await offsets({ order: 'desc' })).toEqual([[3, 2], null])
  })

  test.each([
    { limit: 0 },
    { limit: 5001 },
    { limit: 1.5 },
    { limit: Number.NaN },
    { after: -1 },
    { after: 0.5 },
    { before: -1 },
    { before: Number.NaN },
  ])('refuses %j', async (options) => {
    using project = new TestProject()
    expect(await failureOf(project.streams.read(parsePath('/a'), options))).toMatchObject({ code: 'BAD_REQUEST' })
  })
})

describe('regressions that may not return', () => {
  test('T7: a key is one event: in its batch, in its group, after a restart, while paused, and with what it now says', async () => {
    using project = new TestProject()
    const keyed = (payload: unknown, more: object = {}) => ({ type: 'x', payload, idempotencyKey: 'k', ...more })
    const [first, again] = await project.append('/a', keyed(1), keyed(2))
    expect([first, again]).toMatchObject([
      { offset: 2, duplicate: false },
      { offset: 2, duplicate: true, createdAt: first!.createdAt },
    ])
    // Of one group, neither of them on the disk when the other is decided.
    const both = await Promise.all([
      project.append('/a', { type: 'x', idempotencyKey: 'other' }),
      project.append('/a', { type: 'x', idempotencyKey: ' other ' }),
    ])
    expect(both.flat()).toMatchObject([
      { offset: 3, duplicate: false },
      { offset: 3, duplicate: true },
    ])
    project.reopen()
    await project.streams.pause(parsePath('/a'))
    expect(await project.append('/a', keyed(3))).toMatchObject([{ offset: 2, duplicate: true }])
    expect(await project.append('/a', keyed(3, { offset: 2 }))).toMatchObject([{ offset: 2, duplicate: true }])
    expect(await failureOf(project.append('/a', keyed(3, { offset: 5 })))).toMatchObject({
      code: 'CONFLICT',
      reason: 'precondition',
      expected: 5,
      actual: 2,
    })
    // Another stream, and another life, know nothing of it.
    expect(await project.append('/b', keyed(4))).toMatchObject([{ offset: 2, duplicate: false }])
    await project.streams.reset(parsePath('/a'))
    expect(await project.append('/a', keyed(5))).toMatchObject([{ offset: 2, duplicate: false }])
    expect((await project.log('/a')).map((event) => event.payload ?? null).at(-1)).toBe('5')
  })

  test('T8: offsets are gapless, pages meet, an event over 512 KiB spans several chunk rows, and replay gives the state', async () => {
    using project = new TestProject()
    const large = 'ä'.repeat(700_000)
    for (let i = 0; i < 30; i++) {
      await project.append('/a', ...Array.from({ length: 7 }, (_, n) => ({ type: 'small', payload: i * 7 + n })))
      if (i % 10 === 5) await project.append('/a', { type: 'large', payload: large, metadata: { i } })
    }
    project.reopen()
    const chunks = project.storage.connection
      .prepare('select offset, count(*) as chunks, max(length(bytes)) as most from event_chunks group by offset')
      .all()
    expect(chunks).toHaveLength(3)
    for (const row of chunks) expect(row).toMatchObject({ chunks: 3, most: 512 * 1024 })

    const up: EncodedEvent[] = []
    for (let after: number | null = 0; after !== null;) {
      const page: ReadPage = await project.streams.read(parsePath('/a'), { after, limit: 13 })
      up.push(...page.events)
      after = page.nextCursor
    }
    const down: EncodedEvent[] = []
    for (let before: number | null = Number.MAX_SAFE_INTEGER; before !== null;) {
      const page: ReadPage = await project.streams.read(parsePath('/a'), { before, limit: 17, order: 'desc' })
      down.push(...page.events)
      before = page.nextCursor
    }
    expect(up.map((event) => event.offset)).toEqual(Array.from({ length: 214 }, (_, n) => n + 1))
    expect(down.toReversed()).toEqual(up)
    expect(up.filter((event) => event.type === 'large').map((event) => decodeEvent(event).payload)).toEqual(
      times(3, large),
    )
    const { exists: _, ...state } = await project.streams.state(parsePath('/a'))
    expect(state).toEqual(replayed('/a', up))
  })
})

describe('while the states above it are being rebuilt', () => {
  /** A stream below one whose state, and its own, are of another version; that of the parent takes some turns to rebuild. */
  async function outdated(): Promise<TestProject> {
    const project = new TestProject()
    await project.append('/a', ...times(1000, { type: 'x' }))
    await project.append('/a', ...times(1000, { type: 'x' }))
    await project.append('/a/b', { type: 'x' })
    for (const path of [parsePath('/a'), parsePath('/a/b')]) {
      const { exists: _exists, ...state } = await project.streams.state(path)
      plantState(project.storage, state, CORE_STATE_VERSION - 1)
    }
    project.reopen()
    return project
  }

  test('what is appended to a stream waits for its own alone, and keeps its order', async () => {
    using project = await outdated()
    const first = project.append('/a/b', { type: 'first' })
    await turn()
    const second = project.append('/a/b', { type: 'second' })
    expect([await first, await second]).toMatchObject([[{ offset: 3 }], [{ offset: 4 }]])
  })

  test('so does a pause', async () => {
    using project = await outdated()
    const paused = project.streams.pause(parsePath('/a/b'))
    await turn()
    expect(await failureOf(project.append('/a/b', { type: 'late' }))).toMatchObject({ reason: 'paused' })
    await paused
  })
})
