import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../src/streams/simulation/random.ts'
import { Caller, type Ground } from './mixed-caller.ts'
import type { Life } from './mixed-life.ts'
import { readPages } from './mixed-readers.ts'
import { Progress, bodyOf } from './mixed-records.ts'

/** Numbers no writer of the source has. */
const FORK_WRITER = 1000
const OWN_RECORDS = 3
const JSON_TYPE = { 'content-type': 'application/json' }

/** Forks a stream that is being written, writes to the fork, reads it, and deletes it. */
export async function forkInTheMidst(ground: Ground, life: Life, random: Random): Promise<void> {
  const caller = new Caller(ground)
  for (let forks = random.below(3); forks > 0; forks--) {
    await wait(random.below(1000))
    const path = await makeFork(caller, life, 'fork', random.chance(0.5))
    await appendOwn(caller, path, life, random)
    const progress = new Progress(life.number, life.form)
    await readPages(caller, path, progress)
    if (!progress.hasAll(FORK_WRITER, OWN_RECORDS)) throw new Error(`${path} has not what was appended to it`)
    await caller.ask('delete fork', { method: 'DELETE', path }, 204)
  }
  caller.close()
}

/** Forks a stream that is about to be deleted. */
export async function forkThatStays(ground: Ground, life: Life): Promise<{ outlive(): Promise<void> }> {
  const caller = new Caller(ground)
  const path = await makeFork(caller, life, 'stays', false)
  return {
    /** What is left when the source is gone. */
    outlive: async () => {
      await caller.ask('gone', { method: 'GET', path: life.path }, 410)
      const progress = new Progress(life.number, life.form)
      await readPages(caller, path, progress)
      progress.check(await life.written)
      await caller.ask('delete fork', { method: 'DELETE', path }, 204)
      caller.close()
    },
  }
}

async function makeFork(caller: Caller, life: Life, what: string, atItsEnd: boolean): Promise<string> {
  const path = `${life.path}-${what}`
  const source = { 'stream-forked-from': life.name }
  const head = atItsEnd ? await caller.ask('head', { method: 'HEAD', path: life.path }, 200) : undefined
  const offset = head?.header('stream-next-offset')
  const place = offset === undefined ? {} : { 'stream-fork-offset': offset }
  await caller.ask('fork', { method: 'PUT', path, headers: { ...source, ...place } }, 201)
  return path
}

async function appendOwn(caller: Caller, path: string, life: Life, random: Random): Promise<void> {
  for (let n = 0; n < OWN_RECORDS; n++) {
    const body = bodyOf('json', [{ life: life.number, writer: FORK_WRITER, n }], random)
    await caller.ask('append to fork', { method: 'POST', path, headers: JSON_TYPE, body }, 204)
  }
}
