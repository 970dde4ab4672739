import { describe, expect, test } from 'vitest'
import {
  ALL,
  type Damage,
  PATHS,
  type WithStorage,
  eventAt,
  failureOf,
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
  })
}
