import { expect, test } from 'vitest'
import { lazily } from './lazily.ts'

/** A load that the test ends, well or badly. */
function controlled() {
  const asked: { resolve: (module: string) => void; reject: (error: Error) => void }[] = []
  const load = () => new Promise<string>((resolve, reject) => asked.push({ resolve, reject }))
  return { asked, load }
}

/** All that was settled has been told by then. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

test('a module is loaded once, however often it is asked for', async () => {
  const { asked, load } = controlled()
  const lazy = lazily(load)
  expect(lazy.current()).toEqual({ status: 'waiting' })
  lazy.preload()
  lazy.preload()
  asked[0]!.resolve('menu')
  await settled()
  lazy.preload()
  expect(asked).toHaveLength(1)
  expect(lazy.current()).toEqual({ status: 'loaded', module: 'menu' })
})

test('a load that failed is forgotten when it is asked for again', async () => {
  const { asked, load } = controlled()
  const lazy = lazily(load)
  const seen: string[] = []
  lazy.subscribe(() => seen.push(lazy.current().status))
  lazy.preload()
  asked[0]!.reject(new Error('offline'))
  await settled()
  expect(lazy.current()).toEqual({ status: 'failed' })
  lazy.preload()
  expect(lazy.current()).toEqual({ status: 'waiting' })
  asked[1]!.resolve('menu')
  await settled()
  expect(seen).toEqual(['failed', 'waiting', 'loaded'])
})

test('its state is the same object until it changes, as React wants it', () => {
  const lazy = lazily(controlled().load)
  expect(lazy.current()).toBe(lazy.current())
})
