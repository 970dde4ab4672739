import { ItxError } from '../../streams/errors.ts'

/** The longest that a page waits for an answer, in milliseconds. */
export const ANSWER_MS = 30_000

/**
 * The answer, if it comes in time. A socket that is alive says nothing about a call that nobody answers: without this a
 * page would go on loading for good.
 *
 * @throws {ItxError} UNAVAILABLE `no-answer`; whether the call was carried out is not known then.
 */
export async function inTime<T>(answer: Promise<T>, withinMs: number = ANSWER_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(unanswered(withinMs)), withinMs)
  })
  // A promise of Cap'n Web asks anew whenever it is awaited: it is awaited once.
  const asked = Promise.resolve(answer)
  // Who has stopped waiting does not want to hear how it ended.
  asked.catch(() => {})
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
  }
}

/** As `inTime`, for a handle: one that comes late is given back. */
export function handleInTime<T extends Disposable>(asked: Promise<T>, withinMs: number = ANSWER_MS): Promise<T> {
  let late = false
  void asked.then(
    (handle) => late && handle[Symbol.dispose](),
    () => {},
  )
  return inTime(asked, withinMs).catch((error: unknown) => {
    late = true
    throw error
  })
}

function unanswered(withinMs: number): ItxError {
  return new ItxError('UNAVAILABLE', `no answer within ${withinMs / 1000} s`, { reason: 'no-answer', withinMs })
}
