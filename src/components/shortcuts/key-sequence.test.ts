import { describe, expect, test } from 'vitest'
import { KeySequence, isSingleKeys } from './key-sequence.ts'

const KNOWN = ['space', '?', 'g s', 'g h', 's', 'mod+k', '/']

const plain = { ctrlKey: false, metaKey: false, altKey: false }

function pressed(keys: readonly (string | { readonly key: string; readonly ctrlKey: boolean })[], gapMs = 10) {
  const sequence = new KeySequence()
  return keys.map((each, at) => {
    const press = typeof each === 'string' ? { ...plain, key: each } : { ...plain, ...each }
    return sequence.press(press, KNOWN, at * gapMs).found
  })
}

describe('shortcuts', () => {
  test('are found key by key, and one after the other', () => {
    expect(pressed(['?', 'g', 's', 's', '/'])).toEqual(['?', null, 'g s', 's', '/'])
  })

  test('that were begun too long ago begin anew', () => {
    expect(pressed(['g', 's'], 1001)).toEqual([null, 's'])
    expect(pressed(['g', 's'], 1000)).toEqual([null, 'g s'])
  })

  test('that lead nowhere leave the next key to itself', () => {
    expect(pressed(['g', '?', 'g', 'g', 'h', 'x', 'h'])).toEqual([null, '?', null, null, 'g h', null, null])
  })

  test('call the space bar by its name', () => {
    expect(pressed([' ', 'x', ' '])).toEqual(['space', null, 'space'])
  })

  test('tell a key with Ctrl from the key alone', () => {
    expect(pressed([{ key: 'k', ctrlKey: true }, 'k', { key: 'K', ctrlKey: true }])).toEqual(['mod+k', null, 'mod+k'])
    expect(pressed([{ key: '?', ctrlKey: true }])).toEqual([null])
  })

  test('say whether one was begun, so that the key does nothing else', () => {
    const sequence = new KeySequence()
    expect(sequence.press({ ...plain, key: 'g' }, KNOWN, 0)).toEqual({ found: null, begun: true })
    expect(sequence.press({ ...plain, key: 'q' }, KNOWN, 1)).toEqual({ found: null, begun: false })
  })

  test('without a modifier can be turned off', () => {
    expect(KNOWN.filter(isSingleKeys)).toEqual(['space', '?', 'g s', 'g h', 's', '/'])
  })
})
