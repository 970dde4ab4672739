import { expect, test } from 'vitest'
import type { StreamPath } from '../../streams/path.ts'
import { recentStreams, rememberStream } from './recent-streams.ts'

function storage(kept: Record<string, string> = {}): Storage {
  return {
    getItem: (key: string) => kept[key] ?? null,
    setItem: (key: string, value: string) => {
      kept[key] = value
    },
  } as Storage
}

test('the latest stream comes first, each once, and no more than a dozen', () => {
  const here = storage()
  for (let i = 0; i < 15; i++) rememberStream('prj_a', `/s${i}` as StreamPath, here)
  rememberStream('prj_a', '/s10' as StreamPath, here)
  rememberStream('prj_b', '/other' as StreamPath, here)
  expect(recentStreams('prj_a', here)).toEqual([10, 14, 13, 12, 11, 9, 8, 7, 6, 5, 4, 3].map((i) => `/s${i}`))
  expect(recentStreams('prj_b', here)).toEqual(['/other'])
})

test.each(['', '{', '{"a":1}', 'null', '[1,null,"/a"]'])('what was kept wrongly is passed over: %s', (kept) => {
  const expected = kept.startsWith('[') ? ['/a'] : []
  expect(recentStreams('prj_a', storage({ 'tributary-recent:prj_a': kept }))).toEqual(expected)
})

test('a browser that keeps nothing is no error', () => {
  const full = {
    getItem: () => null,
    setItem: () => {
      throw new Error('full')
    },
  } as unknown as Storage
  rememberStream('prj_a', '/a' as StreamPath, full)
  rememberStream('prj_a', '/a' as StreamPath, undefined)
  expect(recentStreams('prj_a', undefined)).toEqual([])
})
