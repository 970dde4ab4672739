import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Watch, checkUnharmed } from '../server/hostile-oracle.ts'
import { type Dialled, TestTributary } from '../server/testing.ts'

// Threat: two small frames, from somebody without a credential, end the process; twenty take all its memory. Cap'n Web
// knows values that our operations have no use for, and each of them was such a way.

let tributary: TestTributary
let watch: Watch
let modest: Dialled
beforeAll(async () => {
  tributary = await TestTributary.start()
  watch = new Watch()
})
beforeEach(() => {
  modest = tributary.itx('editor')
})
afterAll(async () => {
  watch[Symbol.dispose]()
  await tributary.stop()
})

/** What the server says to frames before it ends the session; whoever sends them has brought no credential. */
async function answersTo(frames: readonly (string | Buffer)[]): Promise<string[]> {
  const socket = new WebSocket(`ws://127.0.0.1:${tributary.port}/api/itx`)
  const answers: string[] = []
  socket.on('error', () => {}).on('message', (data) => answers.push((data as Buffer).toString()))
  await new Promise((resolve) => socket.once('open', resolve))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  for (const frame of frames) socket.send(frame)
  await closed
  return answers
}

const call = (argument: string) => `["push",["pipeline",0,["ping"],[${argument}]]]`
const PING = '["push",["pipeline",0,["ping"],[]]]'
const deep = (levels: number) => '[['.repeat(levels) + ']]'.repeat(levels)

describe('frames that no client of ours sends end their own session, said so', () => {
  const frames: Record<string, readonly (string | Buffer)[]> = {
    'a promise that nobody waits for': ['["push",["promise",1]]'],
    'a promise as an argument': [call('["promise",1]')],
    'a promise deep inside of an argument': [call('{"a":[[1,{"b":["promise",1]}]]}')],
    'a promise under a key that is dropped': [call('{"__proto__":["promise",1],"constructor":["promise",2]}')],
    'a promise in a result': ['["resolve",1,["promise",1]]'],
    'a promise in an error': ['["reject",1,["error","Error","x",null,{"cause":["promise",1]}]]'],
    'a promise as the end': ['["abort",["promise",1]]'],
    'a value that is pushed': ['["push",[[1]]]'],
    'a result as an argument': [PING, call('["pipeline",1]')],
    'a call as an argument': [call('["pipeline",0,["ping"],[]]')],
    'a handle as an argument': [call('["import",0]')],
    'a mapped result as an argument': [PING, call('["remap",1,[],[],[]]')],
    'a pipe': ['["pipe"]'],
    'a stream': ['["stream",["pipeline",0,["ping"],[]]]'],
    'a stream to read': [call('["readable",1]')],
    'a stream to write': [call('["writable",1]')],
    'a blob': [call('["blob","a/b",["readable",1]]')],
    'a request': [call('["request","http://a/",{}]')],
    'a response': [call('["response",null,{}]')],
    'an address': [call('["url","http://a/"]')],
    'an array that is none': [call('[1,2]')],
    'an empty special form': [call('[]')],
    'more levels than are taken': [call(deep(300))],
    'ten thousand levels': [call(deep(10_000))],
    'arguments that are no array': ['["push",["pipeline",0,["ping"],{"0":1}]]'],
    'a call of what was not handed out': ['["push",["pipeline",7,["ping"],[]]]'],
    'a call of what was given back': [PING, '["release",1,1]', '["push",["pipeline",1,["ping"],[]]]'],
    'a path of objects': ['["push",["pipeline",0,[{}],[]]]'],
    'a path of a hundred names': [`["push",["pipeline",0,${JSON.stringify(Array(100).fill('a'))},[]]]`],
    'a result that there is not': ['["pull",99]'],
    'the main handle given back': ['["release",0,1]'],
    'given back what there is not': ['["release",5,1]'],
    'given back twice as often': [PING, '["release",1,2]'],
    'given back less than nothing': [PING, '["release",1,-1]'],
    'seventeen functions': [call(`[[${Array.from({ length: 17 }, (_, i) => `["export",${-1 - i}]`).join(',')}]]`)],
    'an unknown kind': ['["nonsense",1]'],
    'an object': ['{}'],
    null: ['null'],
    'no JSON': ['x'],
    bytes: [Buffer.from(PING)],
  }
  test.each(Object.entries(frames))('%s', async (_what, sent) => {
    const answers = await answersTo(sent)
    expect(answers.at(-1)).toMatch(/^\["abort",\["error",/)
    expect(answers.at(-1)).toContain('{"code":"BAD_REQUEST","details":{"reason":"frame"}}')
    expect(await modest.root.ping()).toBe('pong')
    checkUnharmed(watch)
  })

  test('a result that holds the one before it twice, twenty times over, is never made', async () => {
    const doubled = Array.from({ length: 20 }, (_, i) => `["push",[[["pipeline",${i + 1}],["pipeline",${i + 1}]]]]`)
    const answers = await answersTo([PING, ...doubled, '["pull",21]'])
    expect(answers.join('').length).toBeLessThan(1000)
    expect(await modest.root.ping()).toBe('pong')
  })

  test('promises left behind by a session that ends do not end the process', async () => {
    const answers = await answersTo(['["push",["promise",1]]', '["push",["promise",2]]', 'x'])
    expect(answers).toHaveLength(1)
    await new Promise((resolve) => setImmediate(resolve))
    checkUnharmed(watch)
  })
})

test('every kind of value that a client may pass arrives', async () => {
  const { socket, root, received } = modest
  await root.ping()
  const values = ['["date",0]', '["bigint","1"]', '["bytes","AA=="]', '["undefined"]', '["nan"]', '["inf"]', '["-inf"]']
  const more = [
    '["error","Error","x",null,{"a":[[1]]}]',
    '[[1,[[2]]]]',
    '{"a":{"b":null}}',
    '"promise"',
    '[["promise",1]]',
  ]
  socket.send(`["push",["pipeline",0,["ping"],[${[...values, ...more].join(',')}]]]`)
  socket.send('["pull",2]')
  // The session goes on: its own call is answered after ours.
  await root.ping()
  expect(received).toContain('["resolve",2,"pong"]')
})
