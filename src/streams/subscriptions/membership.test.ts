import { expect, test } from 'vitest'
import { failureOf, until } from '../testing.ts'
import { Subscribed, rest } from './testing.ts'

// Which subscriptions there are and which streams they have, whenever the process ends.

test('making the same subscription at once makes it once', async () => {
  using project = new Subscribed()
  const made = await Promise.all([project.hook('s'), project.hook('s'), project.hook('s')])
  expect(made.map(({ created }) => created).toSorted()).toEqual([false, false, true])
  expect(new Set(made.map(({ subscription }) => subscription.life)).size).toBe(1)
})

test('a pattern over more streams than a page links them all where they end', async () => {
  using project = new Subscribed()
  const names = Array.from({ length: 1203 }, (_, i) => `events/${String(i).padStart(4, '0')}`)
  for (const name of names) void project.say(name)
  await project.say('events/more')
  await project.hook('s')
  project.webhooks.reception = 'done'
  const first = await project.subscriptions.get('s')
  const rest_ = await project.subscriptions.get('s', first.nextAfter ?? '')
  expect(first.streams.length + rest_.streams.length).toBe(1204)
  expect([...first.streams, ...rest_.streams].every(({ acked }) => acked === 2)).toBe(true)
  // With each of them waiting, a wake tells of a thousand, and the next of the others.
  for (const name of names) void project.say(name)
  await until(() => project.webhooks.notices.length === 2 && !project.subscriptions.busy)
  expect(project.webhooks.notices.map(({ streams }) => streams.filter(({ pending }) => pending).length)).toEqual([
    1000, 203,
  ])
})

test('a subscription that was half made when the process ended was never there', async () => {
  using project = new Subscribed()
  for (let i = 0; i < 700; i++) void project.say(`events/${i}`)
  await project.say('events/more')
  const making = project.hook('s')
  await until(() => project.storage.working.findRecord(0, 'subscription', 's') !== null)
  project.reopen()
  expect(await failureOf(making)).toMatchObject({ code: 'UNAVAILABLE' })
  await rest()
  expect(project.storage.working.listRecords(0, 'subscription', '', 10)).toEqual([])
  expect(await failureOf(project.subscriptions.get('s'))).toMatchObject({ reason: 'subscription' })
  expect((await project.hook('s')).created).toBe(true)
  const links = project.storage.working.listRecords(0, 'link', '', 5000)
  expect(links).toHaveLength(701)
})

test('a deleted subscription leaves no link, even when the process ends before they are deleted', async () => {
  using project = new Subscribed()
  for (let i = 0; i < 700; i++) void project.say(`events/${i}`)
  await project.say('events/more')
  await project.hook('s')
  await project.hook('other')
  await project.hook('third')
  await project.subscriptions.delete('third')
  await until(() => !project.subscriptions.busy)
  expect(project.storage.working.listRecords(0, 'link', '', 5000)).toHaveLength(1402)
  await project.subscriptions.delete('s')
  project.reopen()
  await until(() => !project.subscriptions.busy)
  expect(project.storage.working.listRecords(0, 'link', '', 5000)).toHaveLength(701)
  expect(await failureOf(project.subscriptions.get('s'))).toMatchObject({ reason: 'subscription' })
})

test('the project is not idle while something must happen by itself', async () => {
  using project = new Subscribed()
  await project.say('wake/pool')
  await project.hook('hook')
  await project.pull('pull')
  await rest()
  expect(project.streams.idle).toBe(true)
  project.webhooks.reception = 'refused'
  await project.say('events/a')
  await rest()
  // A retry is due.
  expect(project.streams.idle).toBe(false)
  project.webhooks.reception = 'done'
  await project.turns.pass(1000)
  // What is told in the wake stream waits for whoever comes, in the file as well as in memory.
  expect(project.streams.idle).toBe(true)
  await project.subscriptions.claim('pull', 'worker-1')
  expect(project.streams.idle).toBe(false)
})

test('a wake stream that a pattern covers is not cause for its own wakes', async () => {
  using project = new Subscribed()
  await project.say('wake/pool')
  await project.pull('s', { pattern: '**' })
  await project.say('events/a')
  await rest()
  const claim = await project.subscriptions.claim('s', 'worker-1')
  expect(claim.streams.map(({ name }) => name)).toEqual(['events/a'])
  expect(await project.progress('s', claim, { 'events/a': 2 })).toEqual({ nextWake: false })
})

test('a project has a thousand subscriptions at most; one that is there already may be confirmed', async () => {
  using project = new Subscribed()
  await Promise.all(Array.from({ length: 1000 }, (_, i) => project.hook(`s${i}`, { pattern: `p${i}/*` })))
  expect(await failureOf(project.hook('more'))).toEqual({
    code: 'CONFLICT',
    reason: 'too-many',
    count: 1001,
    limit: 1000,
  })
  expect((await project.hook('s7', { pattern: 'p7/*' })).created).toBe(false)
  await project.subscriptions.delete('s7')
  expect((await project.hook('more')).created).toBe(true)
  // Each stream still wakes its own, and only that.
  await project.say('p3/a')
  await rest()
  expect(project.webhooks.notices.map(({ subscriptionId }) => subscriptionId)).toEqual(['s3'])
})
