import { type ItxErrorCode, type ItxErrorDetails, itxErrorCode, itxErrorDetails } from '../../streams/errors.ts'

/** What the reader can do about a failure: a retry, a way out, or nothing in this page. */
export type Remedy = 'retry' | 'reload' | 'sign-in' | 'projects' | 'none'

/** What a failure means to whoever reads the page. */
export interface FailureWords {
  /** The code that programs know it by, where it says something that the words do not. */
  readonly code?: ItxErrorCode
  /** What is the case: a sentence. */
  readonly what: string
  /** What follows from it, or what to do: sentences. */
  readonly advice?: string | undefined
  readonly remedy: Remedy
}

/**
 * From an error to words: the one place, so that the same failure is told the same way on every page.
 *
 * @param isAct something was to be done, not read: whether it was done may not be known
 */
export function failureWords(error: unknown, isAct = false): FailureWords {
  const code = itxErrorCode(error)
  const details = itxErrorDetails(error) ?? {}
  const what = sentence(messageOf(error))
  switch (code) {
    case undefined:
      return { what: 'Something failed in this page.', advice: what, remedy: 'retry' }
    case 'BAD_REQUEST':
      return { code, what, remedy: 'none' }
    case 'NOT_FOUND':
      return details['project'] === undefined ? { code, what, remedy: 'reload' } : PROJECT_GONE
    case 'FORBIDDEN':
      if (details['reason'] === 'signed-out') return details['because'] === 'access changed' ? CHANGED : SIGNED_OUT
      return { code, what, advice: roleAdvice(details), remedy: 'none' }
    case 'CONFLICT':
      return { code, what, advice: conflictAdvice(details), remedy: isAct ? 'none' : 'retry' }
    case 'RATE_LIMITED':
      return { code, what, advice: 'Wait a moment, then try again.', remedy: 'retry' }
    case 'UNAVAILABLE':
      return { ...unavailable(details, isAct), what: WHAT_IS_UNAVAILABLE[String(details['reason'])] ?? what }
    case 'INTERNAL':
      return { code, what, advice: joined(logAdvice(details), isAct && UNKNOWN), remedy: 'retry' }
  }
}

/** The same in one line, for where there is no room for a code of its own. */
export function failureLine(error: unknown, isAct = false): string {
  const { code, what, advice } = failureWords(error, isAct)
  return joined(code && `${code}:`, what, advice) ?? what
}

const UNKNOWN = 'Whether it was done is not known: look before you send it again.'

const PROJECT_GONE: FailureWords = {
  what: 'This project is not there any more: it was deleted, or you are no longer a member of it.',
  remedy: 'projects',
}
const CHANGED: FailureWords = {
  what: 'What you may do here has changed.',
  advice: 'This page shows how things were before.',
  remedy: 'reload',
}
const SIGNED_OUT: FailureWords = {
  what: 'You are signed out.',
  advice: 'This page is not live any more.',
  remedy: 'sign-in',
}

/** By reason: those that this page finds out by itself. All others are the server's, in its own words. */
const WHAT_IS_UNAVAILABLE: Readonly<Record<string, string>> = {
  offline: 'The server cannot be reached.',
  'connection-lost': 'The connection broke before an answer came.',
  'no-answer': 'The server is there, but has not answered.',
  'page-part': 'A part of this page could not be loaded.',
}

function unavailable({ reason }: ItxErrorDetails, isAct: boolean): Omit<FailureWords, 'what'> {
  switch (reason) {
    case 'offline':
      return {
        advice: isAct ? 'Nothing was sent.' : 'This page goes on by itself when it can be.',
        remedy: 'retry',
      }
    case 'connection-lost':
    case 'no-answer':
      return { advice: isAct ? UNKNOWN : undefined, remedy: 'retry' }
    case 'page-part':
      return { advice: 'The server cannot be reached, or has a new version.', remedy: 'retry' }
    default:
      return { code: 'UNAVAILABLE', remedy: 'retry' }
  }
}

function roleAdvice({ reason, needed }: ItxErrorDetails): string | undefined {
  return reason === 'role' && typeof needed === 'string'
    ? `An admin of the project can give you the role ${needed}.`
    : undefined
}

function conflictAdvice({ reason }: ItxErrorDetails): string | undefined {
  switch (reason) {
    case 'paused':
      return 'It takes appends again when an operator of the project resumes it.'
    case 'closed':
      return 'What is in it stays, and nothing is added.'
    default:
      return undefined
  }
}

function logAdvice({ correlationId }: ItxErrorDetails): string | undefined {
  return typeof correlationId === 'string' ? `The log of the server has the rest, under ${correlationId}.` : undefined
}

function joined(...sentences: readonly (string | false | undefined)[]): string | undefined {
  return sentences.filter(Boolean).join(' ') || undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Messages of errors begin small and end without a full stop; in a page they are sentences. */
function sentence(message: string): string {
  // A path or a name at the beginning stays as it is written.
  const begun = /^[a-z]+[ :,]/.test(message) ? message.charAt(0).toUpperCase() + message.slice(1) : message
  return /[.!?…]$/.test(begun) || begun === '' ? begun : `${begun}.`
}
