import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { loadSecret } from './secret.ts'
import { testDirectory } from './testing.ts'

test('makes a secret once, readable by its owner alone, and leaves no draft', () => {
  const dataDir = join(testDirectory(), 'data')
  const secret = loadSecret(dataDir)
  expect(secret).toMatch(/^[0-9a-f]{64}$/)
  expect(loadSecret(dataDir)).toBe(secret)
  expect(statSync(join(dataDir, 'secret.key')).mode & 0o777).toBe(0o600)
  expect(readdirSync(dataDir)).toEqual(['secret.key'])
})

test('gives every directory its own', () => {
  expect(loadSecret(testDirectory())).not.toBe(loadSecret(testDirectory()))
})

test.each(['', 'abc', `${'a'.repeat(64)} more`, 'A'.repeat(64)])('refuses and keeps a damaged file: %j', (content) => {
  const dataDir = testDirectory()
  const path = join(dataDir, 'secret.key')
  writeFileSync(path, content)
  expect(() => loadSecret(dataDir)).toThrow(path)
  expect(readFileSync(path, 'utf8')).toBe(content)
})

test('names the file when it cannot be read', () => {
  const dataDir = join(testDirectory(), 'file')
  writeFileSync(dataDir, '')
  expect(() => loadSecret(dataDir)).toThrow(join(dataDir, 'secret.key'))
})

test('processes that race get the same secret', async () => {
  const dataDir = testDirectory()
  const module = JSON.stringify(join(import.meta.dirname, 'secret.ts'))
  const script = `console.log((await import(${module})).loadSecret(${JSON.stringify(dataDir)}))`
  const secrets = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [out] = await Promise.all([text(child.stdout), once(child, 'exit')])
      return out.trim()
    }),
  )
  expect(new Set(secrets)).toEqual(new Set([loadSecret(dataDir)]))
  expect(readdirSync(dataDir)).toEqual(['secret.key'])
}, 30_000)
