import { expect, test } from 'vitest'
import { parsePath } from '../path.ts'
import { type Link, heldAgainst, isPending, linkOf, linkText, named, unnamed } from './link.ts'

const path = parsePath('/v1/stream/events/a')
const FOUND = { path, matches: true, since: 3 }
const TAIL = { incarnationId: 'life-1', offset: 7 }
const LINK: Link = { path, glob: true, explicit: false, acked: 5, incarnationId: 'life-1', since: 1 }

test('a stream that a pattern comes upon is linked before its first event', () => {
  expect(heldAgainst(null, TAIL, FOUND)).toEqual({ ...LINK, acked: -1, since: 3 })
  expect(heldAgainst(null, TAIL, { ...FOUND, matches: false })).toBeNull()
})

test('a link whose stream goes on is left as it is, to the very object', () => {
  expect(heldAgainst(LINK, TAIL, FOUND)).toBe(LINK)
})

test('what was done in a life that is over counts for nothing in the next, and no wake of before may speak of it', () => {
  expect(heldAgainst(LINK, { incarnationId: 'life-2', offset: 9 }, FOUND)).toEqual({
    ...LINK,
    acked: -1,
    incarnationId: 'life-2',
    since: 3,
  })
})

test('a stream that is gone takes its link along; one that was only named is waited for', () => {
  expect(heldAgainst(LINK, null, FOUND)).toBeNull()
  const awaited = named(null, null, FOUND)
  expect(awaited).toEqual({ path, glob: false, explicit: true, acked: 0, incarnationId: null, since: 3 })
  expect(heldAgainst(awaited, null, FOUND)).toBe(awaited)
  expect(heldAgainst(awaited, TAIL, FOUND)).toEqual({ ...awaited, glob: true, incarnationId: 'life-1' })
})

test('naming a stream that is linked already changes nothing of how far it is done', () => {
  const both = named(LINK, TAIL, FOUND)
  expect(both).toEqual({ ...LINK, explicit: true })
  expect(unnamed(both)).toEqual(LINK)
  expect(unnamed(named(null, TAIL, { ...FOUND, matches: false }))).toBeNull()
})

test('an empty stream has nothing to do, however it was linked', () => {
  expect(isPending({ ...LINK, acked: -1 }, { ...TAIL, offset: 0 })).toBe(false)
  expect(isPending({ ...LINK, acked: -1 }, { ...TAIL, offset: 2 })).toBe(true)
  expect(isPending(LINK, { ...TAIL, offset: 5 })).toBe(false)
})

test('a link is stored without its path, and comes back as it was', () => {
  expect(linkOf(path, linkText(LINK))).toEqual(LINK)
  expect(linkText(LINK)).not.toContain('events')
})
