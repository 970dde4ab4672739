import fc from 'fast-check'
import { listed } from './hostile-input.ts'

/** Addresses as hostile callers write them. */

const SEGMENTS = [
  ...listed`a  b  A  .  ..  ...  %2e  %2E%2e  %2F  %2f..  %5c  %00  %0a  %0d%0aSet-Cookie:a  %  %zz  %c0%af  %c0%ae  %ff
    %e0%80%ae  %ed%a0%80  %252e%252e  %252f  %25  %C3%A4  ~  *  '  @  $&  +  ;  ,  :  =  %20  %3f  %23  %41  __proto__
    constructor`,
  '',
  'x'.repeat(200),
  'x'.repeat(600),
]
/** What only a program can ask for: no HTTP client sends it as it is. */
const RAW_SEGMENTS = ['a', 'b', '', '.', '..', '\u0000', '\n', '\r', '\u2028', '\ud800', '\ufeff', ' '].concat(
  listed`\  ä  🙂  ?  #  "  <  {  |  ^`,
)

const joined = (segments: readonly string[]) =>
  fc
    .tuple(
      fc.constantFrom(...listed`/  //  /./  /../  /%2e%2e/  /../other/`),
      fc.array(fc.constantFrom(...segments), { maxLength: 5 }),
      fc.constantFrom('', '/'),
    )
    .map(([prefix, parts, end]) => `${prefix}${parts.join('/')}${end}`)
const LONG = ['/a'.repeat(32), '/a'.repeat(33), '/a'.repeat(2000), '/..'.repeat(40), '/a/..'.repeat(300)]

/** A path in the target of a request, escapes and all. */
export const escapedPath: fc.Arbitrary<string> = fc.oneof(
  { weight: 9, arbitrary: joined(SEGMENTS) },
  { weight: 1, arbitrary: fc.constantFrom(...LONG) },
)

/** A path as a program gives it. */
export const plainPath: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: escapedPath },
  { weight: 4, arbitrary: joined(RAW_SEGMENTS) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }).map((text) => `/${text}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>('', 'a', './a', null, 7, {}, [], ['/a'], `/${'a'.repeat(100_000)}`),
  },
)

const PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  offset: [
    ...listed`-1  0  1  -0  1.5  -2  now  NOW  nan  NaN  Infinity  1e308  9007199254740993  %00  []  0_0  %d9%a0
      0000000000000001_0000000000000000  9999999999999999_0000000000000000  9007199254740991_9999999999999999
      0000000000000000_0000000000000000  00000000000000001_000000000000000  %30000000000000000_0000000000000000`,
    '',
  ],
  filter: [
    ...listed`true  false  1  payload.a  event  type  payload.__proto__  payload.matches("(a%2B)%2B$")  ((((  a.b.c.d
      [1,2].map(a,a)  event.type%20==%20"a"  %00  %ff  1/0==1  size(payload)%20>%200  "a"%20in%20payload  'a`,
    '',
    'x'.repeat(2001),
    '!'.repeat(1999),
    '('.repeat(999),
  ],
  limit: [...listed`0  1  -1  1.5  1000  1001  1e3  9007199254740993  NaN  %31  0x10  +1  %201  %d9%a1`, ''],
  prefix: [...listed`/  /a  a  /..  %2Fa  /a%00  /%252e  /a/  //`, ''],
  after: [...listed`/  /a  a  /zzz  %00  /a/b`, ''],
  match: [...listed`%25  _  *  ?  [a  %00  '  A  a%00  %ff`, '', 'x'.repeat(256)],
  live: [...listed`sse  long-poll  true`, ''],
}

const parameter = fc.oneof(
  fc
    .constantFrom(...Object.entries(PARAMETERS))
    .chain(([name, values]) => fc.constantFrom(...values).map((value) => `${name}=${value}`)),
  fc.constantFrom(...listed`x  =  &  %  %=%  __proto__=1  offset  a=%  ;  ?`, 'a=b&'.repeat(2000)),
)

/** A query with its question mark; often none. */
export const hostileQuery: fc.Arbitrary<string> = fc.oneof(
  fc.constant(''),
  fc.array(parameter, { minLength: 1, maxLength: 3 }).map((each) => `?${each.join('&')}`),
)
