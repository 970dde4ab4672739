import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { failure, TestFolder } from '../testing.ts'
import { type Flip, FLIP_KINDS, type FlipKind, type Page, ROW_TABLES, flipByte, flipValue, pagesOf } from './flips.ts'
import { type Answer, type Answers, NEW_STREAM, PROJECT, askEverything, writeEverywhere } from './questions.ts'
import { PROJECT_RECORDS } from '../storage/port.ts'
import { Random } from '../simulation/random.ts'
import { integrity } from './soundness.ts'
import { type Victim, buildVictim } from './victim.ts'
import { openProject } from './writing.ts'

/**
 * How a flip showed: the file was refused, some answers were errors that say so, every answer was the right one, or an
 * index passed something over, which only a check of the whole file tells, or a record is not where it is looked for
 * (docs/limits.md, "Durability").
 */
export type FlipOutcome = 'refused' | 'reported' | 'immaterial' | 'unseen'

export interface FlipReport extends Pick<Flip, 'kind' | 'what' | 'table'> {
  readonly outcome: FlipOutcome
  /** Streams of which something could not be answered. */
  readonly streams: number
  /** What is wrong with that: nothing, or sentences. */
  readonly faults: readonly string[]
}

/** Flips bits of one project, one at a time. */
export class BitFlips {
  readonly #victim: Victim
  readonly #pages: readonly Page[]
  readonly #sound: Asked

  private constructor(victim: Victim, pages: readonly Page[], sound: Asked) {
    this.#victim = victim
    this.#pages = pages
    this.#sound = sound
  }

  static async prepare(): Promise<BitFlips> {
    const victim = await buildVictim()
    using folder = new TestFolder()
    const file = join(folder.path, 'sound.db')
    writeFileSync(file, victim.bytes)
    const pages = pagesOf(file)
    const sound = await askAll(file, victim)
    if (sound === null) throw new Error('the sound file was refused')
    for (const answers of [sound.first, sound.last]) {
      for (const [question, { failure: failed }] of answers) {
        if (failed !== undefined) throw new Error(`${question} fails on the sound file: ${JSON.stringify(failed)}`)
      }
    }
    return new BitFlips(victim, pages, sound)
  }

  /** One flip. What is found is in the report: nothing is thrown for it. */
  async flip(seed: number, kind?: FlipKind): Promise<FlipReport> {
    const random = new Random(seed)
    using folder = new TestFolder()
    const file = join(folder.path, 'flipped.db')
    const flip = this.#flip(file, kind ?? pickKind(random), random)
    const flipped = readFileSync(file)
    const rows = countRows(file)
    const { kind: where, what, table } = flip
    const asked = await askAll(file, this.#victim, () => {
      const faults: string[] = []
      if (!readFileSync(file).equals(flipped) || (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
        faults.push('reading changed the file')
      }
      if (JSON.stringify(countRows(file)) !== JSON.stringify(rows)) faults.push('reading changed the number of rows')
      return faults
    })
    if (asked === null) return { kind: where, what, table, outcome: 'refused', streams: 0, faults: [] }
    const judged = this.#judge(flip, asked)
    const faults = [...asked.faults, ...judged.faults]
    if (judged.unseen > 0 && where === 'index page' && integrity(file) === 'ok') {
      faults.push('not even integrity_check sees what is missing from the index')
    }
    const outcome = judged.unseen > 0 ? 'unseen' : judged.damaged.size > 0 ? 'reported' : 'immaterial'
    return { kind: where, what, table, outcome, streams: judged.damaged.size, faults }
  }

  #flip(file: string, kind: FlipKind, random: Random): Flip {
    const bytes = Buffer.from(this.#victim.bytes)
    if (kind !== 'value') {
      const flip = flipByte(bytes, kind, this.#pages, random)
      writeFileSync(file, bytes)
      return flip
    }
    writeFileSync(file, bytes)
    return flipValue(file, random)
  }

  #judge(flip: Flip, asked: Asked): Judgement {
    const damaged = new Set<string>()
    const faults: string[] = []
    const doubled = this.#doubled(asked.written)
    let unseen = 0
    for (const [when, answers, expected] of [
      ['', asked.first, this.#sound.first],
      ['write: ', asked.written, this.#sound.written],
      ['after writing: ', asked.last, this.#expectedLast(asked.written)],
    ] as const) {
      for (const [question, answer] of answers) {
        const about = aboutOf(question)
        const fault = compare(question, answer, expected, when.startsWith('after') ? doubled : new Set())
        const lost = fault && isLostRecord(flip, question, answer, expected)
        if (fault && (lost || isBlind(flip, question, answer) || (isKey(flip) && doubled.has(about)))) unseen++
        else if (fault) faults.push(`${when}${question}: ${fault}`)
        if (answer.failure !== undefined && expected.get(question)?.failure === undefined) damaged.add(about)
      }
    }
    if (flip.owners) faults.push(...strangers(damaged, this.#pathsOf(new Set(flip.owners))))
    return { damaged, unseen, faults }
  }

  /** Those that some numbers are, and those that read logs with these numbers. */
  #pathsOf(ids: ReadonlySet<number>): string[] {
    const concerned = this.#victim.streams.filter(
      ({ ref }) => ids.has(ref.id) || ref.segments?.some((segment) => ids.has(segment.id)),
    )
    return [...concerned.map(({ ref }) => ref.path), ...(ids.has(PROJECT_RECORDS) ? [PROJECT] : [])]
  }

  /** Streams to which an event was added that they had already: an index did not find its key. */
  #doubled(written: Answers): ReadonlySet<string> {
    const added = [...written].filter(([question, answer]) => {
      const sound = this.#sound.written.get(question)
      return question.includes(' retry ') && answer.failure === undefined && answer.parts[0] !== sound?.parts[0]
    })
    return new Set(added.map(([question]) => aboutOf(question)))
  }

  /** What is to be found after the writing, where some of it was refused: those streams are as they were. */
  #expectedLast(written: Answers): Answers {
    const { first, last } = this.#sound
    // The root's new events are those that tell of the new stream.
    const refused = (path: string) => written.get(`${path === '/' ? NEW_STREAM : path} append`)?.failure !== undefined
    const newest = refused('/') ? first : last
    const expected = new Map<string, Answer>()
    for (const [question, after] of last) {
      const before = first.get(question)
      if (!before || !isListing(question)) {
        expected.set(question, before && refused(aboutOf(question)) ? before : after)
        continue
      }
      // Rows of streams that were refused are as they were; so is the number of rows, where no stream was made.
      const parts = (newest.get(question)?.parts ?? []).map((part, at) => {
        const path = listedPath(part)
        return path === '' ? part : ((refused(path) ? before : after).parts[at] ?? part)
      })
      expected.set(question, { parts })
    }
    return expected
  }
}

interface Judgement {
  /** Streams of which something could not be answered. */
  readonly damaged: ReadonlySet<string>
  /** Answers that are wrong without a word, in the ways that are known (`isBlind`, `isLostRecord`). */
  readonly unseen: number
  readonly faults: string[]
}

/**
 * Where a row and its entry in an index part, only a check of the whole file sees what is missing: a key that is not
 * found, a row that is passed over where a list goes on with its next page.
 */
function isBlind(flip: Flip, question: string, { parts }: Answer): boolean {
  if (isKey(flip)) return (question.includes(' key ') && parts[0] === 'null') || question.includes(' retry ')
  // Whoever is told that a path is free may begin there: what the forks read has another number, and stays.
  if (question.endsWith(' retained')) return flip.table === 'forks_path' || flip.column === 'source_path'
  return flip.kind === 'index page' && / (?:children|list by 7)$/.test(question)
}

/** A record whose place is damaged is as good as never written. */
function isLostRecord({ table }: Flip, question: string, { parts }: Answer, answers: Answers): boolean {
  if (table !== 'records') return false
  if (/ record /.test(question)) return parts[0] === 'null'
  return question.endsWith(' records') && isPartOf(parts, answers.get(question)?.parts ?? [])
}

/** Changed through SQL, a key or the stream it belongs to takes its entry in the index along. */
const isKey = ({ table, column }: Flip): boolean =>
  table === 'events_key' || (table === 'events' && (column === 'key' || column === 'stream_id'))

/** The stream a question is about. */
const aboutOf = (question: string): string => question.split(' ', 1)[0] ?? ''

interface Asked {
  readonly first: Answers
  readonly written: Answers
  readonly last: Answers
  readonly faults: readonly string[]
}

/**
 * Asks everything, twice: of the file as it is, and, in another process's shoes, after writing to every stream without
 * having read anything. Null: the file was refused.
 */
async function askAll(file: string, victim: Victim, between: () => string[] = () => []): Promise<Asked | null> {
  try {
    const reading = openProject(file, 'reader')
    let first: Answers
    let faults: string[]
    try {
      first = await askEverything(reading, victim.streams)
      faults = between()
    } finally {
      reading.streams.shutdown()
    }
    const writing = openProject(file, 'writer')
    // No power is cut here; syncing would take most of the time.
    writing.storage.connection.pragma('synchronous = off')
    try {
      const written = await writeEverywhere(writing, victim.streams)
      const last = await askEverything(writing, victim.streams)
      return { first, written, last, faults }
    } finally {
      writing.streams.shutdown()
    }
  } catch (error) {
    const { code } = failure(error) as { code?: string }
    if (code === 'INTERNAL') return null
    throw error
  }
}

/** Right as far as it goes, and an error that says so where it ends early. */
function compare(question: string, answer: Answer, answers: Answers, except: ReadonlySet<string>): string | null {
  const sound = answers.get(question)
  const right = isListing(question) ? isPartOf : isBeginning
  const failed = answer.failure !== undefined
  const masked = (parts: readonly string[]) => parts.map((part) => (except.has(listedPath(part)) ? '' : part))
  const [found, expected] = [masked(answer.parts), masked(sound?.parts ?? [])]
  const fits = right(found, expected) && (failed || found.length === expected.length)
  if (!fits && !isEarlierSnapshot(question, answer, answers)) return `silently other: ${difference(found, expected)}`
  if (!failed || JSON.stringify(answer.failure) === JSON.stringify(sound?.failure)) return null
  const { code, path } = answer.failure as { code?: string; path?: string }
  if (code !== 'INTERNAL') return `fails with ${JSON.stringify(answer.failure)}`
  // What a commit fails on concerns every stream that is in it; a live reader is only told that its storage failed.
  const nameless =
    question.endsWith(' subscribe') || / (?:append|retry)/.test(question) || aboutOf(question) === PROJECT
  return path === undefined && !nameless ? `names no stream: ${JSON.stringify(answer.failure)}` : null
}

const isListing = (question: string): boolean => / (?:children|list by \d+)$/.test(question)
const listedPath = (part: string): string => /"path":"([^"]*)"/.exec(part)?.[1] ?? ''

const isBeginning = (found: readonly string[], expected: readonly string[]): boolean =>
  found.every((part, index) => part === expected[index])

/** A list of several pages shows at its end that a row was missing. */
function isPartOf(found: readonly string[], expected: readonly string[]): boolean {
  let at = 0
  return found.every((part) => (at = expected.indexOf(part, at) + 1) > 0)
}

/**
 * A snapshot that is not found where it belongs is as good as never taken: the state is computed from the one before, or
 * from the beginning of the log, and comes out the same.
 */
function isEarlierSnapshot(question: string, answer: Answer, answers: Answers): boolean {
  const [snapshot, atMost] = question.split(' at ')
  if (atMost === undefined || answer.parts.length !== 1) return false
  if (answer.parts[0] === 'null') return true
  return [...answers].some(([other, { parts }]) => {
    const [sameSnapshot, earlier] = other.split(' at ')
    return sameSnapshot === snapshot && Number(earlier) < Number(atMost) && parts[0] === answer.parts[0]
  })
}

function difference(found: readonly string[], expected: readonly string[]): string {
  const at = found.findIndex((part, index) => part !== expected[index])
  if (at === -1) return `${found.length} parts instead of ${expected.length}`
  return `part ${at} is ${found[at]?.slice(0, 150)} instead of ${expected[at]?.slice(0, 150)}`
}

/** Others than the damaged row's own stream: only lists that contain it may fail, and its ancestors, which count it. */
function strangers(damaged: ReadonlySet<string>, owners: readonly string[]): string[] {
  return (
    [...damaged]
      .filter((path) => !owners.some((owner) => owner === path || owner.startsWith(path === '/' ? '/' : `${path}/`)))
      // A damaged number may be the highest: then there is none for a new stream.
      .filter((path) => path !== NEW_STREAM)
      .map((path) => `${path} is not the damaged stream, and fails`)
  )
}

function pickKind(random: Random): FlipKind {
  return random.chance(0.45) ? 'value' : random.chance(0.75) ? 'row page' : random.pick(FLIP_KINDS)
}

/** Rows as SQLite counts them; null where it cannot. */
function countRows(file: string): unknown[] {
  const db = new Database(file, { readonly: true })
  try {
    return ROW_TABLES.map((table) => {
      try {
        return db.prepare(`select count(*) from ${table} not indexed`).pluck().get()
      } catch {
        return null
      }
    })
  } catch {
    return []
  } finally {
    db.close()
  }
}
