import { expect, test } from 'vitest'
import { CORE_STATE_VERSION } from '../core/state.ts'
import { parsePath } from '../path.ts'
import { CommitScheduler } from '../storage/sqlite/group-commit.ts'
import { SqliteStorage } from '../storage/sqlite/sqlite-storage.ts'
import { failureOf, plantState, until } from '../testing.ts'
import { LEASE, ROOT, Subscribed, rest } from './testing.ts'

// Wakes, leases and acknowledgements over a project on a real disk, through restarts, with a clock that is told the time.

test('what is committed together comes to one wake', async () => {
  using project = new Subscribed()
  await project.hook('s')
  await Promise.all([project.say('events/a'), project.say('events/b'), project.say('other/c')])
  await rest()
  expect(project.webhooks.notices).toHaveLength(1)
  expect(project.webhooks.notices[0]).toMatchObject({ subscriptionId: 's', generation: 1, address: ROOT })
  expect(project.webhooks.notices[0]?.streams.map(({ name, pending }) => [name, pending])).toEqual([
    ['events/a', true],
    ['events/b', true],
  ])
})

test('a receiver that fails is tried again later and later, with the same wake, across restarts', async () => {
  using project = new Subscribed()
  await project.hook('s')
  project.webhooks.reception = 'refused'
  await project.say('events/a')
  await rest()
  expect(project.webhooks.notices).toHaveLength(1)
  expect((await project.subscriptions.get('s')).subscription).toMatchObject({
    status: 'failed',
    wake: { error: 'it answered 503' },
  })
  await project.turns.pass(999)
  expect(project.webhooks.notices).toHaveLength(1)
  await project.turns.pass(1)
  expect(project.webhooks.notices).toHaveLength(2)
  // The schedule survives: after the restart the second wait of 2 s goes on where it was.
  await project.turns.pass(1500)
  project.reopen()
  await rest()
  expect(project.webhooks.notices).toHaveLength(2)
  expect((await project.subscriptions.get('s')).subscription.status).toBe('failed')
  await project.turns.pass(499)
  expect(project.webhooks.notices).toHaveLength(2)
  project.webhooks.reception = 'done'
  await project.turns.pass(1)
  expect(project.webhooks.notices.map(({ wakeId, generation }) => [wakeId, generation])).toEqual(
    Array.from({ length: 3 }, () => [project.webhooks.notices[0]?.wakeId, 1]),
  )
  expect((await project.subscriptions.get('s')).subscription).toMatchObject({ status: 'active', wake: null })
  expect(await project.acked('s')).toEqual({ 'events/a': 2 })
  expect(project.warnings).toEqual([])
})

test('a receiver that is silent has as long as its lease, and is then tried again', async () => {
  using project = new Subscribed()
  await project.hook('s')
  project.webhooks.reception = 'silence'
  await project.say('events/a')
  await rest()
  await project.turns.pass(LEASE - 1)
  expect((await project.subscriptions.get('s')).subscription.status).toBe('active')
  await project.turns.pass(1)
  expect((await project.subscriptions.get('s')).subscription).toMatchObject({
    status: 'failed',
    wake: { phase: 'due', attempts: 1 },
  })
})

test('done means what the receiver was told, and nothing that came after', async () => {
  using project = new Subscribed()
  await project.hook('s')
  project.webhooks.reception = 'silence'
  await project.say('events/a')
  await rest()
  await project.say('events/a')
  await project.say('events/b')
  project.webhooks.answers[0]?.({ done: true })
  await rest()
  expect(await project.acked('s')).toEqual({ 'events/a': 2, 'events/b': -1 })
  expect(project.webhooks.notices[1]).toMatchObject({ generation: 2 })
  expect(project.webhooks.notices[1]?.streams).toMatchObject([
    { name: 'events/a', acked: 2, tail: 3, pending: true },
    { name: 'events/b', acked: -1, tail: 2, pending: true },
  ])
})

test('who calls back before answering is believed: neither the answer nor its absence counts any more', async () => {
  using project = new Subscribed()
  await project.hook('s')
  project.webhooks.reception = 'silence'
  await project.say('events/a')
  await rest()
  const [notice] = project.webhooks.notices
  await project.progress('s', notice!, { 'events/a': 2 }, false)
  await project.turns.pass(LEASE - 1)
  await project.progress('s', notice!, {}, false)
  // The request has ended without an answer by now; whoever works on it goes on.
  await project.turns.pass(LEASE - 1)
  expect(project.webhooks.notices).toHaveLength(1)
  expect(await project.progress('s', notice!, {})).toEqual({ nextWake: false })
})

test('a subscription has one webhook under way at a time, however fast its receiver calls back', async () => {
  using project = new Subscribed()
  await project.hook('s')
  project.webhooks.reception = 'silence'
  await project.say('events/a')
  await rest()
  await project.progress('s', project.webhooks.notices[0]!, { 'events/a': 2 })
  await project.say('events/a')
  await rest()
  expect((await project.subscriptions.get('s')).subscription.wake?.phase).toBe('due')
  expect(project.webhooks.notices).toHaveLength(1)
  project.webhooks.answers[0]?.({ done: false })
  await rest()
  expect(project.webhooks.notices[1]).toMatchObject({ generation: 2 })
})

test('a webhook that is taken and never called back for is told anew when the lease is over', async () => {
  using project = new Subscribed()
  await project.hook('s')
  await project.say('events/a')
  await rest()
  await project.turns.pass(LEASE - 1)
  expect(project.webhooks.notices).toHaveLength(1)
  await project.turns.pass(1)
  expect(project.webhooks.notices.map(({ generation }) => generation)).toEqual([1, 2])
  expect(await failureOf(project.progress('s', project.webhooks.notices[0]!, { 'events/a': 2 }))).toMatchObject({
    reason: 'fenced',
  })
})

test('a lease survives a restart, and so does its end', async () => {
  using project = new Subscribed()
  await project.say('wake/pool')
  await project.pull('s')
  await project.say('events/a')
  await rest()
  const claim = await project.subscriptions.claim('s', 'worker-1')
  await project.turns.pass(LEASE - 1)
  project.reopen()
  expect(await failureOf(project.subscriptions.claim('s', 'worker-2'))).toMatchObject({ holder: 'worker-1' })
  await project.turns.pass(1)
  // Told anew, for the next generation.
  expect((await project.wakes()).map(({ generation }) => generation)).toEqual([1, 2])
  const next = await project.subscriptions.claim('s', 'worker-2')
  expect(next.generation).toBe(2)
  expect(await failureOf(project.progress('s', claim, { 'events/a': 2 }))).toMatchObject({ reason: 'fenced' })
  expect(await project.acked('s')).toEqual({ 'events/a': -1 })
  await project.progress('s', next, { 'events/a': 2 })
  project.reopen()
  expect(await project.acked('s')).toEqual({ 'events/a': 2 })
  expect(await failureOf(project.subscriptions.claim('s', 'worker-2'))).toMatchObject({ reason: 'no-pending-work' })
})

test('a wake is in the wake stream once, however often a crash makes it be written', async () => {
  using project = new Subscribed()
  await project.pull('s')
  await project.say('events/a')
  await rest()
  // There is no wake stream yet: that is tried again.
  expect((await project.subscriptions.get('s')).subscription.status).toBe('failed')
  await project.say('wake/pool')
  await project.turns.pass(1000)
  expect(await project.wakes()).toMatchObject([{ subscription_id: 's', generation: 1 }])
  // As a crash leaves it between the message and the note that it was written.
  const { subscription } = await project.subscriptions.get('s')
  const wake = { phase: 'due', id: subscription.wake!.id, stream: 'events/a', at: 0, attempts: 0 }
  project.reopen(() => {})
  project.storage.transactionSync({ flush() {}, committed() {}, rolledBack() {} }, (tx) =>
    tx.saveRecord(0, 'subscription', { key: 's', value: JSON.stringify({ ...subscription, wake }) }),
  )
  await rest()
  project.reopen()
  await rest()
  expect((await project.subscriptions.get('s')).subscription.wake?.phase).toBe('announced')
  expect(await project.wakes()).toHaveLength(1)
})

test('a stream that was committed just before a crash is found, and one that was known stays as it was', async () => {
  using project = new Subscribed()
  await project.say('events/a')
  await project.hook('s')
  project.webhooks.reception = 'done'
  await project.say('events/b')
  await rest()
  expect(await project.acked('s')).toEqual({ 'events/a': 2, 'events/b': 2 })
  // Closed in the very turn of the commit: nobody was told of it.
  void project.say('events/c')
  void project.say('events/a')
  project.reopen()
  expect(project.webhooks.notices).toHaveLength(1)
  await rest()
  expect(project.webhooks.notices[1]?.streams.filter(({ pending }) => pending)).toMatchObject([
    { name: 'events/a', acked: 2, tail: 3 },
    { name: 'events/c', acked: -1, tail: 2 },
  ])
})

test('a life that has ended takes its offsets along: nobody acknowledges the next one with them', async () => {
  using project = new Subscribed()
  await project.say('wake/pool')
  await project.pull('s')
  await project.say('events/a')
  await project.say('events/b')
  await rest()
  const claim = await project.subscriptions.claim('s', 'worker-1')
  await project.streams.reset(parsePath('/v1/stream/events/a'))
  await project.streams.delete(parsePath('/v1/stream/events/b'))
  await project.say('events/a')
  await project.say('events/b')
  await rest()
  expect(await project.acked('s')).toEqual({ 'events/a': -1, 'events/b': -1 })
  for (const name of ['events/a', 'events/b']) {
    expect(await failureOf(project.progress('s', claim, { [name]: 2 }, false))).toMatchObject({
      reason: 'invalid-offset',
      path: `/v1/stream/${name}`,
    })
  }
  expect(await project.progress('s', claim, {})).toEqual({ nextWake: true })
  const next = await project.subscriptions.claim('s', 'worker-1')
  expect(next.streams.map(({ name, pending }) => [name, pending])).toEqual([
    ['events/a', true],
    ['events/b', true],
  ])
  expect(await project.progress('s', next, { 'events/a': 2, 'events/b': 2 })).toEqual({ nextWake: false })
})

test('acknowledging is all or nothing', async () => {
  using project = new Subscribed()
  await project.say('wake/pool')
  await project.pull('s')
  await project.say('events/a')
  await project.say('events/b')
  await rest()
  const claim = await project.subscriptions.claim('s', 'worker-1')
  expect(await failureOf(project.progress('s', claim, { 'events/a': 2, 'events/b': 3 }))).toMatchObject({
    reason: 'invalid-offset',
    offset: 3,
  })
  expect(await project.acked('s')).toEqual({ 'events/a': -1, 'events/b': -1 })
})

test('an acknowledgement that the disk refuses counts nowhere, and what was pending is told again', async () => {
  using project = new Subscribed()
  await project.say('wake/pool')
  await project.pull('s')
  await project.say('events/a')
  await rest()
  const claim = await project.subscriptions.claim('s', 'worker-1')
  const refused = project.progress('s', claim, { 'events/a': 2 })
  // Written, and not committed yet: then another participant of the group fails.
  for (let i = 0; i < 20; i++) await Promise.resolve()
  const fail = () =>
    project.storage.transactionSync({ flush() {}, committed() {}, rolledBack() {} }, () => {
      throw new Error('the disk is full')
    })
  expect(fail).toThrow('unforeseen')
  expect(await failureOf(refused)).toMatchObject({ code: 'INTERNAL' })
  expect(await failureOf(project.subscriptions.get('s'))).toMatchObject({ code: 'UNAVAILABLE', reason: 'storage' })
  await project.turns.pass(5000)
  expect(await project.acked('s')).toEqual({ 'events/a': -1 })
  // The claim of before is still theirs.
  expect(await project.progress('s', claim, { 'events/a': 2 })).toEqual({ nextWake: false })
})

test('a wake whose streams are gone before it is told is told to nobody', async () => {
  using project = new Subscribed()
  await project.hook('s')
  project.webhooks.reception = 'refused'
  await project.say('events/a')
  await rest()
  await project.streams.delete(parsePath('/v1/stream/events/a'))
  await project.turns.pass(1000)
  expect(project.webhooks.notices).toHaveLength(1)
  expect((await project.subscriptions.get('s')).subscription).toMatchObject({ status: 'active', wake: null })
})

test('a stream whose state must be rebuilt first is waited for, by wakes, claims and acknowledgements', async () => {
  using project = new Subscribed()
  await project.say('wake/pool')
  await project.hook('hook')
  await project.pull('pull')
  project.webhooks.reception = 'refused'
  await project.say('events/a')
  const { exists: _, ...state } = await project.streams.state(parsePath('/v1/stream/events/a'))
  const outdate = () => {
    // As an older version left it, with what that version could not know.
    const storage = new SqliteStorage(project.file, new CommitScheduler())
    plantState(storage, { ...state, lastVisibleOffset: 0 }, CORE_STATE_VERSION - 1)
    storage.close()
  }
  project.reopen(outdate)
  const claim = await project.subscriptions.claim('pull', 'worker-1')
  expect(claim.streams).toMatchObject([{ name: 'events/a', tail: 2, pending: true }])
  project.reopen(outdate)
  expect(await project.progress('pull', claim, { 'events/a': 2 })).toEqual({ nextWake: false })
  project.webhooks.reception = 'done'
  project.reopen(outdate)
  await until(() => project.webhooks.notices.length > 0)
  expect(project.webhooks.notices.at(-1)?.streams).toMatchObject([{ name: 'events/a', tail: 2, pending: true }])
})
