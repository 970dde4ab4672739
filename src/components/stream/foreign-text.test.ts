import { expect, test } from 'vitest'
import { visibleName } from './foreign-text.ts'

// Guards names against text that lies about itself, and leaves alone what people write.

test('what turns, hides or breaks text is made visible', () => {
  expect(visibleName('\u202egnp.exe')).toBe('\\u202egnp.exe')
  expect(visibleName('ad\u200dmin')).toBe('ad\\u200dmin')
  expect(visibleName('a\u200d\u0645')).toBe('a\\u200d\u0645')
  expect(visibleName('\u0645\u200da')).toBe('\u0645\\u200da')
  expect(visibleName('а\u200cб')).toBe('а\\u200cб')
  expect(visibleName('a\u200b\u2066b\u0007')).toBe('a\\u200b\\u2066b\\u0007')
  expect(visibleName('\u200d\u200d')).toBe('\\u200d\\u200d')
  expect(visibleName('می\u200c')).toBe('می\\u200c')
})

test('joiners that are seen by what they join stay', () => {
  for (const text of ['👩\u200d💻 launch', '👩🏽\u200d💻', '🏳\ufe0f\u200d🌈', 'می\u200cخواهم', 'क्\u200dष']) {
    expect(visibleName(text)).toBe(text)
  }
})
