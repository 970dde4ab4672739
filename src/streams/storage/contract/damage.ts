import { describe, expect, test } from 'vitest'
import { PROJECT_RECORDS } from '../port.ts'
import {
  ALL,
  type Damage,
  PATHS,
  Recorder,
  type WithStorage,
  eventAt,
  eventsTo,
  failureOf,
  insertFork,
  insertStream,
  json,
  stateOf,
  store,
} from './host.ts'

/** What an implementation with checksums finds out. */
export function describeDamage(withStorage: WithStorage): void {
  describe('a stored row that was changed', () => {
    const large = json({ a: 'x'.repeat(600 * 1024), end: 'largetext' })

    const CHANGES: [string, Damage, offset: number][] = [
      ['type', { table: 'events', column: 'type', text: 'some/type', becomes: 'some/tyqe' }, 1],
      ['payload', { table: 'events', column: 'payload', text: 'payloadtext', becomes: 'payloadtexu' }, 1],
      ['metadata', { table: 'events', column: 'metadata', text: 'metadatatext', becomes: 'metadatatexu' }, 1],
      ['key', { table: 'events', column: 'key', text: 'keytext', becomes: 'keytexu' }, 1],
      ['source', { table: 'events', column: 'source', text: 'slugtext', becomes: 'slugtexu' }, 1],
      [
        'a piece of a large payload',
        { table: 'event_chunks', column: 'bytes', text: 'largetext', becomes: 'largetexu' },
        2,
      ],
    ]

    test.each(CHANGES)('is an INTERNAL error that names stream and event: %s', (column, damage, offset) =>
      withStorage(async (host) => {
        const ref = await store(host, (tx) =>
          insertStream(tx, '/a', [
            eventAt(1, {
              type: 'some/type',
              payload: json('payloadtext'),
              metadata: json({ a: 'metadatatext' }),
              idempotencyKey: 'keytext',
              source: { processor: { slug: 'slugtext', version: '1' } },
            }),
            eventAt(2, { payload: large, idempotencyKey: 'key2' }),
            eventAt(3),
          ]),
        )
        host.damage(damage)
        host.reopen()
        const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a', offset }
        for (const reader of [host.storage.working, host.storage.committed]) {
          expect(failureOf(() => reader.readEvents(ref, ALL))).toEqual(corrupt)
          expect(reader.readEvents(ref, { ...ALL, after: offset }).events.map((event) => event.offset)).toEqual(
            [2, 3].filter((other) => other > offset),
          )
        }
        if (column !== 'key') {
          const key = offset === 1 ? 'keytext' : 'key2'
          expect(failureOf(() => host.storage.committed.findEvent(ref, key))).toEqual(corrupt)
        }
      }),
    )

    test.each([
      ['state', 'statetext'],
      ['base_state', 'basetext'],
      ['content_type', 'typetext'],
      ['name', 'a'],
    ])('is an INTERNAL error that names the stream: its %s', (column, text) =>
      withStorage(async (host) => {
        const base = stateOf('/a', { metadata: { title: 'basetext' } })
        await store(host, (tx) => {
          tx.insertStream(stateOf('/a', { contentType: 'typetext', metadata: { title: 'statetext' } }), base)
          insertStream(tx, '/b')
        })
        host.damage({ table: 'streams', column, text, becomes: `${text.slice(0, -1)}!` })
        host.reopen()
        for (const reader of [host.storage.working, host.storage.committed]) {
          expect(failureOf(() => reader.loadStream(PATHS.a))).toEqual({
            code: 'INTERNAL',
            reason: 'corrupt',
            path: '/a',
          })
          expect(reader.loadStream(PATHS.b)).not.toBeNull()
        }
        if (column.includes('state')) return
        // What is listed is not read from the state.
        const list = () => host.storage.committed.list(PATHS.a, { limit: 9 })
        expect(failureOf(list)).toEqual({ code: 'INTERNAL', reason: 'corrupt', path: '/a' })
      }),
    )

    test('is an INTERNAL error that names stream, processor and offset: a snapshot', () =>
      withStorage(async (host) => {
        const ref = await store(host, (tx) => {
          const inserted = insertStream(tx, '/a')
          const snapshot = { version: '1', effectsAfter: 0, parked: null }
          tx.saveSnapshot(inserted, 'counter', { ...snapshot, offset: 1, state: '"one"' })
          tx.saveSnapshot(inserted, 'counter', { ...snapshot, offset: 2, state: '"twotext"' })
          return inserted
        })
        host.damage({ table: 'snapshots', column: 'state', text: 'twotext', becomes: 'twotexu' })
        host.reopen()
        const { working } = host.storage
        const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a', offset: 2, processor: 'counter' }
        expect(failureOf(() => working.findSnapshot(ref, 'counter', 2))).toEqual(corrupt)
        expect(working.findSnapshot(ref, 'counter', 1)?.state).toBe('"one"')
      }))

    test.each([
      ['value', 'valuetext'],
      ['key', 'keytext'],
      ['kind', 'link'],
    ])('is an INTERNAL error that names the stream, the kind and the key: the %s of a record', (column, text) =>
      withStorage(async (host) => {
        const ref = await store(host, (tx) => {
          const inserted = insertStream(tx, '/a')
          tx.saveRecord(inserted.id, 'link', { key: 'keytext', value: '"valuetext"' })
          tx.saveRecord(inserted.id, 'link', { key: 'other', value: '1' })
          tx.saveRecord(PROJECT_RECORDS, 'subscription', { key: 'other', value: '"valuetext"' })
          return inserted
        })
        const becomes = `${text.slice(0, -1)}!`
        host.damage({ table: 'records', column, text, becomes })
        host.reopen()
        const kind = column === 'kind' ? (becomes as 'link') : 'link'
        const key = column === 'key' ? becomes : 'keytext'
        for (const reader of [host.storage.working, host.storage.committed]) {
          const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a', kind, key }
          expect(failureOf(() => reader.findRecord(ref.id, kind, key))).toEqual(corrupt)
          expect(failureOf(() => reader.listRecords(ref.id, kind, '', 9))).toEqual(corrupt)
          if (column === 'kind') continue
          expect(reader.findRecord(ref.id, 'link', 'other')).toBe('1')
          if (column === 'key') continue
          const ofProject = { code: 'INTERNAL', reason: 'corrupt', kind: 'subscription', key: 'other' }
          expect(failureOf(() => reader.findRecord(PROJECT_RECORDS, 'subscription', 'other'))).toEqual(ofProject)
        }
      }),
    )

    test.each(['tie', 'fork_id', 'source_id'] as const)(
      'stops the deleting of what forks may read, and nothing else: the %s of a fork',
      (column) =>
        withStorage(async (host) => {
          const [source, fork, gone] = await store(host, (tx) => {
            const root = insertStream(tx, '/a', eventsTo(5))
            return [root, insertFork(tx, '/fork', root, 4, [eventAt(5)]), insertStream(tx, '/b', eventsTo(5))] as const
          })
          const value = { tie: source.id * 1_000_003 + fork.id, fork_id: fork.id, source_id: source.id }[column]
          // To a number that is there as well: the source's log would seem to be free.
          const becomes = column === 'tie' ? `${value - 1}` : `${gone.id}`
          host.damage({ table: 'forks', column, text: `${value}`, becomes })
          host.reopen()
          expect(host.storage.working.hasGarbage()).toBe(false)
          await store(host, (tx) => {
            tx.removeStreams(source.path, false)
            tx.removeStreams(gone.path, false)
          })
          const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a' }
          expect(failureOf(() => host.storage.working.hasGarbage())).toEqual(corrupt)
          const collect = () => host.storage.transactionSync(new Recorder(), (tx) => tx.collectGarbage(1000))
          expect(failureOf(collect)).toEqual(corrupt)
          expect(host.storage.committed.lastOffset(gone.id)).toBe(5)
          expect(host.storage.committed.readEvents(fork, ALL).events).toHaveLength(5)
        }),
    )

    test('is an INTERNAL error that names the stream: when it ends by itself', () =>
      withStorage(async (host) => {
        const expiry = { expiresAt: '2026-06-01T00:00:00.000Z' }
        const at = Date.parse(expiry.expiresAt)
        await store(host, (tx) => {
          insertStream(tx, '/a', [], { expiry })
          insertStream(tx, '/b')
        })
        host.damage({ table: 'streams', column: 'expires_at', text: `${at}`, becomes: `${at - 64_000}` })
        host.reopen()
        const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a' }
        // Whoever is told to end it does not get its state.
        expect(host.storage.committed.listExpired(at - 1, 9)).toEqual(['/a'])
        for (const reader of [host.storage.working, host.storage.committed]) {
          expect(failureOf(() => reader.loadStream(PATHS.a))).toEqual(corrupt)
        }
        expect(failureOf(() => host.storage.committed.list(PATHS.a, { limit: 9 }))).toEqual(corrupt)
        expect(host.storage.committed.loadStream(PATHS.b)).not.toBeNull()
      }))

    test('is an INTERNAL error that names stream and event: a mark that no raw message ever had', () =>
      withStorage(async (host) => {
        const ref = await store(host, (tx) => insertStream(tx, '/a', [eventAt(1), eventAt(2, { raw: 'text' })]))
        for (const [text, becomes, offset] of [
          ['2', '3', 2],
          ['3', '7', 2],
          ['0', '4', 1],
        ] as const) {
          host.damage({ table: 'events', column: 'raw', text, becomes })
          const corrupt = { code: 'INTERNAL', reason: 'corrupt', path: '/a', offset }
          expect(failureOf(() => host.storage.committed.readEvents(ref, { ...ALL, after: offset - 1 }))).toEqual(
            corrupt,
          )
        }
      }))
  })
}
