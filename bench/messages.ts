import { gunzipSync } from 'node:zlib'
import type { Answer } from './wire.ts'

/** The messages that the HTTP door is measured with: about 100 bytes of JSON, each with its number. */

export interface Message {
  readonly n: number
}

const WORDS = 'river stone lantern carries quiet morning over bridge seven letters about the harbour and returns'.split(
  ' ',
)

/** Enough of them that a compression finds no two alike. */
const LINES = Array.from({ length: 1024 }, (_, i) => line(i))
const TEXTS = LINES.map((each) => each.slice(0, 33))

/** Words in an order of their own, cut to one length. */
function line(seed: number): string {
  let state = seed * 2_654_435_761 + 1
  let words = ''
  while (words.length < 90) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words += `${WORDS[(state >>> 16) % WORDS.length]} `
  }
  return words.slice(0, 90)
}

/** 100 bytes where the number has 5 digits. */
export function messageJson(n: number): string {
  return `{"n":${n},"type":"step","agent":"a1","kind":"reasoning","text":"${TEXTS[n % TEXTS.length]}"}`
}

/** A line of 100 bytes for a text stream. */
export function messageText(n: number): string {
  return `${String(n).padStart(8, '0')} ${LINES[n % LINES.length]}\n`
}

/** Consecutive messages, with commas between them. */
export function messagesJson(first: number, count: number): string {
  return Array.from({ length: count }, (_, i) => messageJson(first + i)).join(',')
}

/** The body of an answer as it was before it was compressed. */
export function plainBody(answer: Answer): Buffer {
  return answer.header('content-encoding') === 'gzip' ? gunzipSync(answer.body) : answer.body
}

/** Throws unless the messages are those with the numbers from `first` on, one after the other. */
export function checkNumbers(messages: readonly Message[], first: number): void {
  for (const [i, { n }] of messages.entries()) {
    if (n !== first + i) throw new Error(`message ${n} is where ${first + i} should be`)
  }
}
