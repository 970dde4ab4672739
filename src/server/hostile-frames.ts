import fc from 'fast-check'
import { listed } from './hostile-input.ts'

/** Frames of Cap'n Web, and bytes of a WebSocket, as hostile clients send them. */

const id = fc.oneof(fc.integer({ min: -4, max: 6 }), fc.constantFrom(0, 1, -1, 1.5, 1e308))
const names = fc.oneof(
  fc.array(
    fc.constantFrom(
      ...listed`projects  get  streams  list  append  read  subscribe  state  ping  whoami  authenticate  constructor  __proto__  then  toString  length  0`,
    ),
    { maxLength: 4 },
  ),
  fc.constantFrom(['ping'], ['whoami'], ['projects', 'get'], ['projects', 'list'], ['authenticate']),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, 0, -1, 'demo', '/a', '', '__proto__'),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => [items]),
    fc.dictionary(fc.constantFrom(...listed`type  payload  a  then  __proto__  constructor  toJSON`), tie('value'), {
      maxKeys: 3,
    }),
    fc
      .tuple(
        fc.constantFrom(
          ...listed`bigint  date  bytes  error  undefined  inf  nan  url  headers  request  response  blob  import  pipeline  remap  export  promise  writable  readable  nonsense  __proto__`,
        ),
        fc.array(fc.oneof(id, tie('value'), names, fc.constantFrom('TypeError', '12', 'Uint8Array', 'AAAA')), {
          maxLength: 4,
        }),
      )
      .map(([form, rest]) => ([form] as unknown[]).concat(rest)),
    fc.tuple(fc.constantFrom('pipeline', 'import'), id, names, fc.array(tie('value'), { maxLength: 3 })),
    fc.tuple(fc.constantFrom(...listed`promise  export  import  pipeline  readable  writable`), id),
  ),
}))
/** A message as it is sent over the socket; many of them are none. */
export const hostileFrame: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(id, names, fc.array(value, { maxLength: 3 }))
      .map(([on, path, args]) => ['push', ['pipeline', on, path, args]]),
  },
  { weight: 3, arbitrary: fc.tuple(fc.constant('pull'), id) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('push', 'push', 'stream', 'abort', 'pull', 'nonsense'), value) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('push'), fc.tuple(fc.constantFrom('promise', 'pipeline'), id)) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('resolve', 'reject', 'release'), id, value) },
  { weight: 1, arbitrary: fc.oneof(fc.constant(['pipe']), value) },
)

/** The first bytes of a WebSocket frame that is broken: no mask, odd codes, lengths that never come. */
export const brokenBytes: fc.Arbitrary<string> = fc.constantFrom(
  ...listed`81fe  82ff  c180  a180  8300  0080  8900  897e  88ff  81ff7fffffffffffffff  81ff0000000080000000  017f
      8880  888103  8882ffff  88820000  818100000000  81840000000022  01810000000078  f1ff  ffffffff`,
)
