import { randomUUID } from 'node:crypto'
import { StreamEngine } from '../src/streams/engine.ts'
import { parsePath } from '../src/streams/path.ts'
import { BareLoop } from './bare-loop.ts'
import { PAYLOAD, step, stepWithRandomKey, steps } from './event.ts'
import { closedLoop } from './load.ts'
import { BenchDirectory } from './place.ts'

/** Streams and projects of a given size, in the engine and as bare tables, to be appended to. */

/** Streams of a project that are appended to in turn, where not all of them are. */
export const ACTIVE = 64

/** Makes one append, the i-th. */
export type Append = (i: number) => Promise<unknown>

/** Something of a size. Use with `using`. */
export interface Grown extends Disposable {
  /** The ways to append to it. */
  readonly appends: readonly Append[]
}

const CREATORS = 64
const PATH = '/agents/a1/runs/1'
const noKey = () => null

/** A stream of so many events; one way to append to it. */
export async function engineStream(size: number, keys: boolean): Promise<Grown> {
  const directory = new BenchDirectory()
  const engine = new StreamEngine({ directory: directory.path })
  const streams = engine.project('bench')
  const path = parsePath(PATH)
  const make = keys ? stepWithRandomKey : step
  for (let length = 0; length < size; length += 1000) await streams.append(path, steps(1000, make))
  return disposable([() => streams.append(path, [make()])], engine, directory)
}

export async function bareStream(size: number, keys: boolean): Promise<Grown> {
  const directory = new BenchDirectory()
  const loop = new BareLoop(directory.file('bare.db'))
  const [stream = 0] = loop.addStreams([PATH])
  const newKey = keys ? randomUUID : noKey
  const thousand = Array.from({ length: 1000 }, () => PAYLOAD)
  for (let length = 0; length < size; length += 1000) await loop.append(stream, thousand, newKey)
  return disposable([() => loop.append(stream, [PAYLOAD], newKey)], loop, directory)
}

/** A project of so many streams; ways to append: to the active ones, to them with random keys, to any of them. */
export async function engineProject(size: number): Promise<Grown> {
  const directory = new BenchDirectory()
  const engine = new StreamEngine({ directory: directory.path })
  const streams = engine.project('bench')
  await closedLoop(CREATORS, size, (i) => streams.create(pathOf(i)))
  const appends: Append[] = [
    (i) => streams.append(pathOf(active(i, size)), [step()]),
    (i) => streams.append(pathOf(active(i, size)), [stepWithRandomKey()]),
    () => streams.append(pathOf(any(size)), [step()]),
  ]
  return disposable(appends, engine, directory)
}

export async function bareProject(size: number): Promise<Grown> {
  const directory = new BenchDirectory()
  const loop = new BareLoop(directory.file('bare.db'))
  const numbers = loop.addStreams(Array.from({ length: size }, (_, i) => pathOf(i)))
  const numberOf = (i: number) => numbers[i] ?? 0
  for (let i = 0; i < size; i += 1000) {
    await Promise.all(numbers.slice(i, i + 1000).map((number) => loop.append(number, [PAYLOAD])))
  }
  const appends: Append[] = [
    (i) => loop.append(numberOf(active(i, size)), [PAYLOAD]),
    (i) => loop.append(numberOf(active(i, size)), [PAYLOAD], randomUUID),
    () => loop.append(numberOf(any(size)), [PAYLOAD]),
  ]
  return disposable(appends, loop, directory)
}

const pathOf = (i: number) => parsePath(`/agents/a${i % 500}/run-${i}`)
const active = (i: number, size: number) => (i % ACTIVE) * Math.floor(size / ACTIVE)
const any = (size: number) => Math.floor(Math.random() * size)

function disposable(appends: readonly Append[], writer: { close(): void }, directory: BenchDirectory): Grown {
  return {
    appends,
    [Symbol.dispose]() {
      writer.close()
      directory[Symbol.dispose]()
    },
  }
}
