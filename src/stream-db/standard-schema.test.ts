import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type SchemaResult, type StandardSchema, describeIssues, validated } from './standard-schema.ts'

// Guards against schemas of other people: asynchronous, sloppy with the standard, or broken.

type Validate = StandardSchema['~standard']['validate']

const schemaOf = (validate: Validate): StandardSchema => ({ '~standard': { version: 1, vendor: 'test', validate } })
const answering = (answer: unknown) => schemaOf(() => answer as SchemaResult<unknown>)
const ask = async (schema: StandardSchema, value: unknown = 1) => validated(schema, value)

describe('what a schema finds right', () => {
  test('comes back as the schema made it, without a promise when there was none', () => {
    const schema = z.object({ name: z.string().trim(), role: z.string().default('viewer') })
    expect(validated(schema, { name: ' Ann ' })).toEqual({ value: { name: 'Ann', role: 'viewer' } })
  })

  test('may carry issues that are undefined', () => {
    expect(validated(answering({ value: 1, issues: undefined }), 1)).toEqual({ value: 1 })
  })

  test('is awaited, from anything that can be', async () => {
    const asynchronous = z.string().transform(async (text) => text.length)
    expect(validated(asynchronous, 'four')).toBeInstanceOf(Promise)
    expect(await validated(asynchronous, 'four')).toEqual({ value: 4 })
    // oxlint-disable-next-line unicorn/no-thenable -- it is what is tested
    const thenable = { then: (done: (result: unknown) => void) => done({ value: 2 }) }
    expect(await ask(answering(thenable))).toEqual({ value: 2 })
  })
})

describe('what a schema finds wrong', () => {
  test('is told by its issues, late ones too', async () => {
    const issue = expect.objectContaining({ message: expect.any(String), path: ['name'] })
    expect(validated(z.object({ name: z.string() }), { name: 5 })).toEqual({ issues: [issue] })
    const taken = z.object({ name: z.string().refine(async () => false, 'is taken') })
    expect(await validated(taken, { name: 'Ann' })).toEqual({
      issues: [expect.objectContaining({ message: 'is taken', path: ['name'] })],
    })
  })

  test('is wrong without any issue named', () => {
    expect(validated(answering({ issues: [] }), 1)).toEqual({ issues: [] })
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('boom')
      },
      'the schema failed: boom',
    ],
    ['rejects', () => Promise.reject(new Error('boom')), 'the schema failed: boom'],
    [
      'throws what is no error',
      () => {
        throw {
          toString: () => {
            throw new Error('no')
          },
        }
      },
      'the schema failed: an object',
    ],
    ['answers nothing', () => undefined as never, 'the schema answered with no result'],
    ['answers later with nothing', () => Promise.resolve(null as never), 'the schema answered with no result'],
    ['names issues in a word', () => ({ issues: 'bad' }) as never, 'the schema gave issues that are no list'],
  ] satisfies [string, Validate, string][])('is all of what it judges, when it %s', async (_, validate, message) => {
    expect(await ask(schemaOf(validate))).toEqual({ issues: [{ message }] })
  })
})

test('issues are told in a line with their place, the first five of them', () => {
  expect(describeIssues([{ message: 'no' }, { message: 'small', path: ['a', { key: 0 }] }])).toBe('no; a.0: small')
  expect(describeIssues(Array.from({ length: 7 }, (_, at) => ({ message: `${at}` })))).toBe('0; 1; 2; 3; 4; and 2 more')
  expect(describeIssues([])).toBe('the schema does not say why')
})
