import { existsSync } from 'node:fs'
import { connectItx } from '../src/itx/client/connect.ts'
import { ADMIN, Tributary } from '../e2e/harness.ts'
import { steps } from './event.ts'

/** The streams below the root that the measured page shows. */
const STREAMS = 30

/** A whole Tributary as it runs in production, its pages included, with a project to look at. Dispose it. */
export async function startProduction(): Promise<Tributary> {
  const built = new URL('../dist/server/entry.js', import.meta.url)
  if (!existsSync(built)) throw new Error('there are no pages to measure: npm run build makes them')
  const tributary = await Tributary.start()
  const token = await tributary.token()
  const client = connectItx({ url: address(tributary), token, project: 'demo' })
  for (let i = 0; i < STREAMS; i++) await client.onStream(`/agents/a${i}`, (stream) => stream.append(steps(50)))
  for (let i = 0; i < STREAMS; i++) await client.onStream(`/runs-${i}`, (stream) => stream.append(steps(50)))
  client.close()
  return tributary
}

/** The page that is measured: the root stream of the project, with the tree at its left. */
export function streamsPage(tributary: Tributary): string {
  return `${address(tributary)}/projects/demo/streams`
}

/** Without a name to look up. */
export function address({ port }: Tributary): string {
  return `http://127.0.0.1:${port}`
}

/** The Cookie header of a session of the admin. */
export async function signedIn(tributary: Tributary): Promise<string> {
  const origin = address(tributary)
  const response = await fetch(`${origin}/api/auth/sign-in/email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin },
    body: JSON.stringify(ADMIN),
  })
  if (!response.ok) throw new Error(`signing in answered ${response.status}: ${await response.text()}`)
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';', 1)[0])
    .join('; ')
}
