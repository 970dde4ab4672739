import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parsePath } from '../streams/path.ts'
import { TestProject, turn, until } from '../streams/testing.ts'
import { formatOffset } from './http-offset.ts'
import { SseHub } from './sse-hub.ts'
import { SseReader } from './sse-reader.ts'
import { messagesOf } from './stream-messages.ts'
import { SlowTarget, controlsOf, isPaired, messagesOfSse, parseSse } from './testing.ts'

// Guards the seam between pages and tail: whoever reads, however slowly, from wherever, while others append, gets every
// message once and in order, and what lies unsent for it stays small.

const PATH = parsePath('/s')
const MIB = 1024 * 1024

type Step =
  | { readonly do: 'append'; readonly messages: number; readonly size: number }
  | { readonly do: 'core' }
  | { readonly do: 'begin'; readonly at: number; readonly stalled: boolean }
  | { readonly do: 'stall' | 'take' | 'leave'; readonly reader: number }
  | { readonly do: 'turn' }

const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('append'),
        messages: fc.integer({ min: 1, max: 700 }),
        size: fc.constant(8),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('append'),
        messages: fc.integer({ min: 1, max: 4 }),
        size: fc.constantFrom(1000, 40_000, 400_000, 1_300_000),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('core') }) },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('begin'),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        stalled: fc.boolean(),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('stall', 'take', 'leave'), reader: fc.nat(5) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('turn') }) },
  ),
  { minLength: 5, maxLength: 60 },
) as fc.Arbitrary<Step[]>

interface Reading {
  readonly target: SlowTarget
  /** How many messages were before it. */
  readonly skipped: number
}

test('every reader gets every message after its offset once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (plan, close) => {
      using project = new TestProject()
      const { streams } = project
      const { state } = await streams.create(PATH, { contentType: 'application/json' })
      const { incarnationId } = state
      const offsets: number[] = []
      const readings: Reading[] = []
      const pending: Promise<unknown>[] = []
      let written = 0
      const begin = (skipped: number, stalled: boolean) => {
        const target = new SlowTarget()
        if (stalled) target.stall()
        const hub = SseHub.of(streams, { path: PATH, incarnationId, form: 'json', keepAliveMs: 1e6 })
        void new SseReader(hub, target, { after: offsets[skipped - 1] ?? 0, cursor: 0, onClose: () => {}, log: fail })
        readings.push({ target, skipped })
      }
      for (const step of plan) {
        if (step.do === 'append') {
          const numbers = Array.from({ length: step.messages }, () => [written++, 'x'.repeat(step.size)])
          const appended = streams.append(PATH, messagesOf(JSON.stringify(numbers), 1e6))
          pending.push(appended.then((receipts) => offsets.push(...receipts.map(({ offset }) => offset))))
        } else if (step.do === 'core') pending.push(streams.setMetadata(PATH, { written }))
        else if (step.do === 'begin') begin(Math.floor(step.at * offsets.length), step.stalled)
        else if (step.do === 'turn') await turn()
        else {
          const target = readings[step.reader]?.target
          if (step.do === 'stall') target?.stall()
          else if (step.do === 'take') target?.take()
          else target?.destroy()
        }
      }
      await Promise.all(pending)
      if (close) await streams.close(PATH)
      begin(0, false)
      for (const { target } of readings) target.take()
      const total = offsets.length
      const eventsOf = ({ target }: Reading) => parseSse(target.text)
      const last = `"streamNextOffset":"${formatOffset(offsets.at(-1) ?? 0)}"`
      const isDone = ({ target }: Reading) => {
        if (target.destroyed && !target.writableFinished) return true
        const end = target.text.slice(target.text.lastIndexOf('event: control'))
        return end.includes(last) && end.includes(close ? 'streamClosed' : 'upToDate') && end.endsWith('\n\n')
      }
      const left = new Set(readings)
      await until(() => {
        for (const each of left) if (isDone(each)) left.delete(each)
        return left.size === 0
      })
      for (const reading of readings) {
        const events = eventsOf(reading)
        const numbers = messagesOfSse(events).map((message) => (message as [number])[0])
        const expected = Array.from({ length: total - reading.skipped }, (_, i) => reading.skipped + i)
        const whole = reading.target.writableFinished || !reading.target.destroyed
        expect(numbers).toEqual(whole ? expected : expected.slice(0, numbers.length))
        if (whole) expect(isPaired(events)).toBe(true)
        const controls = controlsOf(events)
        const told = controls.map(({ streamNextOffset }) => streamNextOffset)
        expect(told).toEqual(told.toSorted())
        if (whole) expect(controls.at(-1)).toMatchObject(close ? { streamClosed: true } : { upToDate: true })
        // A page, or a batch of the tail, beyond the limit: however much was appended meanwhile.
        expect(reading.target.mostUnsent).toBeLessThan(8 * MIB)
      }
      for (const { target } of readings) target.destroy()
    }),
    { numRuns: 30 },
  )
})

function fail(message: string, error: unknown): never {
  throw new Error(message, { cause: error })
}
