import { expect, test } from 'vitest'
import { createdEvent } from './core/core-events.ts'
import { placeCoreEvents } from './core/decide.ts'
import { ItxError } from './errors.ts'
import { parsePath } from './path.ts'
import type { GroupParticipant } from './storage/port.ts'
import { Stream } from './stream.ts'
import { TEST_TIME, TestProject, turn } from './testing.ts'

// Guards the actor’s two states: what decisions see, and what everybody else may.

const A = parsePath('/a')
const nobody: GroupParticipant = { flush: () => {}, committed: () => {}, rolledBack: () => {} }

/** An actor over real storage, and a way to let it append without a project around it. */
function actorOf(project: TestProject) {
  const stream = Stream.absent(project.storage, A, 'inc-1')
  const write = (types: readonly string[], keep: boolean) => {
    const decided = stream.exists
      ? stream.decide(
          stream.working,
          types.map((type) => ({ type })),
          TEST_TIME,
        )
      : placeCoreEvents(
          stream.working,
          [createdEvent({ path: A, incarnationId: 'inc-1', contentType: 'application/json' })],
          TEST_TIME,
        )
    project.storage.transactionSync(nobody, (tx) => stream.write(tx, decided.events, decided.state, keep))
  }
  return { stream, write }
}

test('what the open group holds is working, and committed only once it is settled', async () => {
  using project = new TestProject()
  const { stream, write } = actorOf(project)
  expect([stream.exists, stream.dirty, stream.committed]).toEqual([false, false, null])
  write([], true)
  expect([stream.exists, stream.dirty, stream.committed]).toEqual([true, true, null])
  await turn()
  stream.settle()
  expect([stream.dirty, stream.committed?.state.maxOffset]).toEqual([false, 1])
  write(['x'], true)
  expect([stream.dirty, stream.working.maxOffset, stream.committed?.state.maxOffset]).toEqual([true, 2, 1])
  await turn()
})

test('listeners are owed the events of the group that was settled, never those of an earlier one', async () => {
  using project = new TestProject()
  const { stream, write } = actorOf(project)
  write([], true)
  write(['x', 'y'], true)
  await turn()
  expect(stream.settle().events.map((event) => event.offset)).toEqual([1, 2, 3])
  write(['z'], true)
  await turn()
  expect(stream.settle().events.map((event) => event.offset)).toEqual([4])
  expect(stream.settle().events).toEqual([])
})

test('without listeners nothing is kept for them', async () => {
  using project = new TestProject()
  const { stream, write } = actorOf(project)
  write([], false)
  write(['x'], false)
  await turn()
  const { events, state } = stream.settle()
  expect([events, state.maxOffset]).toEqual([[], 2])
})

test('an error inside a group reaches every participant of it, once', async () => {
  using project = new TestProject()
  const heard: unknown[] = []
  const participant: GroupParticipant = { ...nobody, rolledBack: (error) => heard.push(error) }
  project.storage.transactionSync(participant, () => {})
  project.storage.transactionSync(participant, () => {})
  const durable = project.storage.durable()
  const cause = new ItxError('UNAVAILABLE', 'no')
  const fail = () => {
    throw cause
  }
  expect(() => project.storage.transactionSync(nobody, fail)).toThrow(cause)
  await expect(durable).rejects.toBe(cause)
  await turn()
  expect(heard).toEqual([cause])
})

test('a row that was just made is saved again only when the state has gone on since', async () => {
  using project = new TestProject()
  const { stream, write } = actorOf(project)
  let saved = 0
  const endGroup = async () => {
    project.storage.transactionSync(nobody, (tx) => {
      stream.flush({
        ...tx,
        saveState: (...row) => {
          saved++
          tx.saveState(...row)
        },
      })
    })
    await turn()
    stream.settle()
    return [saved, project.storage.committed.loadStream(A)?.state.maxOffset]
  }
  write([], false)
  expect(await endGroup()).toEqual([0, 1])
  write(['x'], false)
  expect(await endGroup()).toEqual([1, 2])
})

test('a row that was made and went on in one group is saved as it ended', async () => {
  using project = new TestProject()
  const { stream, write } = actorOf(project)
  write([], false)
  write(['x'], false)
  project.storage.transactionSync(nobody, (tx) => stream.flush(tx))
  await turn()
  expect(project.storage.committed.loadStream(A)?.state.maxOffset).toBe(2)
})
