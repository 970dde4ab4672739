import { describe, expect, test } from 'vitest'
import type { JsonText } from '../../json-text.ts'
import { ALL, type WithStorage, eventAt, insertStream, json, pageOfBoth, store, storeStream } from './host.ts'

const KiB = 1024

/** Events that do not fit into one value of every host. */
export function describeLargeEvents(withStorage: WithStorage): void {
  describe('an event over 512 KiB', () => {
    const over = (unit: string) => unit.repeat(Math.ceil((1.3 * KiB * KiB) / Buffer.byteLength(unit)))

    test.each([
      ['payload', 'x'],
      ['payload', 'é'],
      ['payload', '変'],
      ['payload', '🙂'],
      ['metadata', '🙂'],
    ])('reads back equal: %s of %s, at every alignment to the borders of its pieces', (field, unit) =>
      withStorage(async (host) => {
        const events = ['', 'x', 'xx', 'xxx'].map((shift, index) =>
          eventAt(index + 1, { [field]: json({ a: shift + over(unit) }), idempotencyKey: `k${index}` }),
        )
        const ref = await store(host, (tx) => {
          const inserted = insertStream(tx, '/a', events)
          expect(host.storage.working.readEvents(inserted, ALL).events).toEqual(events)
          return inserted
        })
        host.reopen()
        expect(pageOfBoth(host, ref, ALL).events).toEqual(events)
        expect(pageOfBoth(host, ref, { ...ALL, before: 5, descending: true }).events).toEqual(events.toReversed())
        expect(host.storage.committed.findEvent(ref, 'k2')).toEqual(events[2])
      }),
    )

    test('may have payload and metadata that large, or either; sizes around the limit change nothing', () =>
      withStorage(async (host) => {
        const large = json({ a: over('z') })
        const exactly = (bytes: number) => json('y'.repeat(bytes - 2))
        const events = [
          { payload: large, metadata: large },
          { payload: large },
          { metadata: large },
          { payload: large, metadata: '{}' as JsonText },
          { payload: exactly(512 * KiB - 1) },
          { payload: exactly(512 * KiB), metadata: large },
          { payload: exactly(512 * KiB + 1) },
          { payload: exactly(1024 * KiB) },
          { payload: exactly(1024 * KiB + 1) },
        ].map((changes, index) => eventAt(index + 1, changes))
        const ref = await storeStream(host, '/a', events)
        expect(pageOfBoth(host, ref, ALL).events).toStrictEqual(events)
      }))

    test('may have 16 MiB', () =>
      withStorage(async (host) => {
        const event = eventAt(1, { payload: json('é'.repeat(8 * KiB * KiB - 1)) })
        const ref = await storeStream(host, '/a', [event])
        host.reopen()
        const [found] = host.storage.committed.readEvents(ref, ALL).events
        // Not `toEqual`: a difference of that size would take minutes to print.
        expect(found?.payload === event.payload).toBe(true)
      }))
  })
}
