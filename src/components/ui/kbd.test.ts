import { expect, test } from 'vitest'
import { nameOfKey } from './kbd.tsx'

test.each([
  ['mod', 'Ctrl', '⌘'],
  ['shift', 'Shift', '⇧'],
  ['alt', 'Alt', '⌥'],
  ['K', 'K', 'K'],
  ['?', '?', '?'],
])('the key %s is called %s, and on a Mac %s', (key, elsewhere, mac) => {
  expect(nameOfKey(key, false)).toBe(elsewhere)
  expect(nameOfKey(key, true)).toBe(mac)
})
