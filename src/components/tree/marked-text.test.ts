import { expect, test } from 'vitest'
import { parted } from './marked-text.ts'

test.each([
  ['/agents/Run', 'run', ['/agents/', 'Run', '']],
  ['/agents/run', 'GENT', ['/a', 'gent', 's/run']],
  ['/a', 'zzz', ['/a', '', '']],
  ['/a', '', ['/a', '', '']],
  ['/a(b)', '(', ['/a', '(', 'b)']],
])('%s has %j in it', (path, text, parts) => {
  expect(parted(path, text)).toEqual(parts)
})
