import { describe, expect, test } from 'vitest'
import { DEFAULT_APPEND_LIMITS } from './event.ts'
import { parsePath } from './path.ts'
import { TEST_TIME, TestProject, TestTimers, failureOf, plantState, turn, until } from './testing.ts'

const A = parsePath('/a')
const SECOND = 1000

async function withTtl(project: TestProject, ttlSeconds = 60) {
  await project.streams.create(A, { expiry: { ttlSeconds } })
  await project.append('/a', { type: 'x' })
}

const exists = async (project: TestProject) => (await project.streams.state(A)).exists

describe('a stream with a time to live', () => {
  test('is gone for everyone once it was not used so long', async () => {
    using project = new TestProject()
    await withTtl(project)
    project.clock.ms += 60 * SECOND - 1
    expect(await exists(project)).toBe(true)
    project.clock.ms += 1
    expect(await exists(project)).toBe(false)
    expect((await project.streams.children(parsePath('/'))).children).toEqual([])
    expect((await project.streams.read(A)).events).toEqual([])
    expect(await failureOf(project.streams.pause(A))).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('is made anew by the next append, with a life of its own', async () => {
    using project = new TestProject()
    await withTtl(project)
    const { incarnationId } = await project.streams.state(A)
    project.clock.ms += 60 * SECOND
    expect(await project.append('/a', { type: 'y' })).toMatchObject([{ offset: 2 }])
    const state = await project.streams.state(A)
    expect(state.incarnationId).not.toBe(incarnationId)
    expect(state.expiry).toBeUndefined()
    expect((await project.log('/a')).map(({ type }) => type)).toEqual(['stream/created', 'y'])
  })

  test.each([
    ['a read', (project: TestProject) => project.streams.read(A)],
    ['an append', (project: TestProject) => project.append('/a', { type: 'y' })],
    ['a close', (project: TestProject) => project.streams.close(A)],
    ['closing it again', (project: TestProject) => project.streams.appendMessages(A, { inputs: [], close: true })],
    [
      'a reader that comes',
      async (project: TestProject) => {
        const subscription = await project.streams.subscribe(A, {}, () => {})
        subscription.unsubscribe()
      },
    ],
  ])('lives on by %s', async (_, use) => {
    using project = new TestProject()
    await withTtl(project)
    if (_ === 'closing it again') await project.streams.close(A)
    project.clock.ms += 59 * SECOND
    await use(project)
    project.clock.ms += 59 * SECOND
    expect(await exists(project)).toBe(true)
    project.clock.ms += 1 * SECOND
    expect(await exists(project)).toBe(false)
  })

  test('does not live on by being looked at', async () => {
    using project = new TestProject()
    await withTtl(project)
    project.clock.ms += 59 * SECOND
    await project.streams.state(A)
    await project.streams.children(A)
    await project.streams.list()
    project.clock.ms += 1 * SECOND
    expect(await exists(project)).toBe(false)
  })

  test('lives as long as somebody follows it', async () => {
    using project = new TestProject()
    await withTtl(project)
    const subscription = await project.streams.subscribe(A, {}, () => {})
    project.clock.ms += 3600 * SECOND
    expect(await exists(project)).toBe(true)
    subscription.unsubscribe()
    project.clock.ms += 60 * SECOND
    expect(await exists(project)).toBe(false)
  })

  test('that was read is never gone early, though what was read last was not written down', async () => {
    using project = new TestProject()
    await withTtl(project)
    // Of a minute, every tenth is written down: the second of these is, the third is not.
    for (let i = 0; i < 3; i++) {
      project.clock.ms += 5 * SECOND
      await project.streams.read(A)
    }
    const lastRead = project.clock.ms
    await turn()
    expect((await project.streams.state(A)).touchedAt).toBe(lastRead - 5 * SECOND)
    project.reopen()
    project.clock.ms = lastRead + 60 * SECOND - 1
    expect(await exists(project)).toBe(true)
  })

  test('is read again and again with hardly a write', async () => {
    using project = new TestProject()
    await withTtl(project)
    const before = project.commits()
    for (let i = 0; i < 1000; i++) {
      project.clock.ms += 10
      await project.streams.read(A)
      await turn()
    }
    expect(project.commits() - before).toBeLessThanOrEqual(2)
  })

  test('and streams below it leaves a place without an end, and without its events', async () => {
    using project = new TestProject()
    await withTtl(project)
    await project.append('/a/b', { type: 'kept' })
    project.clock.ms += 60 * SECOND
    const state = await project.streams.state(A)
    expect(state).toMatchObject({ exists: true, implicit: true, lastVisibleOffset: 0, childCount: 1 })
    expect(state.expiry).toBeUndefined()
    expect((await project.log('/a/b')).map(({ type }) => type)).toEqual(['stream/created', 'kept'])
  })

  test('that was read lately is not gone because its state must be rebuilt', async () => {
    using project = new TestProject()
    await withTtl(project)
    project.clock.ms += 59 * SECOND
    await project.streams.read(A)
    const { exists: _, ...state } = await project.streams.state(A)
    plantState(project.storage, state, 0)
    project.clock.ms += 59 * SECOND
    project.reopen()
    expect(await exists(project)).toBe(true)
    project.clock.ms += 60 * SECOND
    expect(await exists(project)).toBe(false)
  })
})

describe('a stream with an end', () => {
  test('is gone at that time, however much it is used', async () => {
    using project = new TestProject()
    const expiresAt = new Date(TEST_TIME + 60 * SECOND).toISOString()
    await project.streams.create(A, { expiry: { expiresAt } })
    project.clock.ms += 59 * SECOND
    await project.append('/a', { type: 'x' })
    await project.streams.read(A)
    expect((await project.streams.state(A)).expiry).toEqual({ expiresAt })
    project.clock.ms += 1 * SECOND
    expect(await exists(project)).toBe(false)
  })
})

test('what nobody asks for any more is removed from the disk', async () => {
  const timers = new TestTimers()
  using project = new TestProject(DEFAULT_APPEND_LIMITS, { scheduler: timers })
  await withTtl(project)
  await project.append('/other', { type: 'x' })
  project.clock.ms += 120 * SECOND
  timers.elapse()
  await until(() => project.storage.committed.loadStream(A) === null)
  expect((await project.streams.list()).streams.map(({ path }) => path)).toEqual(['/', '/other'])
})

test('its children are announced as gone to the streams above', async () => {
  using project = new TestProject()
  await withTtl(project)
  project.clock.ms += 60 * SECOND
  await exists(project)
  expect((await project.log('/')).map(({ type }) => type)).toEqual([
    'stream/created',
    'stream/child-created',
    'stream/child-deleted',
  ])
})
