import { describe, expect, test } from 'vitest'
import type { JsonText } from './json-text.ts'
import { parsePath } from './path.ts'
import type { MessageAppend } from './project-writer.ts'
import { TestProject, failureOf } from './testing.ts'

const A = parsePath('/a')

function message(text: string) {
  return { type: 'message', raw: 'text' as const, payload: JSON.stringify(text) as JsonText }
}

async function created(project: TestProject) {
  await project.streams.create(A, { contentType: 'text/plain; charset=utf-8' })
}

function append(project: TestProject, text: string | null, options: Omit<MessageAppend, 'inputs'> = {}) {
  return project.streams.appendMessages(A, { inputs: text === null ? [] : [message(text)], ...options })
}

async function texts(project: TestProject): Promise<unknown[]> {
  const { events } = await project.streams.read(A, { visibleOnly: true })
  return events.map(({ payload }) => JSON.parse(payload ?? 'null') as unknown)
}

const producer = (seq: number, epoch = 0, id = 'p') => ({ producer: { id, epoch, seq } })

describe('an idempotent producer', () => {
  test('appends each number once, in order, also across a restart', async () => {
    using project = new TestProject()
    await created(project)
    expect(await append(project, 'one', producer(0))).toMatchObject({ duplicate: false, producerSeq: 0 })
    expect(await append(project, 'one again', producer(0))).toMatchObject({ duplicate: true, producerSeq: 0 })
    project.reopen()
    expect(await append(project, 'one once more', producer(0))).toMatchObject({ duplicate: true, producerSeq: 0 })
    expect(await append(project, 'two', producer(1))).toMatchObject({ duplicate: false, producerSeq: 1 })
    expect(await texts(project)).toEqual(['one', 'two'])
  })

  test('many retries of one append in one turn store it once', async () => {
    using project = new TestProject()
    await created(project)
    const answers = await Promise.all(Array.from({ length: 20 }, () => append(project, 'one', producer(0))))
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
    expect(await texts(project)).toEqual(['one'])
  })

  test('may not leave a number out, nor begin anywhere but at 0', async () => {
    using project = new TestProject()
    await created(project)
    expect(await failureOf(append(project, 'x', producer(3)))).toMatchObject({
      code: 'CONFLICT',
      reason: 'producer-gap',
      expected: 0,
      received: 3,
    })
    await append(project, 'one', producer(0))
    expect(await failureOf(append(project, 'x', producer(2)))).toMatchObject({
      reason: 'producer-gap',
      expected: 1,
      received: 2,
    })
    expect(await failureOf(append(project, 'x', producer(1, 1)))).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await texts(project)).toEqual(['one'])
  })

  test('of a later epoch fences the earlier one', async () => {
    using project = new TestProject()
    await created(project)
    await append(project, 'old', producer(0))
    await append(project, 'new', producer(0, 7))
    expect(await failureOf(append(project, 'late', producer(1)))).toMatchObject({
      code: 'FORBIDDEN',
      reason: 'producer-fenced',
      epoch: 7,
    })
    expect(await texts(project)).toEqual(['old', 'new'])
  })

  test('whose append is refused may send it again', async () => {
    using project = new TestProject()
    await created(project)
    await project.streams.pause(A)
    expect(await failureOf(append(project, 'one', producer(0)))).toMatchObject({ reason: 'paused' })
    await project.streams.resume(A)
    expect(await append(project, 'one', producer(0))).toMatchObject({ duplicate: false })
  })

  test('forgets nothing when the commit fails, and nothing that was stored', async () => {
    using project = new TestProject()
    await created(project)
    await append(project, 'one', producer(0))
    project.storage.connection.pragma('query_only = 1')
    expect(await failureOf(append(project, 'two', producer(1)))).toMatchObject({ code: 'UNAVAILABLE' })
    project.storage.connection.pragma('query_only = 0')
    expect(await append(project, 'two', producer(1))).toMatchObject({ duplicate: false, producerSeq: 1 })
    expect(await texts(project)).toEqual(['one', 'two'])
  })
})

describe('closing', () => {
  test('with an append is one commit, and its producer may repeat it', async () => {
    using project = new TestProject()
    await created(project)
    await append(project, 'last', { close: true, ...producer(0) })
    project.reopen()
    expect(await append(project, 'last', { close: true, ...producer(0) })).toMatchObject({ duplicate: true })
    expect(await failureOf(append(project, 'more', producer(1)))).toMatchObject({ reason: 'closed' })
    expect(await failureOf(append(project, 'more'))).toMatchObject({ reason: 'closed', lastVisibleOffset: 2 })
    expect((await project.streams.state(A)).closed).toBe(true)
    expect(await texts(project)).toEqual(['last'])
  })

  test('alone is closing once, however often', async () => {
    using project = new TestProject()
    await created(project)
    await append(project, null, { close: true })
    expect(await append(project, null, { close: true })).toMatchObject({ duplicate: true })
    expect((await project.log('/a')).map(({ type }) => type)).toEqual(['stream/created', 'stream/closed'])
  })
})

test('a Stream-Seq must come after the last one, byte by byte, also across a restart', async () => {
  using project = new TestProject()
  await created(project)
  await append(project, 'one', { streamSeq: '2' })
  expect(await failureOf(append(project, 'x', { streamSeq: '10' }))).toMatchObject({ reason: 'stream-seq' })
  project.reopen()
  expect(await failureOf(append(project, 'x', { streamSeq: '2' }))).toMatchObject({ reason: 'stream-seq' })
  await append(project, 'two', { streamSeq: 'a' })
  expect(await failureOf(append(project, 'x', { streamSeq: 'B' }))).toMatchObject({ reason: 'stream-seq' })
  expect(await texts(project)).toEqual(['one', 'two'])
})

test('messages of another content type, and to no stream, are refused', async () => {
  using project = new TestProject()
  expect(await failureOf(append(project, 'x'))).toMatchObject({ code: 'NOT_FOUND' })
  await created(project)
  expect(await failureOf(append(project, 'x', { mediaType: 'application/json' }))).toMatchObject({
    code: 'CONFLICT',
    reason: 'content-type',
    contentType: 'text/plain; charset=utf-8',
  })
  expect(await append(project, 'x', { mediaType: 'text/plain' })).toMatchObject({ duplicate: false })
})

describe('a stream that came into being above another', () => {
  test('is what its first asker says it is', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    expect(await project.streams.create(A, { contentType: 'text/plain', inputs: [message('hi')] })).toMatchObject({
      created: true,
      state: { contentType: 'text/plain', childCount: 1 },
    })
    expect(await project.streams.create(A, { contentType: 'image/png' })).toMatchObject({
      created: false,
      state: { contentType: 'text/plain' },
    })
  })

  test('is no longer nobody’s once somebody has appended to it', async () => {
    using project = new TestProject()
    await project.append('/a/b', { type: 'x' })
    await project.append('/a', { type: 'x' })
    expect(await project.streams.create(A, { contentType: 'text/plain' })).toMatchObject({ created: false })
  })
})
