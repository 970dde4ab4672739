import { isIP } from 'node:net'
import type { AuditEvent, AuditType } from '../control-plane/audit.ts'

/** What anybody can cause as often as they like. Everything else takes a right that somebody was given. */
const BOUNDED: ReadonlySet<AuditType> = new Set([
  'auth/sign-in-failed',
  'auth/rate-limited',
  'auth/changed',
  'access/denied',
])

const WINDOW_MS = 60_000
/** Events of one type from one source in a window. */
const PER_SOURCE = 30
/** Events of one type in a window, from whomever: addresses are cheap. */
const PER_TYPE = 300
/** Sources of one type that are counted one by one in a window. */
const MOST_SOURCES = 1000
/** Sources that a summary names. */
const NAMED_SOURCES = 10

interface Window {
  readonly since: number
  readonly sources: Map<string, { admitted: number; suppressed: number }>
  admitted: number
  suppressed: number
}

/**
 * Bounds what strangers can write into the audit: per minute at most 30 events of a type from one source (a principal,
 * an address, a /64 of IPv6), and 300 of a type from all of them. What is left out is counted, and told in one event per
 * type and minute. Memory is bounded by the number of types.
 */
export class AuditQuota {
  readonly #now: () => number
  readonly #windows = new Map<AuditType, Window>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** Whether an event is written; if not, it is counted. */
  admits(event: AuditEvent): boolean {
    if (!BOUNDED.has(event.type)) return true
    const window = this.#window(event.type)
    const source = this.#source(window, event)
    if (window.admitted < PER_TYPE && source.admitted < PER_SOURCE) {
      window.admitted++
      source.admitted++
      return true
    }
    window.suppressed++
    source.suppressed++
    return false
  }

  /** Counts an event that could not be written for another reason. */
  count(event: AuditEvent): void {
    const window = this.#window(event.type)
    window.suppressed++
    this.#source(window, event).suppressed++
  }

  /** What was left out in the windows that have ended; `all` of them, at the end of the server. Each is told once. */
  summaries({ all = false } = {}): AuditEvent<'audit/suppressed'>[] {
    const ended = [...this.#windows].filter(([, { since }]) => all || this.#isOver(since))
    for (const [type] of ended) this.#windows.delete(type)
    return ended.filter(([, { suppressed }]) => suppressed > 0).map(([type, window]) => summary(type, window))
  }

  #window(type: AuditType): Window {
    let window = this.#windows.get(type)
    // One with something to tell stays until it was told, which happens every second.
    if (window === undefined || (window.suppressed === 0 && this.#isOver(window.since))) {
      window = { since: this.#now(), sources: new Map(), admitted: 0, suppressed: 0 }
      this.#windows.set(type, window)
    }
    return window
  }

  #source({ sources }: Window, event: AuditEvent) {
    const wanted = sourceOf(event)
    const name = sources.has(wanted) || sources.size < MOST_SOURCES ? wanted : 'others'
    const source = sources.get(name) ?? { admitted: 0, suppressed: 0 }
    sources.set(name, source)
    return source
  }

  #isOver(since: number): boolean {
    const age = this.#now() - since
    // A clock that was set back must not make a window last for hours.
    return age >= WINDOW_MS || age < 0
  }
}

function summary(type: AuditType, { since, suppressed, sources }: Window): AuditEvent<'audit/suppressed'> {
  const most = [...sources]
    .filter(([, source]) => source.suppressed > 0)
    .toSorted(([, a], [, b]) => b.suppressed - a.suppressed)
    .slice(0, NAMED_SOURCES)
    .map(([source, counts]) => ({ source, count: counts.suppressed }))
  return { type: 'audit/suppressed', payload: { type, count: suppressed, since, most } }
}

/** Who caused an event: somebody known, else the address they came from. */
function sourceOf({ payload }: AuditEvent): string {
  const { by, address } = payload as { by?: { kind: string; id?: string } | null; address?: string | null }
  if (by) return by.id ?? by.kind
  if (typeof address !== 'string') return 'unknown'
  return isIP(address) === 6 ? subnetOf(address) : address
}

/** The /64 of an IPv6 address: who has one address of it has all. */
function subnetOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  const groups = [...left, ...zeros, ...right].map((group) => group.replace(/^0+(?=.)/, ''))
  return `${groups.slice(0, 4).join(':')}::/64`
}
