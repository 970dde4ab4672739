import { createHash } from 'node:crypto'
import { failure, until } from '../testing.ts'
import { ROOT_PATH, type StreamPath, parsePath } from '../path.ts'
import type { ProjectStreams } from '../project-streams.ts'
import { PROJECT_RECORDS, type RecordKind } from '../storage/port.ts'
import { PROCESSORS, RECORD_KEYS, type VictimStream } from './victim.ts'
import type { OpenProject } from './writing.ts'

/** What a question was answered with: parts in their order, and the failure that ended it, if one did. */
export interface Answer {
  readonly parts: readonly string[]
  readonly failure?: unknown
}

export type Answers = ReadonlyMap<string, Answer>

/** Everything that can be asked of a project without changing it. A question begins with the path it is about. */
export async function askEverything(project: OpenProject, known: readonly VictimStream[]): Promise<Answers> {
  const answers = new Map<string, Answer>()
  const ask = async (question: string, find: (tell: (part: unknown) => void) => Promise<void>) => {
    const parts: string[] = []
    try {
      await find((part) => void parts.push(brief(part)))
      answers.set(question, { parts })
    } catch (error) {
      answers.set(question, { parts, failure: failure(error) })
    }
  }
  const { streams } = project
  for (const stream of known) await askOf(project, stream, ask)
  await ask('/absent state', async (tell) => tell(await streams.state(parsePath('/absent'))))
  for (const prefix of ['/', '/tree', '/tree/branch-1'] as StreamPath[]) {
    for (const limit of [1000, 7]) {
      await ask(`${prefix} list by ${limit}`, async (tell) => {
        for (let after: string | null | undefined; after !== null;) {
          const page = await streams.list({ prefix, limit, ...(after === undefined ? {} : { after }) })
          page.streams.forEach(tell)
          after = page.nextAfter
        }
      })
    }
  }
  await ask('/left retained', async (tell) => tell(project.storage.committed.isRetained(parsePath('/left'))))
  await askRecords(project, PROJECT, PROJECT_RECORDS, 'subscription', ask)
  // The list is a hint: whoever runs processors loads each of its streams.
  await ask('/ processed', async (tell) => {
    for (const path of project.storage.committed.listProcessed('', 1000)) {
      const { processors } = await streams.state(path)
      if (processors.length > 0) tell([path, processors])
    }
  })
  return answers
}

/** Whom a question is about that is about no stream. */
export const PROJECT = '(project)'

type Ask = (question: string, find: (tell: (part: unknown) => void) => Promise<void>) => Promise<void>

async function askOf({ streams, storage }: OpenProject, { ref, keys, ...log }: VictimStream, ask: Ask): Promise<void> {
  const { path } = ref
  await ask(`${path} state`, async (tell) => tell(await streams.state(path)))
  for (const order of ['asc', 'desc'] as const) {
    for (const visibleOnly of [false, true]) {
      await ask(`${path} read ${order}${visibleOnly ? ' visible' : ''}`, async (tell) => {
        for (let cursor: number | null | undefined; cursor !== null;) {
          const from: object = cursor === undefined ? {} : { [order === 'asc' ? 'after' : 'before']: cursor }
          const page = await streams.read(path, { order, visibleOnly, limit: 50, ...from })
          page.events.forEach(tell)
          cursor = page.nextCursor
        }
      })
    }
  }
  for (let offset = log.firstOffset; offset <= log.maxOffset + 1; offset++) {
    await ask(`${path} event ${offset}`, async (tell) => tell(await streams.getEvent(path, { offset })))
  }
  for (const idempotencyKey of keys) {
    await ask(`${path} key ${idempotencyKey}`, async (tell) => tell(await streams.getEvent(path, { idempotencyKey })))
  }
  await ask(`${path} subscribe`, (tell) => follow(streams, path, tell))
  await ask(`${path} children`, async (tell) => {
    for (let after: string | null | undefined; after !== null;) {
      const page = await streams.children(path, { limit: 15, ...(after === undefined ? {} : { after }) })
      if (after === undefined) tell(page.total)
      page.children.forEach(tell)
      after = page.nextAfter
    }
  })
  for (const processor of PROCESSORS) {
    for (const atMost of [Number.MAX_SAFE_INTEGER, 39, 19, 9]) {
      await ask(`${path} snapshot of ${processor} at ${atMost}`, async (tell) => {
        tell(storage.working.findSnapshot(ref, processor, atMost))
      })
    }
  }
  await askRecords({ storage }, path, ref.id, 'producer', ask)
}

async function askRecords(
  { storage: { committed } }: Pick<OpenProject, 'storage'>,
  whose: string,
  id: number,
  kind: RecordKind,
  ask: Ask,
): Promise<void> {
  for (const key of RECORD_KEYS) {
    await ask(`${whose} record ${key}`, async (tell) => tell(committed.findRecord(id, kind, key)))
  }
  await ask(`${whose} records`, async (tell) => {
    for (let page = committed.listRecords(id, kind, '', 3); page.length > 0;) {
      page.forEach(tell)
      page = committed.listRecords(id, kind, page.at(-1)?.key ?? '', 3)
    }
  })
}

async function follow(streams: ProjectStreams, path: StreamPath, tell: (part: unknown) => void): Promise<void> {
  let ended = false
  let over: unknown
  const reader = await streams.subscribe(path, { after: 'start' }, (batch) => {
    batch.events.forEach(tell)
    ended = batch.through >= batch.maxOffset
  })
  void reader.closed().then((closed) => (over = closed))
  try {
    await until(() => ended || over !== undefined, `the replay of ${path}`, 500)
  } finally {
    reader.unsubscribe()
  }
  // How a live reader hears of damage.
  if (over !== undefined) throw Object.assign(new Error('the reader was ended'), { code: 'INTERNAL', details: over })
}

/** Large answers are kept as their hash. */
function brief(part: unknown): string {
  const text = JSON.stringify(part) ?? 'undefined'
  return text.length < 400 ? text : createHash('sha1').update(text).digest('hex')
}

/** A stream that is made by writing everywhere; the root hears of it. Last of all by path, so that lists go on as before. */
export const NEW_STREAM = '/zz/new'

/** Appends one event to every stream but the root, and some of those with a key once more. */
export async function writeEverywhere({ streams }: OpenProject, known: readonly VictimStream[]): Promise<Answers> {
  const answers = new Map<string, Answer>()
  const attempt = async (question: string, run: () => Promise<unknown>) => {
    try {
      answers.set(question, { parts: [brief(await run())] })
    } catch (error) {
      answers.set(question, { parts: [], failure: failure(error) })
    }
  }
  for (const { ref, keys } of known) {
    const { path } = ref
    for (const idempotencyKey of sample(keys)) {
      await attempt(`${path} retry ${idempotencyKey}`, () => streams.append(path, [{ type: 'again', idempotencyKey }]))
    }
    if (path !== ROOT_PATH) await attempt(`${path} append`, () => streams.append(path, [{ type: 'more' }]))
  }
  await attempt(`${NEW_STREAM} append`, () => streams.append(parsePath(NEW_STREAM), [{ type: 'first' }]))
  return answers
}

/** Those of children are the engine's own, and nobody may append with them. */
function sample(keys: readonly string[]): readonly string[] {
  const callers = keys.filter((key) => !key.startsWith('stream/'))
  return callers.filter((_, index) => index % 3 === 0)
}
