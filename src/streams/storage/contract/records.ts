import { describe, expect, test } from 'vitest'
import { PROJECT_RECORDS, type RecordKind, type StoredRecord } from '../port.ts'
import { PATHS, Recorder, type StorageHost, type WithStorage, store, storeStream } from './host.ts'

const { a: A } = PATHS

function save(host: StorageHost, id: number, kind: RecordKind, ...records: StoredRecord[]): Promise<void> {
  return store(host, (tx) => {
    for (const record of records) tx.saveRecord(id, kind, record)
  })
}

const recordOf = (key: string): StoredRecord => ({ key, value: JSON.stringify({ of: key }) })

export function describeRecords(withStorage: WithStorage): void {
  describe('records', () => {
    const both = ({ storage }: StorageHost, id: number, kind: RecordKind, key: string) => {
      const found = storage.working.findRecord(id, kind, key)
      expect(storage.committed.findRecord(id, kind, key)).toBe(found)
      return found
    }

    test('read back as they were written, before the commit and after, and after opening anew', () =>
      withStorage(async (host) => {
        const { id } = await storeStream(host, '/a')
        const records = [
          recordOf(''),
          recordOf('plain'),
          recordOf(`'"%_?\\ 変 🙂\u0000\n\u2028`),
          { key: 'large', value: JSON.stringify('é'.repeat(500_000)) },
        ]
        await store(host, (tx) => {
          for (const record of records) tx.saveRecord(id, 'producer', record)
          expect(host.storage.working.findRecord(id, 'producer', 'plain')).toBe('{"of":"plain"}')
        })
        for (const { key, value } of records) expect(both(host, id, 'producer', key)).toBe(value)
        host.reopen()
        for (const { key, value } of records) expect(both(host, id, 'producer', key)).toBe(value)
        for (const other of ['Plain', 'plain ', 'none']) expect(both(host, id, 'producer', other)).toBeNull()
      }))

    test('are of one stream and one kind, or of the project, which is no stream', () =>
      withStorage(async (host) => {
        const [a, b] = [await storeStream(host, '/a'), await storeStream(host, '/b')]
        const places: [number, RecordKind][] = [
          [a.id, 'producer'],
          [a.id, 'stream-seq'],
          [b.id, 'producer'],
          [PROJECT_RECORDS, 'subscription'],
          [PROJECT_RECORDS, 'link'],
        ]
        for (const [index, [id, kind]] of places.entries()) {
          await save(host, id, kind, { key: 'k', value: `${index}` })
        }
        host.reopen()
        for (const [index, [id, kind]] of places.entries()) {
          expect(both(host, id, kind, 'k')).toBe(`${index}`)
          expect(host.storage.committed.listRecords(id, kind, '', 9)).toEqual([{ key: 'k', value: `${index}` }])
        }
        expect(both(host, b.id, 'stream-seq', 'k')).toBeNull()
      }))

    test('with a key that is there take its place; deleting one leaves the others, and need not find it', () =>
      withStorage(async (host) => {
        const { id } = await storeStream(host, '/a')
        await save(host, id, 'link', recordOf('a'), recordOf('b'), { key: 'a', value: '"second"' })
        expect(both(host, id, 'link', 'a')).toBe('"second"')
        await store(host, (tx) => {
          tx.deleteRecord(id, 'link', 'a')
          tx.deleteRecord(id, 'link', 'none')
          tx.deleteRecord(id, 'producer', 'b')
        })
        expect(both(host, id, 'link', 'a')).toBeNull()
        expect(both(host, id, 'link', 'b')).toBe('{"of":"b"}')
      }))

    test('are listed after a key, in the order of their keys’ bytes, page by page', () =>
      withStorage(async (host) => {
        // The last two are the other way round by their UTF-16 units.
        const keys = ['!', '0', 'A', 'B', 'a', 'aa', 'ab', 'b', 'é', '変', '\uff5e', '🙂']
        const records = keys.map(recordOf)
        await save(host, PROJECT_RECORDS, 'subscription', ...records.toReversed())
        await save(host, PROJECT_RECORDS, 'link', recordOf('aaa'))
        const list = (after: string, limit: number) => {
          const found = host.storage.working.listRecords(PROJECT_RECORDS, 'subscription', after, limit)
          expect(host.storage.committed.listRecords(PROJECT_RECORDS, 'subscription', after, limit)).toEqual(found)
          return found
        }
        expect(list('', 100)).toEqual(records)
        const paged: StoredRecord[] = []
        for (let pages = 0; pages < 3; pages++) paged.push(...list(paged.at(-1)?.key ?? '', 5))
        expect(paged).toEqual(records)
        // Whether there is one of that name or not.
        expect(list('aa0', 2)).toEqual([recordOf('ab'), recordOf('b')])
        expect(list('🙂', 2)).toEqual([])
      }))

    test('are undone with their group', () =>
      withStorage(async (host) => {
        const { id } = await storeStream(host, '/a')
        await save(host, id, 'producer', recordOf('kept'))
        expect(() =>
          host.storage.transactionSync(new Recorder(), (tx) => {
            tx.saveRecord(id, 'producer', recordOf('new'))
            tx.saveRecord(id, 'producer', { key: 'kept', value: '"changed"' })
            tx.deleteRecord(id, 'producer', 'kept')
            expect(host.storage.working.listRecords(id, 'producer', '', 9)).toEqual([recordOf('new')])
            throw new Error('on purpose')
          }),
        ).toThrow('unforeseen')
        expect(host.storage.working.listRecords(id, 'producer', '', 9)).toEqual([recordOf('kept')])
        expect(both(host, id, 'producer', 'new')).toBeNull()
      }))

    test('go with their stream’s log, in slices, and those of others stay', () =>
      withStorage(async (host) => {
        const [gone, kept] = [await storeStream(host, '/a'), await storeStream(host, '/b')]
        const many = Array.from({ length: 250 }, (_, i) => recordOf(`k${i}`))
        for (const id of [gone.id, kept.id, PROJECT_RECORDS]) await save(host, id, 'producer', ...many)
        await save(host, gone.id, 'link', recordOf('k'))
        await store(host, (tx) => tx.removeStreams(A, true))
        for (let slices = 0; host.storage.working.hasGarbage(); slices++) {
          expect(slices).toBeLessThan(10)
          await store(host, (tx) => tx.collectGarbage(100))
        }
        const left = (id: number) => host.storage.committed.listRecords(id, 'producer', '', 1000)
        expect(left(gone.id)).toEqual([])
        expect(both(host, gone.id, 'link', 'k')).toBeNull()
        expect(left(kept.id)).toHaveLength(250)
        expect(left(PROJECT_RECORDS)).toHaveLength(250)
      }))
  })
}
