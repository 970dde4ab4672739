import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyState } from './core/state.ts'
import type { EncodedEvent, EventInput } from './event.ts'
import { parsePath } from './path.ts'
import { nodeScheduler } from './scheduler.ts'
import { recoverStream } from './stream.ts'
import { TestProject, readAll } from './testing.ts'
import type { ExportPage } from './transfer.ts'

// The law of a transfer: export, import elsewhere, export again gives the same log; and the stream that came of it is
// like any other.

const A = parsePath('/a')
const B = parsePath('/else/where/b')

const input: fc.Arbitrary<EventInput> = fc.record(
  {
    type: fc.constantFrom('x', 'y', 'order/placed'),
    payload: fc.jsonValue({ maxDepth: 3 }),
    metadata: fc.dictionary(fc.constantFrom('a', '__proto__', 'constructor'), fc.integer()),
    source: fc.constant({ processor: { slug: 'p', version: '1' } }),
    idempotencyKey: fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5'),
  },
  { requiredKeys: ['type'] },
)

type Act = (project: TestProject) => Promise<unknown>
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(input, { minLength: 1, maxLength: 4 })
      .map((events) => (p: TestProject) => p.append('/a', ...events)),
  },
  fc.jsonValue({ maxDepth: 1 }).map((value) => (p: TestProject) => p.streams.setMetadata(A, { value })),
  fc.boolean().map((recordPresence) => (p: TestProject) => p.streams.configure(A, { recordPresence })),
  fc.constantFrom<Act>(
    (p) => p.streams.pause(A, 'why'),
    (p) => p.streams.resume(A),
    (p) => p.append('/a/child', { type: 'c' }),
    (p) => p.append('/a/child/grandchild', { type: 'c' }),
    (p) => p.streams.delete(parsePath('/a/child'), { recursive: true }),
    async (p) => void (p.clock.ms += 1234),
    (p) => p.streams.reset(A),
  ),
)

async function exportAll(project: TestProject, path: typeof A, limit: number): Promise<ExportPage> {
  const first = await project.streams.export(path, { limit })
  const events = [...first.events]
  for (let after = first.nextCursor; after !== null;) {
    const { incarnationId, maxOffset: through } = first
    const page = await project.streams.export(path, { after, limit, incarnationId, through })
    events.push(...page.events)
    after = page.nextCursor
  }
  return { ...first, events }
}

function unmarked(events: readonly EncodedEvent[]): unknown[] {
  return events.map((event) =>
    event.type.startsWith('stream/') && event.payload?.includes('"imported":true')
      ? { ...event, payload: JSON.stringify({ ...JSON.parse(event.payload), imported: undefined }) }
      : event,
  )
}

test('export, import and export again: the same log, a sound stream', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 7 }),
      fc.boolean(),
      async (acts, page, size, restart) => {
        using project = new TestProject()
        await project.append('/a', { type: 'first', idempotencyKey: 'k0' })
        // What cannot be done now (a pause is on, a child is not there) leaves nothing behind.
        for (const each of acts) await each(project).catch(() => {})
        const before = await exportAll(project, A, page)
        let incarnationId: string | null = null
        for (let at = 0; at < before.events.length; at += size) {
          const events = before.events.slice(at, at + size)
          const last = at + size >= before.events.length
          const head = { contentType: before.contentType, firstOffset: before.firstOffset }
          const chunk = incarnationId === null ? { head, events, last } : { incarnationId, events, last }
          ;({ incarnationId } = await project.streams.import(B, chunk))
          if (restart) project.reopen()
        }
        const after = await exportAll(project, B, page)
        expect(unmarked(after.events)).toEqual(unmarked(before.events))
        expect(await readAll(project.streams, B)).toEqual(after.events)

        const { exists: _, ...state } = await project.streams.state(B)
        expect(state).toMatchObject({
          path: B,
          incarnationId,
          childCount: 0,
          descendantCount: 0,
          maxOffset: before.maxOffset,
        })
        const stored = project.storage.committed.loadStream(B)
        if (!stored) throw new Error('it is there')
        const fresh = { ...stored, state: emptyState(B, stored.state.incarnationId), stateVersion: 0 }
        expect({
          ...(await recoverStream(project.storage, fresh, nodeScheduler, Date.now)).state,
          breaker: null,
        }).toEqual({
          ...state,
          breaker: null,
        })

        project.reopen()
        await project.streams.resume(B)
        const keys = before.events.flatMap(({ idempotencyKey, type, offset }) =>
          idempotencyKey !== undefined && !type.startsWith('stream/') ? [{ idempotencyKey, offset }] : [],
        )
        const again = await project.append(
          B,
          ...keys.map(({ idempotencyKey }) => ({ type: 'again', idempotencyKey })),
          { type: 'new' },
        )
        expect(again.slice(0, -1).map(({ offset, duplicate }) => [offset, duplicate])).toEqual(
          keys.map(({ offset }) => [offset, true]),
        )
        expect(again.at(-1)?.offset).toBe(before.maxOffset + 2)
      },
    ),
    { numRuns: 60 },
  )
})
