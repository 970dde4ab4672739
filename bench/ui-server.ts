import { existsSync } from 'node:fs'
import { type ItxClient, connectItx } from '../src/itx/client/connect.ts'
import { Tributary } from '../e2e/harness.ts'
import { steps } from './event.ts'
import { scaled } from './scale.ts'

/** What the measured pages show. */
export const SIBLINGS = scaled(100_000, 5000)
export const EVENTS = scaled(100_000, 5000)
/** Streams right below the root, beside the one with the siblings. */
const TOP = 200
/** How many are asked for at once. */
const AT_ONCE = 200

/** The stream with the siblings below it, one in their middle, and the one with the events. */
export const WIDE = '/agents'
export const MIDDLE = `${WIDE}/${siblingName(SIBLINGS / 2)}`
export const LONG = '/runs-7'

/** A whole Tributary as it runs in production, with more streams and events than any page of it holds. Dispose it. */
export async function startUiServer(): Promise<Tributary> {
  const built = new URL('../dist/server/entry.js', import.meta.url)
  if (!existsSync(built)) throw new Error('there are no pages to measure: npm run build makes them')
  const tributary = await Tributary.start({ env: { TRIBUTARY_CALLS_PER_SECOND: '1000000' } })
  const client = connectItx({ url: tributary.url, token: await tributary.token('admin'), project: 'demo' })
  for (let i = 0; i < TOP; i++) await client.onStream(`/runs-${i}`, (stream) => stream.append(steps(20)))
  for (let left = EVENTS; left > 0; left -= 1000) {
    await client.onStream(LONG, (stream) => stream.append(steps(Math.min(left, 1000))))
  }
  await makeSiblings(client)
  client.close()
  return tributary
}

export function streamPath(path: string): string {
  return `/projects/demo/streams${path === '/' ? '' : path}`
}

export function siblingName(i: number): string {
  return `a${String(i).padStart(6, '0')}`
}

async function makeSiblings(client: ItxClient): Promise<void> {
  await client.use(async (project) => {
    for (let from = 0; from < SIBLINGS; from += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, SIBLINGS - from) }, async (_, at) => {
        using stream = project.streams.get(`${WIDE}/${siblingName(from + at)}`)
        await stream.create()
      })
      await Promise.all(some)
    }
  })
}
