import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { Batch, OnBatch, Subscription } from '../streams/delivery/batch.ts'
import { parsePath } from '../streams/path.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import { turn } from '../streams/testing.ts'
import { IN_PROCESS } from './session.ts'
import { SubscriptionTarget } from './subscription-target.ts'

// Guards what a slow socket reader costs: a batch that was sent belongs to the socket, and is not kept until it is
// acknowledged.

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** The one method of a project's streams that is used here. */
function streamsThat(subscribe: (onBatch: OnBatch) => Subscription): ProjectStreams {
  return { subscribe: async (_path: unknown, _options: unknown, onBatch: OnBatch) => subscribe(onBatch) } as never
}

test('a batch that is not acknowledged is not kept in memory', async () => {
  let deliver: OnBatch = () => {}
  const streams = streamsThat((onBatch) => {
    deliver = onBatch
    return { closed: () => new Promise(() => {}), unsubscribe: () => {} }
  })
  // Held here, as a session holds what it waits for: whoever waits for it is reachable then.
  const acknowledgements: PromiseWithResolvers<void>[] = []
  const silent = () => {
    const acknowledgement = Promise.withResolvers<void>()
    acknowledgements.push(acknowledgement)
    return acknowledgement.promise
  }
  const target = await SubscriptionTarget.open(
    { streams: () => streams, session: IN_PROCESS },
    parsePath('/a'),
    {},
    silent,
  )
  let taken: unknown
  const send = (): WeakRef<object> => {
    const events: Batch['events'] = [{ offset: 1, type: 'x', createdAt: '2026-01-01T00:00:00.000Z' }]
    taken = deliver({ events, through: 1, maxOffset: 1, incarnationId: 'i' })
    return new WeakRef(events)
  }
  const sent = send()
  // A weak reference holds its object until the turn in which it was made is over.
  await turn()
  collect()
  expect(sent.deref()).toBeUndefined()
  expect(acknowledgements).toHaveLength(1)
  acknowledgements[0]?.resolve()
  await taken
  target[Symbol.dispose]()
})
