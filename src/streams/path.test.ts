import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_PATH_LENGTH, MAX_PATH_LEVELS, ancestorPaths, isBelow, parentPath, parsePath, pathName } from './path.ts'
import { failure } from './testing.ts'

// Guards the names of streams: two spellings of one path must never become two streams, and no path may leave its
// project.

function refused(input: unknown): unknown {
  try {
    return { accepted: parsePath(input) }
  } catch (error) {
    return failure(error)
  }
}

describe('parsePath', () => {
  test.each([
    ['/', '/'],
    ['/a', '/a'],
    ['/a/', '/a'],
    ['/a/b/', '/a/b'],
    ['/.', '/'],
    ['/./', '/'],
    ['/a/.', '/a'],
    ['/a/./b', '/a/b'],
    ['/a/..', '/'],
    ['/a/../', '/'],
    ['/a/b/../c', '/a/c'],
    ['/...', '/...'],
    ['/..a', '/..a'],
    ["/-._~:@!$&'()*+,;=", "/-._~:@!$&'()*+,;="],
    ['/Aa/aA', '/Aa/aA'],
  ])('%j is %j', (input, canonical) => {
    expect(parsePath(input)).toBe(canonical)
  })

  test.each(['', 'a', 'a/b', './a', ' /a'])('%j does not begin with a slash', (input) => {
    expect(refused(input)).toMatchObject({ code: 'BAD_REQUEST', field: 'path' })
  })

  test.each(['//', '///', '/a//', '/a//b', '//a', '/..//a'])('%j has an empty segment', (input) => {
    expect(refused(input)).toMatchObject({ code: 'BAD_REQUEST', field: 'path' })
  })

  test.each(['/..', '/../', '/../a', '/a/../..', '/a/../../b', '/./..'])('%j leads above the root', (input) => {
    expect(refused(input)).toMatchObject({ code: 'BAD_REQUEST', field: 'path' })
    expect(() => parsePath(input)).toThrow('above the root')
  })

  test.each([
    '/a b',
    '/ä',
    '/a%2Fb',
    '/a?b',
    '/a#b',
    '/a\\b',
    '/a\u0000',
    '/a\n',
    '/a"b',
    '/a<b',
    '/[a]',
    '/\ud800',
    '/a^',
    '/{a}',
    '/a|b',
    '/`',
  ])('%j holds a character that no segment may', (input) => {
    expect(refused(input)).toMatchObject({ code: 'BAD_REQUEST', field: 'path' })
  })

  test.each([[undefined], [null], [7], [{}], [[]], [['/a']], [true]])('%j is no string', (input) => {
    expect(refused(input)).toMatchObject({ code: 'BAD_REQUEST', field: 'path' })
  })

  test('32 levels are accepted, 33 are refused with level count and limit', () => {
    const deepest = '/a'.repeat(MAX_PATH_LEVELS)
    expect(parsePath(deepest)).toBe(deepest)
    expect(refused(`${deepest}/a`)).toEqual({ code: 'BAD_REQUEST', levels: 33, limit: 32 })
    // What resolves away does not count.
    expect(parsePath(`${deepest}/a/..`)).toBe(deepest)
  })

  test('512 characters are accepted, 513 are refused with length and limit', () => {
    const longest = `/${'a'.repeat(MAX_PATH_LENGTH - 1)}`
    expect(parsePath(longest)).toBe(longest)
    expect(parsePath(`${longest}/`)).toBe(longest)
    expect(refused(`${longest}a`)).toEqual({ code: 'BAD_REQUEST', length: 513, limit: 512 })
    expect(refused(`/${'a'.repeat(5_000_000)}`)).toEqual({ code: 'BAD_REQUEST', length: 5_000_001, limit: 512 })
  })

  test('the message shows a long bad value shortened', () => {
    expect(() => parsePath(`/${'ä'.repeat(400)}`)).toThrow(/^.{1,1000}$/s)
  })

  const segment = fc.stringMatching(/^[A-Za-z0-9\-._~:@!$&'()*+,;=]{1,12}$/).filter((text) => !/^\.{1,2}$/.test(text))
  const segments = fc.array(segment, { maxLength: MAX_PATH_LEVELS })

  test('a canonical path is its own canonical form, and so it is with a trailing slash or dots added', () => {
    fc.assert(
      fc.property(segments, fc.nat(), (parts, at) => {
        const path = `/${parts.join('/')}`
        fc.pre(path.length <= MAX_PATH_LENGTH)
        expect(parsePath(path)).toBe(path)
        if (parts.length > 0) expect(parsePath(`${path}/`)).toBe(path)
        const dotted = parts.toSpliced(at % (parts.length + 1), 0, '.', 'x', '..')
        expect(parsePath(`/${dotted.join('/')}`)).toBe(path)
      }),
    )
  })

  test('whatever is accepted is canonical', () => {
    const unit = fc.constantFrom('/', '.', 'a', 'B', '-', '~', '%', ' ', 'é')
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 12 }), (units) => {
        const input = `/${units.join('')}`
        let path: string
        try {
          path = parsePath(input)
        } catch (error) {
          expect(failure(error)).toMatchObject({ code: 'BAD_REQUEST' })
          return
        }
        expect(parsePath(path)).toBe(path)
        expect(path).toMatch(/^\/$|^(\/[^/]+)+$/)
        expect(path.split('/')).not.toContain('..')
      }),
      { numRuns: 500 },
    )
  })
})

describe('relatives of a path', () => {
  test('the parent of a child of the root is the root; the root has none', () => {
    expect(parentPath(parsePath('/a/b/c'))).toBe('/a/b')
    expect(parentPath(parsePath('/a'))).toBe('/')
    expect(parentPath(parsePath('/'))).toBeNull()
  })

  test('ancestors begin at the root and leave the path itself out', () => {
    expect(ancestorPaths(parsePath('/a/b/c'))).toEqual(['/', '/a', '/a/b'])
    expect(ancestorPaths(parsePath('/a'))).toEqual(['/'])
    expect(ancestorPaths(parsePath('/'))).toEqual([])
  })

  test('the name is the last segment', () => {
    expect(pathName(parsePath('/a/b'))).toBe('b')
    expect(pathName(parsePath('/'))).toBe('/')
  })

  test('below means by whole segments, never the path itself', () => {
    const a = parsePath('/a')
    expect(isBelow('/a/b', a)).toBe(true)
    expect(isBelow('/a/b/c', a)).toBe(true)
    expect(isBelow('/a', a)).toBe(false)
    expect(isBelow('/ab', a)).toBe(false)
    expect(isBelow('/a-1', a)).toBe(false)
    expect(isBelow('/', a)).toBe(false)
    const root = parsePath('/')
    expect(isBelow('/a', root)).toBe(true)
    expect(isBelow('/', root)).toBe(false)
  })
})
