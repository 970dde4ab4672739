import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Watch, checkUnharmed } from './hostile-oracle.ts'
import { type Dialled, TestTributary, eventually } from './testing.ts'

// Threat: somebody with a good token sends what no client of ours sends, or far too much of what all send. The session
// ends or answers with codes, the memory returns to where it was, and the others feel nothing.

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const MIB = 2 ** 20

let tributary: TestTributary
let watch: Watch
let modest: Dialled
let token: string
beforeAll(async () => {
  tributary = await TestTributary.start()
  watch = new Watch()
  token = tributary.token('editor')
  modest = tributary.itx('editor')
  const stream = modest.streams().get('/busy')
  await stream.append([{ type: 'x', payload: JSON.stringify('a'.repeat(100_000)) as never }])
})
afterAll(async () => {
  watch[Symbol.dispose]()
  await tributary.stop()
})

/** A hostile client: raw frames out; of what comes back only what is needed to judge it. */
class Hostile {
  readonly socket = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`, {
    headers: { authorization: `Bearer ${token}` },
  })
  readonly codes = new Map<string, number>()
  /** Refusals without a code. */
  readonly uncoded: string[] = []
  answers = 0
  #calls = 0
  readonly closed = new Promise<number>((resolve) => this.socket.once('close', resolve))

  constructor() {
    this.socket
      .on('error', () => {})
      .on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as readonly unknown[]
        // A call of the server's is never answered.
        if (frame[0] !== 'push') this.answers++
        const [, code] = /"code":"([A-Z_]+)"/.exec(data.toString()) ?? []
        if (code !== undefined) this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
        if ((frame[0] === 'reject' || frame[0] === 'abort') && code === undefined) this.uncoded.push(data.toString())
      })
  }

  async open(): Promise<this> {
    await new Promise((resolve) => this.socket.once('open', resolve))
    return this
  }

  send(frame: unknown): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  }

  /** Calls something; the id of the answer. */
  call(on: number, path: readonly unknown[], args: readonly unknown[] = [], pull = true): number {
    this.send(['push', ['pipeline', on, path, args]])
    const id = ++this.#calls
    if (pull) this.send(['pull', id])
    return id
  }

  /** The stream `/busy`. */
  busy(): number {
    return this.call(this.call(0, ['projects', 'get'], ['demo'], false), ['streams', 'get'], ['/busy'], false)
  }

  /** Waits until everything so far was answered, or the session has ended. */
  async settled(): Promise<void> {
    if (this.socket.readyState !== WebSocket.OPEN) return
    const before = this.answers
    this.call(0, ['ping'])
    await Promise.race([this.closed, eventually(() => this.answers > before)])
  }
}

type Attack = (hostile: Hostile) => void | Promise<void>

const nested = (levels: number) => '[['.repeat(levels) + ']]'.repeat(levels)
const times = (count: number, each: (i: number) => void) => {
  for (let i = 0; i < count; i++) each(i)
}

const attacks: Readonly<Record<string, Attack>> = {
  'wrong shapes': (hostile) => {
    const busy = hostile.busy()
    const shapes = [null, 1, '', 'x', true, {}, [[]], [[1]], { type: 1 }, [[{}]], [[{ type: [[]] }]], { a: { b: 1 } }]
    for (const method of [
      'append',
      'read',
      'getEvent',
      'children',
      'subscribe',
      'scan',
      'export',
      'import',
      'configure',
    ]) {
      for (const shape of shapes) {
        hostile.call(busy, [method], [shape])
        hostile.call(busy, [method], [shape, shape])
      }
    }
  },
  'a huge depth, within what is taken': (hostile) => {
    times(200, () => hostile.send(`["push",["pipeline",0,["projects","get"],[${nested(120)}]]]`))
  },
  'a huge depth, beyond it': (hostile) => hostile.send(`["push",["pipeline",0,["ping"],[${nested(200_000)}]]]`),
  'unknown methods': (hostile) => times(2000, (i) => hostile.call(0, [`nosuch${i}`])),
  'unknown methods of what there is not': (hostile) => times(2000, (i) => hostile.call(0, ['a', `b${i}`, 'c'])),
  'names of prototypes': (hostile) => {
    const names = ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'then', 'catch']
    const more = ['__defineGetter__', '__lookupSetter__', 'isPrototypeOf', 'apply', 'bind', 'call', 'dup', 'Symbol']
    const busy = hostile.busy()
    for (const on of [0, busy]) {
      for (const name of [...names, ...more]) {
        for (const path of [[name], [name, name], [name, 'constructor'], ['projects', name], ['constructor', name]]) {
          hostile.call(on, path, ['return process'])
          hostile.send(['push', ['pipeline', on, path]])
          hostile.call(on, ['ping'], [], false)
        }
      }
    }
  },
  'callbacks where strings belong': (hostile) => {
    const busy = hostile.busy()
    times(500, (i) => {
      hostile.call(0, ['projects', 'get'], [['export', -1 - i]])
      hostile.call(busy, ['getEvent'], [{ idempotencyKey: ['export', -10_000 - i] }])
      hostile.call(busy, ['append'], [[[{ type: ['export', -20_000 - i] }]]])
    })
  },
  'functions by the thousand': (hostile) => {
    times(3000, (i) => {
      const functions = Array.from({ length: 16 }, (_, j) => ['export', -1 - 16 * i - j])
      hostile.call(0, ['ping'], [[functions]], false)
    })
  },
  'a flood of handles': (hostile) => times(40_000, () => hostile.call(0, ['projects', 'get'], ['demo'], false)),
  'a storm of calls that build on one another': (hostile) => {
    const project = hostile.call(0, ['projects', 'get'], ['demo'], false)
    times(4000, (i) => hostile.call(hostile.call(project, ['streams', 'get'], [`/storm/${i % 50}`], false), ['state']))
  },
  'map, over and over': (hostile) => {
    times(1000, () => hostile.send('["push",["remap",0,["projects"],[],[["pipeline",0,["list"],[]]]]]'))
  },
  'subscribers that acknowledge nothing': async (hostile) => {
    const busy = hostile.busy()
    times(1100, (i) => hostile.call(busy, ['subscribe'], [{ after: 'start' }, ['export', -1 - i]]))
    const stream = modest.streams().get('/busy')
    for (let i = 0; i < 50; i++)
      await stream.append([{ type: 'y', payload: JSON.stringify('b'.repeat(10_000)) as never }])
  },
  'scans that acknowledge nothing': (hostile) => {
    const busy = hostile.busy()
    times(100, (i) => hostile.call(busy, ['scan'], [{ filter: 'true' }, ['export', -1 - i]]))
  },
  'answers that nobody asked for': (hostile) => {
    times(5000, (i) => hostile.send(['resolve', i - 2500, { a: 'x'.repeat(100) }]))
  },
  'large messages': (hostile) => times(8, () => hostile.call(0, ['projects', 'get'], ['x'.repeat(4 * MIB)])),
  'many small values in one message': (hostile) => {
    hostile.send(`["push",["pipeline",0,["ping"],[[[${'[[]],'.repeat(300_000)}1]]]]]`)
  },
}

async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  return process.memoryUsage().heapUsed
}

test.each(Object.entries(attacks))('%s', async (_what, attack) => {
  const run = async () => {
    const hostile = await new Hostile().open()
    await attack(hostile)
    // The others are served while it goes on.
    for (let i = 0; i < 20; i++) expect(await modest.root.ping()).toBe('pong')
    await hostile.settled()
    expect(hostile.uncoded).toEqual([])
    expect(hostile.codes.has('INTERNAL')).toBe(false)
    hostile.socket.terminate()
    await hostile.closed
    return hostile
  }
  // What is compiled and cached at the first time is no leak.
  await run()
  const before = await heap()
  for (let i = 0; i < 2; i++) await run()
  const streams = tributary.streams('demo')
  await eventually(() => streams.idle)
  expect((await heap()) - before).toBeLessThan(8 * MIB)
  checkUnharmed(watch)
  // Nothing of it is worth a line in the log: all of it is the caller's doing.
  expect(tributary.logged).toEqual([])
})
