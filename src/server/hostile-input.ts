import fc from 'fast-check'

/**
 * What hostile callers send: tables of what is wrong with each field of an event and of what is odd but good, and
 * arbitraries that mix them. Everything is JSON text, so that the same input goes through every door.
 */

/** Words apart by two blanks or a line break, as they are written: no escape is resolved. */
export function listed({ raw }: TemplateStringsArray): string[] {
  return (raw[0] ?? '').trim().split(/ {2,}|\n\s*/)
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
const nestedObject = (levels: number) => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels)
const text = (characters: number) => JSON.stringify('x'.repeat(characters))

/** Values where text belongs; the last of them would be text by their own word. */
const NO_TEXT = listed`null  0  -1  true  {}  []  ["a"]  {"length":1,"0":"a"}  {"toString":1,"valueOf":1}`
const LONE_SURROGATES = listed`"\ud800"  "a\udc00"  "\ud800\ud800"  "\udc00\ud800"`

/** For each field of an event, values that are refused. */
export const WRONG = {
  type: [
    ...NO_TEXT,
    ...LONE_SURROGATES,
    ...listed`""  "\u0000"  "a\nb"  "\r"  "\t"  "\u001f"  "\u007f"  "\u0085"  "\u009f"`,
    text(256),
    text(1_000_000),
    nested(100_000),
  ],
  payload: [nested(257), nestedObject(257), nested(100_000), `[${'['.repeat(256)}${']'.repeat(256)}]`],
  metadata: [...listed`null  0  true  ""  "{}"  []  [{}]`, nestedObject(257), nestedObject(50_000)],
  source: [
    ...listed`null  0  true  ""  []  [{}]  {"other":1}  {"constructor":1}  {"__proto__":{"processor":{}}}
      {"processor":null}  {"processor":[]}  {"processor":{}}  {"processor":{"slug":"a"}}
      {"processor":{"slug":"a","version":1}}  {"processor":{"slug":"","version":"1"}}
      {"processor":{"slug":"\ud800","version":"1"}}  {"processor":{"slug":{"toString":1},"version":"1"}}
      {"processor":{"slug":"a","version":"1","more":1}}  {"processor":{"slug":"a","version":"1","__proto__":1}}`,
    `{"processor":{"slug":${text(256)},"version":"1"}}`,
    nested(50_000),
  ],
  idempotencyKey: [
    ...NO_TEXT,
    ...LONE_SURROGATES,
    ...listed`""  "\u0020"  "\u00a0\ufeff\n"  "stream/"  "stream/child-created/a@1"  "\tstream/x"`,
    text(256),
    text(1_000_000),
  ],
  offset: [
    ...listed`null  true  ""  "1"  "2"  []  [1]  [[1]]  {}  {"toString":1}  {"valueOf":1}  {"toString":{}}
      0  -0  -1  1.5  0.1  9007199254740992  1e308  -1e308  1e400  -1e400  1e-400`,
    nested(100_000),
    `[${'1,'.repeat(10_000)}1]`,
    text(100_000),
  ],
} as const

/** Names of members that an event has not. */
export const UNKNOWN_FIELDS = [
  ...listed`raw  createdAt  __proto__  constructor  prototype  toJSON  then  toString  hasOwnProperty  Type  types  0`,
  '',
  'type ',
  ' type',
  'payload\u0000',
  '\ud800',
  'x'.repeat(100_000),
]

/** For each field of an event, values that are odd and taken. */
const ODD = {
  type: [
    ...listed`"a"  "order/placed"  "\u0020"  "stream"  "Stream/closed"  " stream/closed"  "stream\\closed"  "\u0061"
      "__proto__"  "constructor"  "größe"  "🙂"  "<script>"  "'; drop table events"  "%_*"  "\ufeff"  "null"  "1"`,
    '"\u2028"',
    text(255),
  ],
  payload: [
    ...listed`null  true  0  -0  1e400  -1e-400  12345678901234567890  0.1000000000000000055  ""  []  {}  "text"
      "\u0000\ud800\udc00\uffff"  "\ud800"  "\ufeff"  "NaN"  "</script>"  "\\\"\\"  "a\r\nb"  [null,[null,{}]]
      {"__proto__":{"polluted":true}}  {"constructor":{"prototype":{"polluted":true}}}  {"":{"":[]}}  {"a":1,"a":2}
      {"toJSON":1,"then":2,"toString":3,"valueOf":4,"hasOwnProperty":5}  [{"__proto__":{"__proto__":{"polluted":1}}}]
      {"type":"stream/closed","payload":{"offset":1}}  { "spaced" : [ 1 , 2 ] }`,
    '"\u2028\u2029\u0085\uffff"',
    nested(256),
    nestedObject(256),
    text(100_000),
    `{${text(50_000)}:1}`,
    `[${'0,'.repeat(5000)}0]`,
  ],
  metadata: [
    ...listed`{}  {"by":"me"}  {"__proto__":{"polluted":true},"constructor":1}  {"n":12345678901234567890,"e":1e400}
      {"\u0000":"\ud800"}  { "a" : {} }`,
    nestedObject(256),
  ],
  source: listed`{}  {"processor":{"slug":"s","version":"1"}}  {"processor":{"slug":"__proto__","version":"\u0000"}}`,
  idempotencyKey: [
    ...listed`"k"  " k "  "\n\tk"  "Stream/x"  "stream"  "__proto__"  "\u0000"  "a\u0000b"  "' or 1=1 --"  "%"  "_"  "🙂"
      "e\u0301"  "\u00e9"`,
    text(255),
    `"${' '.repeat(300)}k2"`,
  ],
} as const

/** One line that is no event, and no object of JSON at all. */
export const NO_EVENTS = [
  ...listed`null  true  7  "a"  [[]]  [null]  [7]  [{"type":"a"},null]  {  }  {"type":"a"}}  {"type"}  {type:"a"}
    {'type':'a'}  {"type":"a",}  {"type":"a"}{"type":"b"}  NaN  undefined  {"type":"a"/**/}  {"type":"\x61"}
    {"type":"a","payload":01}  {"type":"a","payload":+1}  {"type":"a","payload":.5}  {"type":"a","payload":NaN}
    {"type":"a","payload":Infinity}  {"type":"a","payload":"\u12"}  {"type":"a","payload":0x10}`,
  '{"type":"a"}\u0000',
  '\ufeff{"type":"a"}',
  '\u2028{"type":"a"}',
  '{"type":"a\u0000b"}',
  '['.repeat(100_000),
]

/** Event types of the engine's own, and some that it has not. */
export const CORE_TYPES = listed`created  child-created  child-deleted  configured  metadata-updated  paused  resumed
  closed  subscriber-connected  subscriber-disconnected  processor-attached  processor-detached  error-occurred
  anything  __proto__  constructor  CLOSED  /`.map((name) => `stream/${name}`)

export interface HostileEvent {
  /** The event as it is sent. */
  readonly text: string
  readonly good: boolean
}

type Member = readonly [name: string, value: string]

/** An object of JSON with these members, in this order. */
export function written(members: readonly Member[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`
}

const member = (name: string, values: readonly string[]): fc.Arbitrary<Member> =>
  fc.constantFrom(...values).map((value): Member => [name, value])
const anyPayload = fc.json({ maxDepth: 5, stringUnit: 'binary' }).map((value): Member => ['payload', value])
const optional = fc
  .tuple(
    fc.oneof(member('payload', ODD.payload), anyPayload),
    member('metadata', ODD.metadata),
    member('source', ODD.source),
    member('idempotencyKey', ODD.idempotencyKey),
  )
  .chain((members) => fc.shuffledSubarray(members))
const goodMembers = fc
  .tuple(member('type', ODD.type), optional, fc.boolean())
  .map(([type, more, first]) => (first ? [type].concat(more) : more.concat([type])))

const badMember: fc.Arbitrary<Member> = fc.oneof(
  fc.constantFrom(...Object.entries(WRONG)).chain(([name, values]) => member(name, values)),
  fc.constantFrom(...UNKNOWN_FIELDS).map((name): Member => [name, '1']),
)

export const goodEvent: fc.Arbitrary<HostileEvent> = goodMembers.map((members) => ({
  text: written(members),
  good: true,
}))

const badText = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(goodMembers, badMember).map(([members, bad]) => spoilt(members, bad)) },
  { weight: 1, arbitrary: optional.map(written) },
  { weight: 1, arbitrary: fc.constantFrom(...NO_EVENTS) },
)

/** Of two members of a name the last counts: the good one goes. */
function spoilt(members: readonly Member[], bad: Member): string {
  return written([...members.filter(([name]) => name !== bad[0]), bad])
}

export const badEvent: fc.Arbitrary<HostileEvent> = badText.map((each) => ({ text: each, good: false }))

/** A batch of one to four; one bad event makes all of it bad. */
export const hostileBatch: fc.Arbitrary<readonly HostileEvent[]> = fc.oneof(
  fc.array(goodEvent, { minLength: 1, maxLength: 4 }),
  fc.array(fc.oneof(goodEvent, badEvent), { minLength: 1, maxLength: 4 }),
)

const levelsTooMany: readonly string[] = [nested(258), nestedObject(257), nested(100_000)]
const NO_JSON = listed`{  }  {a:1}  NaN  undefined  +1  .5  01  0x1  'a'  "\u12"  "\x61"  {"a":}  1 2  tru  /**/1`

/** A message of a JSON stream. */
export const hostileMessage: fc.Arbitrary<HostileEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...ODD.payload).map((each) => ({ text: each, good: true })) },
  { weight: 4, arbitrary: anyPayload.map(([, each]) => ({ text: each, good: true })) },
  { weight: 2, arbitrary: fc.constantFrom(...levelsTooMany, ...NO_JSON).map((each) => ({ text: each, good: false })) },
)

/** Any JSON value at all, hostile ones among them. */
export const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc
    .constantFrom(
      ...listed`null  true  0  -0  -1  1.5  9007199254740992  1e308  ""  "1"  "now"  "start"  "/"  []  {}  [[]]  "\u0000"
        "\ud800"  {"toString":1,"valueOf":1}  {"length":3}  {"then":1}  {"__proto__":{"polluted":1}}  "stream/x"
        {"constructor":{"prototype":{"polluted":1}}}`,
      text(3000),
    )
    .map((each) => JSON.parse(each) as unknown),
  fc.integer({ min: -3, max: 1200 }),
  fc.jsonValue({ maxDepth: 3 }),
)
