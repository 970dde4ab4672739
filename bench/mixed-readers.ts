import { setTimeout as wait } from 'node:timers/promises'
import { connectItx } from '../src/itx/client/connect.ts'
import { RESERVED_PREFIX, type StreamEvent } from '../src/streams/event.ts'
import type { Random } from '../src/streams/simulation/random.ts'
import { Caller, type Ground } from './mixed-caller.ts'
import type { Life } from './mixed-life.ts'
import { plainBody } from './messages.ts'
import { type Padded, Progress } from './mixed-records.ts'
import { type ControlSaid, SseReader } from './sse-wire.ts'

/** Reads one life of a stream to its end, and throws unless it got everything, once and in order. */
type Read = (ground: Ground, life: Life, random: Random) => Promise<void>

/** Waits for news again and again; sometimes it goes away while it waits. */
async function longPoll(ground: Ground, life: Life, random: Random): Promise<void> {
  await wait(random.below(1000))
  const caller = new Caller(ground)
  const progress = new Progress(life.number, life.form)
  let offset = '-1'
  let cursor = ''
  for (let closed = false; !closed;) {
    const path = `${life.path}?offset=${offset}&live=long-poll${cursor === '' ? '' : `&cursor=${cursor}`}`
    if (!life.settled && random.chance(0.05)) await caller.vanish('long poll, gone', { method: 'GET', path }, 1)
    const answer = await caller.ask('long poll', { method: 'GET', path }, 200, 204)
    if (answer.status === 200) progress.take(answer.body)
    offset = answer.header('stream-next-offset') ?? ''
    cursor = answer.header('stream-cursor') ?? ''
    closed = answer.header('stream-closed') === 'true'
  }
  caller.close()
  progress.check(await life.written)
}

/** Reads from the start to the end, sometimes compressed, and begins anew until the end is the last. */
async function catchUp(ground: Ground, life: Life, random: Random): Promise<void> {
  const caller = new Caller(ground)
  for (let closed = false; !closed; await wait(random.between(200, 800))) {
    const progress = new Progress(life.number, life.form)
    const headers = random.chance(0.3) ? { 'accept-encoding': 'gzip' } : {}
    closed = await readPages(caller, life.path, progress, headers)
    if (closed) progress.check(await life.written)
  }
  caller.close()
}

/** Reads a stream from its start to its end. @returns whether it is closed */
export async function readPages(
  caller: Caller,
  path: string,
  progress: Progress,
  headers: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  let offset = '-1'
  for (;;) {
    const page = await caller.ask('page', { method: 'GET', path: `${path}?offset=${offset}`, headers }, 200)
    progress.take(plainBody(page))
    if (page.header('stream-up-to-date') === 'true') return page.header('stream-closed') === 'true'
    offset = page.header('stream-next-offset') ?? ''
  }
}

/** Follows the tail; comes and goes, and sometimes takes nothing for a while. */
async function sse(ground: Ground, life: Life, random: Random): Promise<void> {
  await wait(random.below(1000))
  const fromStart = life.settled || random.chance(0.7)
  const progress = new Progress(life.number, life.form, fromStart)
  let offset = fromStart ? '-1' : 'now'
  for (let closed = false; !closed;) {
    ground.tally.add('event stream')
    const heard = await listen(ground, life, random, offset, progress)
    offset = heard.streamNextOffset
    closed = heard.streamClosed === true
  }
  progress.check(await life.written)
}

/** One connection of a follower. @returns the last control event that came, with all before it taken */
function listen(ground: Ground, life: Life, random: Random, offset: string, progress: Progress): Promise<ControlSaid> {
  return new Promise((resolve, reject) => {
    let pending: Buffer[] = []
    let said: ControlSaid = { streamNextOffset: offset }
    // A patience of its own for each connection: some stay to the end, some are gone before the first answer.
    const stay = life.settled || random.chance(0.4) ? Infinity : random.below(2000)
    const headers = { authorization: `Bearer ${ground.token}` }
    const stop = () => {
      clearTimeout(leaving)
      clearTimeout(stalling)
      reader.close()
      resolve(said)
    }
    const reader = new SseReader(ground.port, `${life.path}?offset=${offset}&live=sse`, headers, {
      data: (text) => pending.push(Buffer.from(text, life.form === 'binary' ? 'base64' : 'utf8')),
      // Only here is it said how far the data reaches: whoever goes away before must be given it again.
      control: (control) => {
        const taken = pending
        pending = []
        for (const bytes of taken) progress.take(bytes)
        said = control
        if (control.streamClosed) stop()
      },
      end: stop,
      failed: (error) => {
        clearTimeout(leaving)
        clearTimeout(stalling)
        reject(error)
      },
    })
    const leaving = Number.isFinite(stay) ? setTimeout(stop, stay) : undefined
    const stalling =
      !life.settled && random.chance(0.25)
        ? setTimeout(() => {
            ground.tally.add('event stream stalls')
            reader.pause()
            setTimeout(() => reader.resume(), random.between(500, 2000))
          }, random.below(1500))
        : undefined
  })
}

/** Subscribes over a socket of its own. */
async function itx(ground: Ground, life: Life, random: Random): Promise<void> {
  await wait(random.below(500))
  const client = connectItx({ url: ground.url, token: ground.token, project: 'demo' })
  ground.tally.add('socket subscription')
  const progress = new Progress(life.number, life.form)
  const over = new AbortController()
  let written: ReadonlyMap<number, number> | null = null
  let last = 0
  const look = () => {
    if (written && progress.has(written)) over.abort()
  }
  // Thrown where events are taken it would only end this subscription, and the client would ask for the same again.
  let fault: unknown = null
  const take = (events: readonly StreamEvent[]) => {
    for (const { offset, type, payload } of events) {
      if (offset !== last + 1) throw new Error(`${life.name}: event ${offset} came after ${last}`)
      last = offset
      if (!type.startsWith(RESERVED_PREFIX)) progress.record(payload as Padded)
    }
    look()
  }
  const told = life.written.then((counts) => {
    written = counts
    look()
  })
  await client.follow(life.name, { after: 'start', signal: over.signal }, (events) => {
    try {
      if (fault === null) take(events)
    } catch (error) {
      fault = error
      over.abort()
    }
  })
  if (fault !== null) throw fault
  await told
  client.close()
}

/** A reader whose errors say what was read, and how. */
function named(kind: string, read: Read): Read {
  return (ground, life, random) =>
    read(ground, life, random).catch((error: unknown) => {
      const said = error instanceof Error ? error.message : String(error)
      throw new Error(`${kind} of ${life.name}, life ${life.number}: ${said}`, { cause: error })
    })
}

export const READERS = {
  longPoll: named('long poll', longPoll),
  sse: named('event stream', sse),
  catchUp: named('catch-up', catchUp),
  itx: named('socket subscription', itx),
} as const
