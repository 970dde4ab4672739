/** The benchmarks, in the order in which they run: each is a file of this folder and of `results/`. */
export const TOPICS = [
  'append',
  'replay',
  'fan-out',
  'catalogue',
  'projects',
  'subscribers',
  'recovery',
  'growth',
  'processors',
  'calls',
  'pages',
  'first-event',
  'idle-sockets',
  'reconnect-storm',
  'http-appends',
  'http-catch-up',
  'sse',
  'stream-db',
  'ui',
] as const

export function isTopic(name: string): name is (typeof TOPICS)[number] {
  return TOPICS.some((topic) => topic === name)
}
