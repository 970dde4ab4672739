import { expectTypeOf, test } from 'vitest'
import type * as page from './index-page.ts'
import type * as program from './index.ts'

// `tributary/client` has one set of types: what a program sees must hold in a page as well.

test('what a page loads has the types of what a program loads', () => {
  expectTypeOf<typeof page>().toEqualTypeOf<typeof program>()
})
