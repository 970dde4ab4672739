import { expect, test } from 'vitest'
import type { Holder } from './live-rights.ts'
import { LiveReaders, type ReadingEnd } from './live-readers.ts'
import type { KnownPrincipal } from './principal.ts'

// Guards the count of those who wait for news: whoever leaves, however it comes about, is counted off once.

const PROJECT = { id: 'p1', role: 'viewer' } as const
const token = (tokenId: string): KnownPrincipal => ({ kind: 'token', tokenId, projectId: 'p1', role: 'viewer' })
const user = (sessionId: string): KnownPrincipal => ({
  kind: 'user',
  userId: 'u1',
  email: 'ada@example.com',
  name: 'Ada',
  instanceAdmin: false,
  sessionId,
})

function room(most: number) {
  const watched = new Set<Holder>()
  const readers = new LiveReaders({
    most,
    rights: {
      watch: (holder) => {
        watched.add(holder)
        return () => void watched.delete(holder)
      },
    },
  })
  const ends: ReadingEnd[] = []
  return { readers, watched, ends, end: (why: ReadingEnd) => void ends.push(why) }
}

test('so many per credential, whatever others have', () => {
  const { readers, end } = room(2)
  const leave = readers.enter(token('a'), PROJECT, end)
  readers.enter(token('a'), PROJECT, end)
  expect(() => readers.enter(token('a'), PROJECT, end)).toThrow('more than 2 live reads are open')
  readers.enter(token('b'), PROJECT, end)
  leave()
  leave()
  readers.enter(token('a'), PROJECT, end)
  expect(() => readers.enter(token('a'), PROJECT, end)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }))
  expect(readers.size).toBe(3)
})

test('the sessions of one person count together', () => {
  const { readers, end } = room(2)
  readers.enter(user('s1'), PROJECT, end)
  readers.enter(user('s2'), PROJECT, end)
  expect(() => readers.enter(user('s3'), PROJECT, end)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }))
})

test('who loses a right is told so once, counted off, and watched no more', () => {
  const { readers, watched, ends, end } = room(1)
  const leave = readers.enter(token('a'), PROJECT, end)
  const [holder] = watched
  expect(holder).toMatchObject({ principal: token('a'), grants: new Map([['p1', 'viewer']]) })
  holder?.end('access changed')
  leave()
  readers.stop()
  expect(ends).toEqual(['access changed'])
  expect([readers.size, watched.size]).toEqual([0, 0])
})

test('who has left is told nothing', () => {
  const { readers, ends, end } = room(1)
  readers.enter(token('a'), PROJECT, end)()
  readers.stop()
  expect(ends).toEqual([])
})

test('a server that stops ends all and takes no more; one that begins anew takes them again', () => {
  const { readers, ends, end } = room(5)
  for (const id of ['a', 'a', 'b']) readers.enter(token(id), PROJECT, end)
  readers.restart()
  expect(ends).toEqual(['shutdown', 'shutdown', 'shutdown'])
  readers.enter(token('a'), PROJECT, end)
  readers.stop()
  expect(ends).toHaveLength(4)
  expect(() => readers.enter(token('a'), PROJECT, end)).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
})
