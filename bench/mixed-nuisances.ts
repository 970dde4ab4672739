import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../src/streams/simulation/random.ts'
import { Caller, type Ground } from './mixed-caller.ts'
import { STREAMS } from './mixed-life.ts'
import type { Asked } from './wire.ts'

/** What comes beside honest work: streams that run out, requests that are wrong, clients that are gone in their midst. */

const JSON_TYPE = { 'content-type': 'application/json' }
const PLACE = `${STREAMS}/mixed/bad`
const ABSENT = `${STREAMS}/mixed/absent`

/** Streams that end by themselves: made, written, left alone until they are gone. */
export async function expire(ground: Ground, name: string, random: Random): Promise<void> {
  const caller = new Caller(ground)
  const path = `${STREAMS}${name}`
  while (!ground.over.aborted) {
    const headers = random.chance(0.5)
      ? { 'stream-ttl': '1' }
      : { 'stream-expires-at': new Date(Date.now() + 1000).toISOString() }
    await caller.ask('create for a second', { method: 'PUT', path, headers: { ...JSON_TYPE, ...headers } }, 201)
    await caller.ask('append', { method: 'POST', path, headers: JSON_TYPE, body: '{"left":"alone"}' }, 204)
    await wait(1100)
    const deadline = performance.now() + 5000
    while ((await caller.ask('head', { method: 'HEAD', path }, 200, 404)).status === 200) {
      if (performance.now() > deadline) throw new Error(`${path} should have run out 5 s ago`)
      await wait(100)
    }
    ground.tally.add('run out')
  }
  caller.close()
}

/** Everything that is wrong with these must be said, and change nothing. */
const WRONG: readonly (readonly [Asked, number])[] = [
  [{ method: 'POST', path: PLACE, headers: JSON_TYPE, body: '{"broken":' }, 400],
  [{ method: 'POST', path: PLACE, headers: JSON_TYPE, body: '['.repeat(5000) }, 400],
  [{ method: 'POST', path: PLACE, headers: JSON_TYPE, body: '[]' }, 400],
  [{ method: 'POST', path: PLACE, headers: JSON_TYPE }, 400],
  [{ method: 'POST', path: PLACE, headers: { 'content-type': 'text/plain' }, body: 'text' }, 409],
  [{ method: 'POST', path: PLACE, headers: { ...JSON_TYPE, 'producer-id': 'alone' }, body: '1' }, 400],
  [{ method: 'POST', path: ABSENT, headers: JSON_TYPE, body: '1' }, 404],
  [{ method: 'GET', path: `${PLACE}?offset=x,y` }, 400],
  [{ method: 'GET', path: `${PLACE}?offset=-1&offset=-1` }, 400],
  [{ method: 'GET', path: `${PLACE}?live=sse` }, 400],
  [{ method: 'GET', path: `${ABSENT}?offset=-1&live=sse` }, 404],
  [{ method: 'GET', path: `${ABSENT}?offset=-1&live=long-poll` }, 404],
  [{ method: 'HEAD', path: ABSENT }, 404],
  [{ method: 'DELETE', path: ABSENT }, 404],
  [{ method: 'PUT', path: ABSENT, headers: { ...JSON_TYPE, 'stream-ttl': '-1' } }, 400],
  [{ method: 'PUT', path: ABSENT, headers: { ...JSON_TYPE, 'stream-forked-from': '/mixed/absent-too' } }, 404],
  [{ method: 'PUT', path: PLACE, headers: { 'content-type': 'text/plain' } }, 409],
]

/** Nobody's, and never the same: what is remembered of it would grow. */
function strangeToken(random: Random): Asked {
  const token = Array.from({ length: 43 }, () => random.below(16).toString(16)).join('')
  return { method: 'GET', path: PLACE, headers: { authorization: `Bearer trb_${token}` } }
}

/** Asks for what is not to be had. */
export async function askWrongly(ground: Ground, random: Random): Promise<void> {
  const caller = new Caller(ground)
  await caller.ask('create', { method: 'PUT', path: PLACE, headers: JSON_TYPE }, 201, 200)
  while (!ground.over.aborted) {
    const [asked, status] = random.chance(0.1) ? [strangeToken(random), 401] : random.pick(WRONG)
    await caller.ask('wrong', asked, status)
    await wait(random.below(60))
  }
  const { length } = (await caller.ask('page', { method: 'GET', path: `${PLACE}?offset=-1` }, 200)).body
  if (length !== '[]'.length) throw new Error('something wrong was stored')
  caller.close()
}

/** Comes to the door in all sorts of ways and is gone again. */
export async function vanish(ground: Ground, random: Random): Promise<void> {
  const caller = new Caller(ground)
  const large = `{"never":"${'z'.repeat(200_000)}"}`
  const visits: readonly (() => Promise<void>)[] = [
    () =>
      caller.vanish(
        'gone in a body',
        { method: 'POST', path: PLACE, headers: JSON_TYPE, body: large },
        random.next() * 0.9,
      ),
    () => caller.vanish('gone in a head', { method: 'POST', path: PLACE, headers: JSON_TYPE, body: '1' }, 0.3),
    () => caller.vanish('gone before an event stream', { method: 'GET', path: `${PLACE}?offset=now&live=sse` }, 1),
    () => caller.vanish('gone before a long poll', { method: 'GET', path: `${PLACE}?offset=now&live=long-poll` }, 1),
    () => raw(ground, 'no HTTP', 'what is this\r\n\r\n', 0),
    () => raw(ground, 'nothing said', '', random.below(300)),
    () => raw(ground, 'a socket that says nothing', upgrade(ground.token), random.below(300)),
    () => raw(ground, 'a socket that talks nonsense', `${upgrade(ground.token)}nonsense`, random.below(300)),
  ]
  while (!ground.over.aborted) {
    await random.pick(visits)()
    await wait(random.below(100))
  }
}

function upgrade(token: string): string {
  const lines = [
    'GET /api/itx HTTP/1.1',
    'host: localhost',
    `authorization: Bearer ${token}`,
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** Bytes over a connection that is closed after a while. */
async function raw({ port, tally }: Ground, what: string, text: string, ms: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect')
  tally.add(what)
  if (text !== '') socket.write(text)
  await wait(ms)
  socket.destroy()
}
